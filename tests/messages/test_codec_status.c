/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"

static struct address nth_addr(size_t i)
{
	struct address address = {.family = FAMILY_IPV4, .bytes = {10}};

	address.bytes[1] = (uint8_t)(i >> 16);
	address.bytes[2] = (uint8_t)(i >> 8);
	address.bytes[3] = (uint8_t)i;
	return address;
}

static struct status *new_status(size_t n_addresses, size_t n_refusals, size_t n_conditions,
				 const char *sentence)
{
	struct status *status = calloc(1, sizeof(*status));

	status->node = strdup("node1");
	status->net = strdup("default_net");
	memset(status->epoch.bytes, 5, sizeof(status->epoch.bytes));
	status->revision = 77;
	status->digest = UINT64_MAX;
	status->applied_at_ms = 1700000000000;
	status->addresses = calloc(n_addresses + 1, sizeof(*status->addresses));
	for (; status->n_addresses < n_addresses; status->n_addresses++)
		status->addresses[status->n_addresses] = nth_addr(status->n_addresses);
	status->refusals = calloc(n_refusals + 1, sizeof(*status->refusals));
	for (; status->n_refusals < n_refusals; status->n_refusals++)
		status->refusals[status->n_refusals].sentence = strdup(sentence);
	status->n_refused = n_refusals;
	status->conditions = calloc(n_conditions + 1, sizeof(*status->conditions));
	for (; status->n_conditions < n_conditions; status->n_conditions++) {
		status->conditions[status->n_conditions].reason = strdup("ForwardingDisabled");
		status->conditions[status->n_conditions].sentence = strdup(sentence);
	}
	return status;
}

static int through(const struct status *out, struct status **ret_in, struct error *err)
{
	auto_free void *bytes = NULL;
	size_t len;

	assert_int_equal(status_pack(out, &bytes, &len), 0);
	return status_unpack(bytes, len, ret_in, err);
}

static void test_status_round_trip(void **state)
{
	auto_call(status_freep) struct status *out = new_status(3, 2, 1, "no route: añb"),
					      *in = NULL;
	struct error err = {};

	(void)state;
	out->n_refused = 5000;
	if (through(out, &in, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(in->node, "node1");
	assert_string_equal(in->net, "default_net");
	assert_memory_equal(&in->epoch, &out->epoch, sizeof(in->epoch));
	assert_int_equal(in->revision, 77);
	assert_true(in->digest == UINT64_MAX);
	assert_int_equal(in->applied_at_ms, 1700000000000);
	assert_int_equal(in->n_addresses, 3);
	assert_true(address_equal(&in->addresses[2], &out->addresses[2]));
	assert_int_equal(in->n_refusals, 2);
	assert_string_equal(in->refusals[1].sentence, "no route: añb");
	assert_int_equal(in->n_refused, 5000);
	assert_int_equal(in->n_conditions, 1);
	assert_string_equal(in->conditions[0].reason, "ForwardingDisabled");
}

static void test_status_limits(void **state)
{
	static const struct {
		const char *name;
		size_t n_addresses, n_refusals, n_conditions;
		int r;
		const char *sentence;
	} rows[] = {
		{"none", 0, 0, 0, 0, ""},
		{"all", 65536, 1024, 16, 0, ""},
		{"addresses", 65537, 0, 0, -E2BIG, "addresses: "},
		{"refusals", 0, 1025, 0, -E2BIG, "refusals: "},
		{"conditions", 0, 0, 17, -E2BIG, "conditions: "},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		auto_call(status_freep) struct status *in = NULL;
		auto_call(status_freep) struct status *out =
			new_status(row->n_addresses, row->n_refusals, row->n_conditions, "because");
		struct error err = {};
		int r = through(out, &in, &err);

		if (r != row->r || !strstr(err.text, row->sentence))
			fail_msg("%s: %d, '%s'", row->name, r, err.text);
	}
}

static void test_status_refuses(void **state)
{
	auto_call(status_freep) struct status *out = new_status(3, 2, 1, "x"), *in = NULL;
	struct error err = {};

	(void)state;
	out->n_refused = 1;
	assert_int_equal(through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "n_refused: 1"));
	out->n_refused = 2;
	out->addresses[1] = out->addresses[0];
	assert_int_equal(through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "addresses[1]: out of order"));
	out->addresses[1] = nth_addr(1);
	out->conditions[0].reason[3] = '\n';
	assert_int_equal(through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "conditions[0]: reason: "));
	out->node[0] = 'N';
	assert_int_equal(through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "node: "));
}

static void test_sentences_are_made_fit_to_show(void **state)
{
	static const struct {
		const char *out, *in;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"two\nlines\x1b[31m\x7f", "two?lines?[31m?"},
		{"\xc3\xb1 \xe2\x82\xac \xf0\x9f\x98\x80",
		 "\xc3\xb1 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xc2\x9b"
		 "31m",
		 "?31m"},                     /* C1 control */
		{"\xff\xc3", "??"},           /* never UTF-8, and cut short */
		{"\xc0\xaf", "??"},           /* overlong '/' */
		{"\xed\xa0\x80", "???"},      /* surrogate */
		{"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
		{"\xe0\x9f\xbf", "???"},      /* overlong */
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		auto_call(status_freep) struct status *out = new_status(0, 1, 0, row->out);
		auto_call(status_freep) struct status *in = NULL;

		assert_int_equal(through(out, &in, NULL), 0);
		if (strcmp(in->refusals[0].sentence, row->in) != 0)
			fail_msg("'%s' became '%s'", row->out, in->refusals[0].sentence);
	}
}

