/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ipam/selector.h"
#include "tests/ipam/rows.h"
#include "tests/support/cmocka.h"

/* 6.8 of the reference: apimachinery's own cases. */

/* A LoadBalancer with the selector, and a Network with the labels. */
static struct object *with_selector(const char *selector)
{
	auto_call(text_deinit) struct text text = {};

	text_addf(&text,
		  "metadata: {name: a}\nspec: {type: Internal, networkRef: {name: net}, "
		  "ips: [{ip: 10.0.0.1}], ports: [{port: 1}], networkInterfaceSelector: %s}",
		  selector);
	return object_from("LoadBalancer", text.bytes);
}

static struct object *with_labels(const char *labels)
{
	auto_call(text_deinit) struct text text = {};

	text_addf(&text, "metadata: {name: a, labels: %s}", labels);
	return object_from("Network", text.bytes);
}

#define EQUAL(pairs)        "{matchLabels: {" pairs "}}"
#define WHERE(list)         "{matchExpressions: [" list "]}"
#define IN(key, values)     "{key: '" key "', operator: In, values: [" values "]}"
#define NOT_IN(key, values) "{key: '" key "', operator: NotIn, values: [" values "]}"
#define EXISTS(key)         "{key: '" key "', operator: Exists}"
#define DOES_NOT_EXIST(key) "{key: '" key "', operator: DoesNotExist}"

static const struct {
	const char *selector, *labels;
	bool matches;
} rows[] = {
	{"null", "{'x': 'y'}", false}, /* nil: nothing */
	{"{}", "{'x': 'y'}", true},
	{"{}", "{}", true},
	{EQUAL("'x': 'y'"), "{'x': 'y'}", true},
	{EQUAL("'x': 'y', 'z': 'w'"), "{'x': 'y', 'z': 'w'}", true},
	{WHERE(NOT_IN("x", "'y'") ", " NOT_IN("z", "'w'")), "{'x': 'z', 'z': 'a'}", true},
	{WHERE(EXISTS("x")), "{'x': 'z'}", true},
	{WHERE(DOES_NOT_EXIST("x")), "{'y': 'z'}", true},
	{EQUAL("'x': 'z'"), "{}", false},
	{EQUAL("'x': 'y'"), "{'x': 'z'}", false},
	{EQUAL("'x': 'y', 'z': 'w'"), "{'x': 'w', 'z': 'w'}", false},
	{WHERE(NOT_IN("x", "'y'") ", " NOT_IN("z", "'w'")), "{'x': 'z', 'z': 'w'}", false},
	{WHERE(EXISTS("x")), "{'y': 'z'}", false},
	{WHERE(DOES_NOT_EXIST("x")), "{'x': 'z'}", false},
	{EQUAL("'foo': 'bar', 'foobar': 'bar', 'baz': 'blah'"), "{'foo': 'bar', 'baz': 'blah'}",
	 false},
	{WHERE(IN("x", "'foo'") ", " NOT_IN("y", "'alpha'")), "{'x': 'foo', 'y': 'baz'}", true},
	{WHERE(IN("x", "'foo'") ", " IN("y", "'alpha'")), "{'x': 'foo', 'y': 'baz'}", false},
	{WHERE(NOT_IN("x", "''") ", " EXISTS("y")), "{'y': ''}", true},
	{WHERE(DOES_NOT_EXIST("x") ", " EXISTS("y")), "{'y': ''}", true},
	{WHERE(NOT_IN("x", "''") ", " DOES_NOT_EXIST("y")), "{'y': ''}", false},
	{WHERE(IN("x", "''")), "{'y': 'baz'}", false},
	{WHERE(IN("baz", "'qux', 'norf'")), "{'baz': 'norf'}", true},
	{"{matchLabels: {'foo': 'bar'}, matchExpressions: [" IN("baz", "'qux'") "]}",
	 "{'foo': 'bar'}", false},
};

static void test_matching(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_call(object_freep) struct object *lb = with_selector(rows[i].selector);
		auto_call(object_freep) struct object *network = with_labels(rows[i].labels);

		if (selector_matches(lb->lb.selector, &network->meta.labels) != rows[i].matches)
			fail_msg("%s, %s", rows[i].selector, rows[i].labels);
	}
}

static const struct {
	const char *text, *labels;
	int r;
	bool matches;
} command_lines[] = {
	{"app=web", "{'app': 'web'}", 0, true},
	{"app==web", "{'app': 'web'}", 0, true},
	{"app=web,tier!=db", "{'app': 'web'}", 0, true},
	{"app=web,tier!=db", "{'app': 'web', 'tier': 'db'}", 0, false},
	{"env in (a,b),!canary", "{'env': 'b'}", 0, true},
	{"env in (a, b),!canary", "{'env': 'b', 'canary': ''}", 0, false},
	{"env notin (a)", "{}", 0, true},
	{"app", "{'app': ''}", 0, true},
	{"", "{'app': 'web'}", 0, true},
	{"a=b,,c=d", "{}", -EINVAL, false},
	{"env in (a", "{}", -EINVAL, false},
	{"=web", "{}", -EINVAL, false},
	{"!", "{}", -EINVAL, false},
};

static void test_command_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(command_lines); i++) {
		auto_call(object_freep) struct object *network =
			with_labels(command_lines[i].labels);
		struct selector *selector = NULL;
		struct error err = {};
		int r = selector_parse(command_lines[i].text, &selector, &err);
		bool matches = r == 0 && selector_matches(selector, &network->meta.labels);

		selector_free(selector);
		if (r != command_lines[i].r || matches != command_lines[i].matches ||
		    (r && !err.text[0]))
			fail_msg("'%s': %d %s", command_lines[i].text, r, err.text);
	}
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} pairs[] = {
		{"x=y", "x=y", true},      {"x=y", "x==y", true}, {"x=y", "x=z", false},
		{"x=y", "x!=y", false},    {"x", "!x", false},    {"x in (a,b)", "x in (a)", false},
		{"x=y,z=w", "x=y", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct selector *a = NULL, *b = NULL;

		assert_int_equal(selector_parse(pairs[i].a, &a, NULL), 0);
		assert_int_equal(selector_parse(pairs[i].b, &b, NULL), 0);
		if (selector_equal(a, b) != pairs[i].equal)
			fail_msg("'%s' and '%s' are not %d", pairs[i].a, pairs[i].b,
				 pairs[i].equal);
		assert_false(selector_equal(a, NULL));
		selector_free(a);
		selector_free(b);
	}
	assert_true(selector_equal(NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matching),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
