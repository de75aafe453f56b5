/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/ruleset.h"
#include "tests/support/cmocka.h"

static void test_stamp_is_read_back(void **state)
{
	static const uint32_t words[RULESET_STAMP_WORDS] = {0x89abcdef, 0x01234567, 7,
							    1,          0xffffffff, 0x80000000};
	struct ruleset_stamp stamp = {},
			     expected = {0x0123456789abcdef, 0x100000007, 0x80000000ffffffff};
	struct text text = {};

	(void)state;
	for (uint32_t key = 0; key < RULESET_STAMP_WORDS; key++)
		assert_true(ruleset_stamp_word(&stamp, key, words[key]));
	assert_false(ruleset_stamp_word(&stamp, RULESET_STAMP_WORDS, 1));
	assert_memory_equal(&stamp, &expected, sizeof(stamp));
	ruleset_write_stamp(&text, RULESET_TABLE, &stamp);
	assert_string_equal(text.bytes,
			    "flush map inet ilb stamp\n"
			    "add element inet ilb stamp { 0 : 0x89abcdef, 1 : 0x1234567, 2 : 0x7, "
			    "3 : 0x1, 4 : 0xffffffff, 5 : 0x80000000 }\n");
	text_deinit(&text);
}

static void test_digest_tells_rulesets_apart(void **state)
{
	uint64_t with = ruleset_digest(&(struct ruleset_options){.flowtable = true});
	uint64_t without = ruleset_digest(&(struct ruleset_options){});

	(void)state;
	assert_true(with && without && with != without);
	assert_true(with == ruleset_digest(&(struct ruleset_options){.flowtable = true}));
}

static void test_devices(void **state)
{
	static const char *const devices[] = {"eth0", "veth-1.2"};
	struct text text = {};

	(void)state;
	ruleset_write_devices_add(&text, devices, 2);
	ruleset_write_devices_delete(&text, devices, 1);
	assert_string_equal(
		text.bytes,
		"add flowtable inet ilb ft { hook ingress priority filter; counter; devices = "
		"{ \"eth0\", \"veth-1.2\" }; }\n"
		"delete flowtable inet ilb ft { hook ingress priority filter; counter; devices "
		"= { \"eth0\" }; }\n");
	text_deinit(&text);
}

/* All of them, and none that the ruleset does not have. */
static void test_flush_names_every_map(void **state)
{
	struct text rules = {}, flush = {};
	size_t n = 0, n_flushed = 0;

	(void)state;
	ruleset_write(&rules, &(struct ruleset_options){});
	ruleset_write_flush(&flush, true);
	for (char *at = rules.bytes; (at = strstr(at, "\n\t")); at += 2) {
		char name[32], line[64];

		if (sscanf(at, "\n\tmap %31s", name) != 1 && sscanf(at, "\n\tset %31s", name) != 1)
			continue;
		(void)snprintf(line, sizeof(line), "flush %.3s inet ilb %s\n", at + 2, name);
		if (!strstr(flush.bytes, line))
			fail_msg("not flushed: %s", name);
		n++;
	}
	for (char *at = flush.bytes; (at = strchr(at, '\n')); at++)
		n_flushed++;
	assert_int_equal(n, n_flushed);
	text_deinit(&rules);
	text_deinit(&flush);
}

/* No packet comes to the first half, and the second looks into no map that may be large. */
static void test_halves(void **state)
{
	auto_call(text_deinit) struct text unseen = {}, live = {};

	(void)state;
	ruleset_write_unseen(&unseen, "other");
	ruleset_write_live(&live, "other", &(struct ruleset_options){.flowtable = true});
	assert_true(text_starts(unseen.bytes, "table inet other {"));
	assert_true(text_starts(live.bytes, "table inet other {"));
	assert_null(strstr(unseen.bytes, "hook"));
	assert_null(strstr(unseen.bytes, "stamp"));
	assert_non_null(strstr(live.bytes, "map stamp"));
	assert_null(strstr(live.bytes, "map @"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp_is_read_back),
		cmocka_unit_test(test_digest_tells_rulesets_apart),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_flush_names_every_map),
		cmocka_unit_test(test_halves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