static void test_long_sentences_are_cut(void **state)
{
	static const struct {
		size_t n_ascii, n_left; /* then two-byte characters without end */
	} rows[] = {{0, 512}, {1, 511}, {511, 511}, {512, 512}, {1000, 512}};
	char sentence[1201];

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		auto_call(status_freep) struct status *out = NULL, *in = NULL;

		memset(sentence, 'a', row->n_ascii);
		for (size_t i = row->n_ascii; i + 1 < sizeof(sentence); i += 2)
			memcpy(sentence + i, "\xc3\xb1", 2);
		sentence[sizeof(sentence) - 1] = '\0';
		out = new_status(0, 1, 0, sentence);
		assert_int_equal(through(out, &in, NULL), 0);
		assert_int_equal(strlen(in->refusals[0].sentence), row->n_left);
		assert_memory_equal(in->refusals[0].sentence, sentence, row->n_left);
	}
}

static struct alive *new_alive(size_t n_nets)
{
	struct alive *alive = calloc(1, sizeof(*alive));

	alive->node = strdup("node1");
	memset(alive->boot.bytes, 1, sizeof(alive->boot.bytes));
	alive->version = strdup("0.1.0");
	alive->nets = calloc(n_nets + 1, sizeof(char *));
	for (; alive->n_nets < n_nets; alive->n_nets++)
		alive->nets[alive->n_nets] = strdup("n");
	return alive;
}

static int alive_through(const struct alive *out, struct alive **ret_in, struct error *err)
{
	auto_free void *bytes = NULL;
	size_t len;

	assert_int_equal(alive_pack(out, &bytes, &len), 0);
	return alive_unpack(bytes, len, ret_in, err);
}

static void test_alive(void **state)
{
	auto_call(alive_freep) struct alive *out = new_alive(ALIVE_NETWORKS_MAX), *in = NULL;
	auto_call(alive_freep) struct alive *over = new_alive(ALIVE_NETWORKS_MAX + 1);
	struct error err = {};

	(void)state;
	if (alive_through(out, &in, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(in->node, "node1");
	assert_string_equal(in->version, "0.1.0");
	assert_memory_equal(&in->boot, &out->boot, sizeof(in->boot));
	assert_int_equal(in->n_nets, ALIVE_NETWORKS_MAX);
	assert_string_equal(in->nets[4095], "n");
	alive_free(TAKE(in));
	assert_int_equal(alive_through(over, &in, &err), -E2BIG);
	assert_non_null(strstr(err.text, "nets: 4097"));
	out->version[0] = ' ';
	assert_int_equal(alive_through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "version: "));
}

static struct sync *new_sync(size_t n_nets)
{
	struct sync *sync = calloc(1, sizeof(*sync));

	sync->node = strdup("node1");
	sync->revision = 12;
	sync->nets = calloc(n_nets + 1, sizeof(*sync->nets));
	for (; sync->n_nets < n_nets; sync->n_nets++)
		sync->nets[sync->n_nets] = (struct sync_net){strdup("n"), 3, UINT64_MAX, true};
	return sync;
}

static int sync_through(const struct sync *out, struct sync **ret_in, struct error *err)
{
	auto_free void *bytes = NULL;
	size_t len;

	assert_int_equal(sync_pack(out, &bytes, &len), 0);
	return sync_unpack(bytes, len, ret_in, err);
}

static void test_sync(void **state)
{
	auto_call(sync_freep) struct sync *out = new_sync(SYNC_NETWORKS_MAX), *in = NULL;
	auto_call(sync_freep) struct sync *over = new_sync(SYNC_NETWORKS_MAX + 1);
	struct error err = {};

	(void)state;
	if (sync_through(out, &in, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(in->node, "node1");
	assert_int_equal(in->revision, 12);
	assert_int_equal(in->n_nets, SYNC_NETWORKS_MAX);
	assert_int_equal(in->nets[255].revision, 3);
	assert_true(in->nets[255].digest == UINT64_MAX);
	assert_true(in->nets[255].stale);
	sync_free(TAKE(in));
	assert_int_equal(sync_through(over, &in, &err), -E2BIG);
	assert_non_null(strstr(err.text, "nets: 257"));
	out->nets[9].net[0] = '.';
	assert_int_equal(sync_through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "nets[9]: net: "));
}

/* Truncated anywhere, each is refused with a sentence or is a smaller message. */
static void test_truncation(void **state)
{
	auto_call(status_freep) struct status *status = new_status(3, 2, 1, "x");
	auto_call(alive_freep) struct alive *alive = new_alive(2);
	auto_call(sync_freep) struct sync *sync = new_sync(2);
	auto_free void *status_bytes = NULL, *alive_bytes = NULL, *sync_bytes = NULL;
	size_t status_len, alive_len, sync_len;

	(void)state;
	assert_int_equal(status_pack(status, &status_bytes, &status_len), 0);
	assert_int_equal(alive_pack(alive, &alive_bytes, &alive_len), 0);
	assert_int_equal(sync_pack(sync, &sync_bytes, &sync_len), 0);
	for (size_t i = 0; i < status_len; i++) {
		auto_call(status_freep) struct status *in = NULL;

		assert_true(status_unpack(status_bytes, i, &in, NULL) <= 0);
	}
	for (size_t i = 0; i < alive_len; i++) {
		auto_call(alive_freep) struct alive *in = NULL;

		assert_true(alive_unpack(alive_bytes, i, &in, NULL) <= 0);
	}
	for (size_t i = 0; i < sync_len; i++) {
		auto_call(sync_freep) struct sync *in = NULL;

		assert_true(sync_unpack(sync_bytes, i, &in, NULL) <= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_round_trip),
		cmocka_unit_test(test_status_limits),
		cmocka_unit_test(test_status_refuses),
		cmocka_unit_test(test_sentences_are_made_fit_to_show),
		cmocka_unit_test(test_long_sentences_are_cut),
		cmocka_unit_test(test_alive),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
