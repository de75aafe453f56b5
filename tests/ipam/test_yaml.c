/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ipam/document.h"
#include "tests/support/cmocka.h"

static const struct {
	const char *json, *yaml;
} rows[] = {
	{"{}", "{}\n"},
	{"[]", "[]\n"},
	{"\"a\"", "a\n"},
	{"{\"a\":1,\"b\":true,\"c\":null,\"d\":\"80\",\"e\":1.5}",
	 "a: 1\nb: true\nc: null\nd: \"80\"\ne: 1.5\n"},
	{"{\"a\":{},\"b\":[],\"c\":{\"d\":[]}}", "a: {}\nb: []\nc:\n  d: []\n"},
	{"{\"a\":[1,\"b\"]}", "a:\n- 1\n- b\n"},
	{"{\"a\":[{\"b\":1,\"c\":[{\"d\":2}]},{}]}", "a:\n- b: 1\n  c:\n  - d: 2\n- {}\n"},
	{"[{\"a\":{\"b\":1}},{\"c\":2}]", "- a:\n    b: 1\n- c: 2\n"},
	{"[[1,2],[]]", "-\n  - 1\n  - 2\n- []\n"},
	{"{\"80\":\"a b\",\"yes\":\"x: y\"}", "\"80\": \"a b\"\n\"yes\": \"x: y\"\n"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(text_deinit) struct text text = {};
		json_t *json = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);

		assert_int_equal(yaml_from_json(json, &text), 0);
		json_decref(json);
		assert_string_equal(text.bytes, rows[i].yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
