/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "ipam/document.h"
#include "ipam/node.h"
#include "tests/support/cmocka.h"

static void test_from_json(void **state)
{
	auto_call(node_deinit) struct node node = {};
	json_t *json = json_loads("{\"a\":[1,true,null,\"x\"],\"b\":{}}", 0, NULL);

	(void)state;
	assert_int_equal(node_from_json(json, &node), 0);
	json_decref(json);
	assert_int_equal(node.type, NODE_MAP);
	assert_int_equal(node_find(&node, "a")->n_items, 4);
	assert_int_equal(node_find(&node, "a")->items[0].type, NODE_NUMBER);
	assert_string_equal(node_find(&node, "a")->items[0].text, "1");
	assert_int_equal(node_find(&node, "a")->items[1].type, NODE_BOOLEAN);
	assert_int_equal(node_find(&node, "a")->items[2].type, NODE_NULL);
	assert_string_equal(node_find(&node, "a")->items[3].text, "x");
	assert_null(node_find(&node, "c"));
	assert_null(node_find(node_find(&node, "a"), "x"));
	assert_null(node_find_string(&node, "b"));
}

static void test_json_nested_too_deeply(void **state)
{
	auto_call(node_deinit) struct node node = {};
	json_t *json = json_array();

	(void)state;
	for (int i = 0; i < MANIFEST_DEPTH_MAX; i++)
		json = json_pack("[o]", json);
	assert_int_equal(node_from_json(json, &node), 0);
	json = json_pack("[o]", json);
	assert_int_equal(node_from_json(json, &(struct node){}), -E2BIG);
	json_decref(json);
}

static void show(const char *string, const char *shown)
{
	const struct node node = {.type = NODE_STRING, .text = (char *)string};
	auto_call(text_deinit) struct text text = {};

	node_show(&node, &text);
	assert_string_equal(text.bytes, shown);
}

#define A30 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_values_in_a_sentence(void **state)
{
	(void)state;
	show("a\"b", "\"a\\\"b\"");
	show(A30 A30 A30 A30, "\"" A30 A30 A30 A30 "\"");
	show(A30 A30 A30 A30 "a", "\"" A30 A30 A30 A30 "\"...");
	show(A30 A30 A30 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4",
	     "\"" A30 A30 A30 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_json),
		cmocka_unit_test(test_json_nested_too_deeply),
		cmocka_unit_test(test_values_in_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
