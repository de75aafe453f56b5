/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ipam/document.h"
#include "ipam/manifest.h"
#include "tests/support/cmocka.h"

static struct manifest_part part_of(const char *bytes)
{
	return (struct manifest_part){.bytes = bytes, .len = strlen(bytes), .line = 1};
}

static void test_parts(void **state)
{
	struct manifest_part rest = part_of("# head\n%YAML 1.1\n---\n# nothing\n--- {a: 1}\n"
					    "---\nb: |\n  ---\n  x\n...\n\n---x: 1\n"),
			     part;

	(void)state;
	assert_true(manifest_next(&rest, &part));
	assert_int_equal(part.line, 5);
	assert_int_equal(part.len, strlen("--- {a: 1}\n"));
	assert_true(manifest_next(&rest, &part));
	assert_int_equal(part.line, 6);
	assert_int_equal(part.len, strlen("---\nb: |\n  ---\n  x\n...\n"));
	assert_true(manifest_next(&rest, &part));
	assert_int_equal(part.line, 11); /* "---x" is no marker */
	assert_false(manifest_next(&rest, &part));
}

static void test_lines(void **state)
{
	auto_call(node_deinit) struct node root = {};
	struct manifest_part part =
		part_of("a:\n  b:\n  - 1\n  - c: d\nlong: |\n  x\n  y\nlast: 1\n");
	struct problems problems = {};

	(void)state;
	part.line = 11;
	assert_int_equal(manifest_parse(&part, &root, &problems), 0);
	assert_int_equal(node_find(&root, "a")->line, 11);
	assert_int_equal(node_find(node_find(&root, "a"), "b")->line, 12);
	assert_int_equal(node_find(node_find(&root, "a"), "b")->items[1].line, 14);
	assert_int_equal(node_find(&root, "last")->line, 18);
	assert_string_equal(node_find(&root, "long")->text, "x\ny\n");
}

static const struct {
	const char *in, *problem; /* part of it; NULL: none */
} rows[] = {
	{"a: 1", NULL},
	{"a: &x 1", NULL},
	{"a: !!str 1", NULL},
	{"\"a\": \"b\"", NULL},
	{"{\"a\":1,\"b\":[{}]}", NULL},
	{"{\n\t\"a\":\t1\n}", NULL},
	{"{\"a\": \"\\/\"}", NULL},
	{"", NULL},
	{"a: *x", "a: aliases are not supported; write it out (line 1)"},
	{"a: &x [1]\nb: [*x, *x]", "b[0]: aliases are not supported"},
	{"*x : 1", "aliases are not supported"},
	{"a: !!binary x", "a: tags (!!...) are not supported"},
	{"? [a]\n: b", "a key must be a string"},
	{"80: a", "a key must be a string; quote it (line 1)"},
	{"a: {yes: 1}", "a: a key must be a string; quote it"},
	{"a: \"x\\0y\"", "a: a value must not hold a NUL"},
	{"\"x\\0y\": 1", "a key must not hold a NUL"},
	{"a:\n\tb: 1", "is it a tab?"},
	{"a: b: c", "not YAML or JSON"},
	{"a: [1", "not YAML or JSON"},
	{"{} {}", "not YAML or JSON"},
	{"{\"a\": \"\\ud83d\"}", "not YAML or JSON: found invalid Unicode"},
	{"a: \xff", "not YAML or JSON"},
	{"a: \x01", "not YAML or JSON"},
};

static void test_what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_call(problems_deinit) struct problems problems = {};
		auto_call(node_deinit) struct node root = {};
		auto_call(text_deinit) struct text text = {};
		struct manifest_part part = part_of(rows[i].in);
		int r = manifest_parse(&part, &root, &problems);

		problems_format(&problems, &text);
		if (r != (rows[i].problem ? -EBADMSG : 0) ||
		    (rows[i].problem && !strstr(text.bytes, rows[i].problem)))
			fail_msg("'%s': %d, %s", rows[i].in, r, text.len ? text.bytes : "");
	}
}

static void nest(int depth, int expected)
{
	auto_call(problems_deinit) struct problems problems = {};
	auto_call(node_deinit) struct node root = {};
	auto_call(text_deinit) struct text text = {};
	struct manifest_part part;

	for (int i = 0; i < depth; i++)
		text_add(&text, "[");
	for (int i = 0; i < depth; i++)
		text_add(&text, "]");
	part = part_of(text.bytes);
	assert_int_equal(manifest_parse(&part, &root, &problems), expected);
}

static void test_depth(void **state)
{
	(void)state;
	nest(MANIFEST_DEPTH_MAX + 1, 0); /* the root is level 0 */
	nest(MANIFEST_DEPTH_MAX + 2, -EBADMSG);
	nest(100000, -EBADMSG);
}

static void test_sizes_are_in_bytes(void **state)
{
	static const char text[] = "- {a: \"\xe2\x82\xac\"}\n- {b: c}\n";
	auto_call(node_deinit) struct node root = {};
	struct manifest_part part = part_of(text);
	struct problems problems = {};

	(void)state;
	assert_int_equal(manifest_parse(&part, &root, &problems), 0);
	assert_int_equal(root.items[0].size, strlen("{a: \"\xe2\x82\xac\"}"));
	assert_int_equal(root.items[1].size, strlen("{b: c}"));
}

static const struct {
	const char *json, *string;
} strings[] = {
	{"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
	{"\"\\uD83D\\uDE00x\"", "\xf0\x9f\x98\x80x"},
	{"\"\\\\ud83d\\\\ude00\"", "\\ud83d\\ude00"},
	{"\"a\xe2\x80\xa8 b\"", "a\xe2\x80\xa8 b"},
	{"\"\xc2\x85\"", "\xc2\x85"},
	{"\"\\u00e4\"", "\xc3\xa4"},
};

static void test_strings_of_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		auto_call(node_deinit) struct node root = {};
		char text[64];
		struct manifest_part part;
		struct problems problems = {};

		(void)snprintf(text, sizeof(text), "\n[%s]", strings[i].json);
		part = part_of(text);
		assert_int_equal(manifest_parse(&part, &root, &problems), 0);
		assert_string_equal(root.items[0].text, strings[i].string);
	}
}

static void test_duplicates(void **state)
{
	auto_call(problems_deinit) struct problems problems = {};
	auto_call(text_deinit) struct text text = {};
	auto_call(node_deinit) struct node root = {};
	struct manifest_part part =
		part_of("a:\n- b: 1\n  c: 2\n  b: 3\n- {b: 1, b: 2, b: 3}\na: 2\n");

	(void)state;
	assert_int_equal(manifest_parse(&part, &root, &problems), 0);
	manifest_check_duplicates(&root, &problems);
	assert_int_equal(problems.n_items, 4);
	problems_format(&problems, &text);
	assert_non_null(strstr(text.bytes, "a[0].b: Duplicate value: this key stands in line 2 "
					   "already; keep one of them (line 4)\n"));
	assert_non_null(strstr(text.bytes, "a: Duplicate value: this key stands in line 1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_sizes_are_in_bytes),
		cmocka_unit_test(test_strings_of_json),
		cmocka_unit_test(test_duplicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
