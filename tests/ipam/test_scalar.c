/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"
#include "ipam/scalar.h"
#include "tests/support/cmocka.h"

static const struct {
	const char *plain;
	enum node_type type;
} rows[] = {
	{"", NODE_NULL},
	{"~", NODE_NULL},
	{"null", NODE_NULL},
	{"Null", NODE_NULL},
	{"nULL", NODE_STRING},
	{"true", NODE_BOOLEAN},
	{"yes", NODE_BOOLEAN},
	{"y", NODE_BOOLEAN},
	{"N", NODE_BOOLEAN},
	{"off", NODE_BOOLEAN},
	{"tRUE", NODE_STRING},
	{"80", NODE_NUMBER},
	{"-80", NODE_NUMBER},
	{"+80", NODE_NUMBER},
	{"0x1F", NODE_NUMBER},
	{"0b11", NODE_NUMBER},
	{"0o17", NODE_NUMBER},
	{"017", NODE_NUMBER},
	{"1_000", NODE_NUMBER},
	{"1.5", NODE_NUMBER},
	{".5", NODE_NUMBER},
	{"1.", NODE_NUMBER},
	{"1e3", NODE_NUMBER},
	{"12e5", NODE_NUMBER},
	{"1E-3", NODE_NUMBER},
	{".inf", NODE_NUMBER},
	{"-.Inf", NODE_NUMBER},
	{".NaN", NODE_NUMBER},
	{"-", NODE_STRING},
	{"+", NODE_STRING},
	{".", NODE_STRING},
	{"_1", NODE_STRING},
	{"0x", NODE_STRING},
	{"0xg", NODE_STRING},
	{"1e", NODE_STRING},
	{"e3", NODE_STRING},
	{"1.2.3", NODE_STRING},
	{"10.0.0.1", NODE_STRING},
	{"fd00::1", NODE_STRING},
	{"1:30", NODE_STRING},
	{"web", NODE_STRING},
	{"2001-01-01", NODE_STRING},
	{"10.0.0.0/8", NODE_STRING},
};

static void test_plain_scalars_are_kubernetes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (scalar_resolve(rows[i].plain) != rows[i].type)
			fail_msg("'%s'", rows[i].plain);
	}
}

static const struct {
	const char *string, *yaml;
} written[] = {
	{"web", "web"},
	{"10.0.0.1", "10.0.0.1"},
	{"a/b-c_d.e:f", "a/b-c_d.e:f"},
	{"", "\"\""},
	{"80", "\"80\""},
	{"yes", "\"yes\""},
	{"~", "\"~\""},
	{"1e3", "\"1e3\""},
	{"1:30", "\"1:30\""},
	{"a: b", "\"a: b\""},
	{"a #b", "\"a #b\""},
	{"a:", "\"a:\""},
	{"---", "\"---\""},
	{"*a", "\"*a\""},
	{"- a", "\"- a\""},
	{"a\tb\n\x01\"\\", "\"a\\tb\\n\\u0001\\\"\\\\\""},
	{"\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf", "\"\\u0085\\u2028\\u2029\\ufeff\""},
	{"\xc2\x80", "\"\\u0080\""},
	{"\xc3\xa4", "\"\xc3\xa4\""},
};

static void test_strings_are_quoted_where_they_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		auto_call(text_deinit) struct text text = {};

		scalar_write(written[i].string, &text);
		assert_string_equal(text.bytes, written[i].yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_scalars_are_kubernetes),
		cmocka_unit_test(test_strings_are_quoted_where_they_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
