/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/problem.h"
#include "tests/support/cmocka.h"

static void test_wording(void **state)
{
	auto_call(problems_deinit) struct problems problems = {};
	auto_call(text_deinit) struct text text = {};

	(void)state;
	assert_false(problems_any(&problems));
	problems_add(&problems, PROBLEM_INVALID, 23, "spec.ports[1].port", "70000",
		     "must be between %d and %d", 1, 65535);
	problems_add(&problems, PROBLEM_REQUIRED, 0, "spec.type", NULL, "must specify type");
	problems_add(&problems, PROBLEM_UNSUPPORTED, 1, "kind", "\"X\"", "no");
	problems_add(&problems, PROBLEM_DUPLICATE, 1, "a", "\"b\"", "once");
	problems_add(&problems, PROBLEM_FORBIDDEN, 1, "a", NULL, "not served");
	problems_add(&problems, PROBLEM_UNKNOWN, 1, "a\nb", NULL, "did you mean \"c\"?");
	problems_add(&problems, PROBLEM_TOO_MANY, 1, "a", "3", "must have at most 2 items");
	problems_add(&problems, PROBLEM_SYNTAX, 7, "", NULL, "not YAML");
	problems_format(&problems, &text);
	assert_string_equal(
		text.bytes,
		"spec.ports[1].port: Invalid value: 70000: must be between 1 and 65535 (line 23)\n"
		"spec.type: Required value: must specify type\n"
		"kind: Unsupported value: \"X\": no (line 1)\n"
		"a: Duplicate value: \"b\": once (line 1)\n"
		"a: Forbidden: not served (line 1)\n"
		"a?b: Unknown field: did you mean \"c\"? (line 1)\n"
		"a: Too many: 3: must have at most 2 items (line 1)\n"
		"not YAML (line 7)\n");
}

static void test_beyond_the_limit_they_are_counted(void **state)
{
	auto_call(problems_deinit) struct problems problems = {};
	auto_call(text_deinit) struct text text = {};

	(void)state;
	for (int i = 0; i < PROBLEMS_MAX + 3; i++)
		problems_add(&problems, PROBLEM_SYNTAX, 0, "", NULL, "x");
	assert_int_equal(problems.n_items, PROBLEMS_MAX);
	assert_int_equal(problems.n_more, 3);
	problems_format(&problems, &text);
	assert_string_equal(text.bytes + 2UL * PROBLEMS_MAX, "and 3 more\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wording),
		cmocka_unit_test(test_beyond_the_limit_they_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
