/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/text.h"
#include "tests/support/cmocka.h"

static void test_parse_i64(void **state)
{
	static const struct {
		const char *in;
		int r;
		int64_t value;
	} rows[] = {
		{"0", 0, 0},         {"-1", 0, -1},
		{"65535", 0, 65535}, {"65536", -ERANGE, 0},
		{"-11", -ERANGE, 0}, {"", -EINVAL, 0},
		{"-", -EINVAL, 0},   {"-0", -EINVAL, 0},
		{"01", -EINVAL, 0},  {"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},  {"1 ", -EINVAL, 0},
		{"0x1", -EINVAL, 0}, {"1e3", -EINVAL, 0},
		{"--1", -EINVAL, 0}, {"99999999999999999999", -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t value = 4711;
		int r = text_parse_i64(rows[i].in, -10, 65535, &value);

		if (r != rows[i].r || value != (r < 0 ? 4711 : rows[i].value))
			fail_msg("'%s': %d, %lld", rows[i].in, r, (long long)value);
	}
	assert_int_equal(text_parse_i64(NULL, 0, 1, &(int64_t){0}), -EINVAL);
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("networkRef", "networkref"), 0);
	assert_int_equal(text_distance("ipFamilys", "ipFamilies"), 2);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
}

static void test_quoted(void **state)
{
	struct text text = {};
	auto_free char *bytes = NULL;

	(void)state;
	text_add_quoted(&text, "a\"b\\c\n\x01\x7f");
	assert_int_equal(text_take(&text, &bytes, NULL), 0);
	assert_string_equal(bytes, "\"a\\\"b\\\\c\\n\\u0001\\u007f\"");
}

static void test_text_grows_and_is_taken(void **state)
{
	struct text text = {};
	auto_free char *bytes = NULL;
	size_t len;

	(void)state;
	for (int i = 0; i < 1000; i++)
		text_addf(&text, "%03d,", i);
	assert_int_equal(text.len, 4000);
	text_cut(&text, 8);
	assert_int_equal(text_take(&text, &bytes, &len), 0);
	assert_string_equal(bytes, "000,001,");
	assert_int_equal(len, 8);
	assert_null(text.bytes);
}

static void test_empty_text_is_taken_as_empty_string(void **state)
{
	struct text text = {};
	auto_free char *bytes = NULL;
	size_t len = 1;

	(void)state;
	assert_int_equal(text_take(&text, &bytes, &len), 0);
	assert_string_equal(bytes, "");
	assert_int_equal(len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_i64),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_text_grows_and_is_taken),
		cmocka_unit_test(test_empty_text_is_taken_as_empty_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
