/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "messages/subjects.h"
#include "tests/support/cmocka.h"

static void test_tokens(void **state)
{
	char longest[SUBJECT_TOKEN_MAX + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[SUBJECT_TOKEN_MAX + 1] = '\0';
	assert_false(subject_is_token(longest));
	longest[SUBJECT_TOKEN_MAX] = '\0';
	assert_true(subject_is_token(longest));
	assert_true(subject_is_token("a"));
	assert_true(subject_is_token("node-1_x"));
	assert_false(subject_is_token(""));
	assert_false(subject_is_token("A"));
	assert_false(subject_is_token("a.b"));
	assert_false(subject_is_token("*"));
	assert_false(subject_is_token(">"));
	assert_false(subject_is_token("a b"));
}

static void test_net_token(void **state)
{
	static const struct {
		const char *name_space, *name, *token; /* NULL: refused */
	} rows[] = {
		{"default", "my-network", "default_my-network"},
		{"a", "b", "a_b"},
		{"team-1", "eu.west.net", "team-1_eu_west_net"},
		{"default", "", NULL},
		{"", "net", NULL},
		{"de.fault", "net", NULL}, /* a namespace holds no dot */
		{"default", "Net", NULL},
		{"default", "a_b", NULL},
		{"default", "-net", NULL},
		{"default", "net-", NULL},
		{"default", "a..b", NULL},
		{"default", "a.-b", NULL},
		{"default", ".a", NULL},
		{"default", "a.", NULL},
		{"default", "net/..", NULL},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		char token[SUBJECT_TOKEN_MAX + 1] = "untouched", name_space[64], name[254];
		int r = subject_net_token(row->name_space, row->name, token);

		if (r != (row->token ? 0 : -EINVAL) ||
		    strcmp(token, row->token ? row->token : "untouched") != 0)
			fail_msg("%s/%s: %d, %s", row->name_space, row->name, r, token);
		if (!row->token)
			continue;
		if (subject_net_names(token, name_space, name) != 0 ||
		    strcmp(name_space, row->name_space) != 0 || strcmp(name, row->name) != 0)
			fail_msg("%s: reads back as %s/%s", token, name_space, name);
	}
}

static void test_net_token_is_too_long(void **state)
{
	char name_space[64], name[254], token[SUBJECT_TOKEN_MAX + 1];

	(void)state;
	memset(name_space, 'a', 63);
	name_space[63] = '\0';
	memset(name, 'b', 253);
	name[253] = '\0';
	assert_int_equal(subject_net_token(name_space, name, token), -ENAMETOOLONG);
	name[192] = '\0'; /* 63 + 1 + 192 */
	assert_int_equal(subject_net_token(name_space, name, token), -ENAMETOOLONG);
	name[191] = '\0';
	assert_int_equal(subject_net_token(name_space, name, token), 0);
	assert_int_equal(strlen(token), SUBJECT_TOKEN_MAX);
}

static void test_net_names_refuses(void **state)
{
	static const char *const tokens[] = {"",     "_",    "a",    "a_", "_a",
					     "a__b", "a_b_", "a-_b", "A_b"};
	char name_space[64], name[254];

	(void)state;
	ARRAY_FOREACH(token, tokens, ARRAY_SIZE(tokens)) {
		if (subject_net_names(*token, name_space, name) != -EINVAL)
			fail_msg("'%s' was taken for a Network", *token);
	}
}

static void test_writers(void **state)
{
	char subject[SUBJECT_MAX];

	(void)state;
	assert_string_equal(subject_api(subject, API_APPLY, "default"), "ilb.v1.apply.default");
	assert_string_equal(subject_api(subject, API_DRYRUN, "*"), "ilb.v1.dryrun.*");
	assert_string_equal(subject_event(subject, "default", "network", "a.b"),
			    "ilb.v1.event.default.network.a_b");
	assert_string_equal(subject_state(subject, "ns_net"), "ilb.v1.state.ns_net");
	assert_string_equal(subject_snap(subject, "node1", "ns_net"), "ilb.v1.snap.node1.ns_net");
	assert_string_equal(subject_snap(subject, "*", "*"), "ilb.v1.snap.*.*");
	assert_string_equal(subject_sync(subject, "node1"), "ilb.v1.sync.node1");
	assert_string_equal(subject_status(subject, "node1", "ns_net"),
			    "ilb.v1.status.node1.ns_net");
	assert_string_equal(subject_alive(subject, "node1"), "ilb.v1.alive.node1");
	assert_string_equal(subject_traffic(subject, "default"), "ilb.v1.traffic.default");
	assert_string_equal(subject_note(subject, "node1", "default_a"),
			    "ilb.v1.note.node1.default_a");
	assert_string_equal(subject_log(subject, "default", "network", "a.b"),
			    "ilb.v1.log.default.network.a_b");
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		struct subject subject;
	} rows[] = {
		{"ilb.v1.apply.default",
		 {.kind = SUBJECT_API, .verb = API_APPLY, .name_space = "default"}},
		{"ilb.v1.list.a", {.kind = SUBJECT_API, .verb = API_LIST, .name_space = "a"}},
		{"ilb.v1.state.ns_net", {.kind = SUBJECT_STATE, .net = "ns_net"}},
		{"ilb.v1.snap.node1.ns_net",
		 {.kind = SUBJECT_SNAP, .node = "node1", .net = "ns_net"}},
		{"ilb.v1.sync.node1", {.kind = SUBJECT_SYNC, .node = "node1"}},
		{"ilb.v1.status.node1.ns_net",
		 {.kind = SUBJECT_STATUS, .node = "node1", .net = "ns_net"}},
		{"ilb.v1.alive.node1", {.kind = SUBJECT_ALIVE, .node = "node1"}},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct subject subject;

		if (subject_parse(row->text, &subject) != 0 ||
		    memcmp(&subject, &row->subject, sizeof(subject)) != 0)
			fail_msg("%s", row->text);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const texts[] = {
		"",
		"ilb.v1.",
		"ilb.v1",
		"ilb.v2.state.a",
		"ilb.v1.state",
		"ilb.v1.state.",
		"ilb.v1.state..a",
		"ilb.v1.state.a.b",
		"ilb.v1.state.A",
		"ilb.v1.state.*",
		"ilb.v1.snap.a",
		"ilb.v1.snap.a.b.c",
		"ilb.v1.snap.a.b.c.d.e",
		"ilb.v1.nonsense.a",
		"ilb.v1.apply",
		"ilb.v1.apply.a.b",
		"ilb.v1.event.a.network.b",
	};
	char text[SUBJECT_MAX + 400];
	struct subject subject;

	(void)state;
	ARRAY_FOREACH(row, texts, ARRAY_SIZE(texts)) {
		if (subject_parse(*row, &subject) != -EINVAL)
			fail_msg("'%s' was taken", *row);
	}
	(void)snprintf(text, sizeof(text), "ilb.v1.apply.%064d", 0);
	assert_int_equal(subject_parse(text, &subject), -EINVAL);
	(void)snprintf(text, sizeof(text), "ilb.v1.alive.%0256d", 0);
	assert_int_equal(subject_parse(text, &subject), -EINVAL);
	(void)snprintf(text, sizeof(text), "ilb.v1.alive.%01100d", 0);
	assert_int_equal(subject_parse(text, &subject), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_net_token),
		cmocka_unit_test(test_net_token_is_too_long),
		cmocka_unit_test(test_net_names_refuses),
		cmocka_unit_test(test_writers),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
