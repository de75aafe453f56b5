/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "allocator/answer.h"
#include "tests/support/cmocka.h"

static void expect_text(struct answer *answer, bool json, const char *expected)
{
	struct text text = {};

	assert_int_equal(answer_format(answer, json, &text), 0);
	assert_string_equal(text.bytes, expected);
	text_deinit(&text);
	answer_deinit(answer);
}

static struct answer applied(void)
{
	struct answer answer = {};

	answer_set(&answer, 200, "%d objects: 1 created, 1 unchanged", 2);
	answer_add_result(&answer, "network/n", "unchanged", NULL);
	answer_add_result(&answer, "loadbalancer/l", "created", NULL);
	assert_true(answer_add_item(&answer, json_pack("{s:s}", "kind", "Network")));
	return answer;
}

static struct answer refused(void)
{
	struct answer answer = {};
	struct problems problems = {};

	problems_add(&problems, PROBLEM_INVALID, 7, "spec.ports[0].port", "0", "must be more");
	problems_add(&problems, PROBLEM_REQUIRED, 3, "spec.networkRef", NULL, "a name");
	answer_set(&answer, 422, "loadbalancer/l is refused, nothing was changed");
	answer_add_result(&answer, "loadbalancer/l", "refused", &problems);
	problems_deinit(&problems);
	return answer;
}

static void test_results_stand_before_objects(void **state)
{
	struct answer answer = applied();

	(void)state;
	expect_text(&answer, false,
		    "ok 2 objects: 1 created, 1 unchanged\n"
		    "network/n unchanged\n"
		    "loadbalancer/l created\n"
		    "---\n"
		    "kind: Network\n");
}

static void test_dry_run_says_so_on_each_line(void **state)
{
	struct answer answer = {.is_dry_run = true};

	(void)state;
	answer_set(&answer, 200, "1 object");
	answer_add_result(&answer, "network/n", "created", NULL);
	expect_text(&answer, false, "ok 1 object\nnetwork/n created (dry run)\n");
}

static void test_json_is_one_document(void **state)
{
	struct answer answer = applied();

	(void)state;
	expect_text(&answer, true,
		    "{\"ok\":true,\"code\":200,\"reason\":\"2 objects: 1 created, 1 unchanged\","
		    "\"results\":[{\"object\":\"network/n\",\"outcome\":\"unchanged\"},"
		    "{\"object\":\"loadbalancer/l\",\"outcome\":\"created\"}],"
		    "\"items\":[{\"kind\":\"Network\"}]}\n");
}

static void test_a_line_for_each_problem(void **state)
{
	struct answer answer = refused();

	(void)state;
	assert_false(answer_is_ok(&answer));
	expect_text(&answer, false,
		    "error: 422 loadbalancer/l is refused, nothing was changed\n"
		    "loadbalancer/l: spec.ports[0].port: Invalid value: 0: must be more (line 7)\n"
		    "loadbalancer/l: spec.networkRef: Required value: a name (line 3)\n");
}

static void test_problems_in_json(void **state)
{
	struct answer answer = refused();
	struct text text = {};
	json_t *json;

	(void)state;
	assert_int_equal(answer_format(&answer, true, &text), 0);
	json = json_loads(text.bytes, 0, NULL);
	assert_true(json_is_false(json_object_get(json, "ok")));
	assert_int_equal(json_integer_value(json_object_get(json, "code")), 422);
	assert_int_equal(json_array_size(json_object_get(
				 json_array_get(json_object_get(json, "results"), 0), "problems")),
			 2);
	json_decref(json);
	text_deinit(&text);
	answer_deinit(&answer);
}

static void test_what_has_no_room_is_counted(void **state)
{
	struct answer answer = {};
	struct text text = {};
	char long_name[70000];

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	answer_set(&answer, 200, "many");
	for (int i = 0; i < 10; i++)
		(void)answer_add_item(&answer, json_pack("{s:s}", "name", long_name));
	assert_int_equal(json_array_size(answer.items) + answer.n_left_out, 10);
	assert_true(answer.n_left_out > 0);
	assert_int_equal(answer_format(&answer, false, &text), 0);
	assert_true(text.len < ANSWER_ITEMS_MAX);
	assert_non_null(strstr(text.bytes, "more objects are not shown"));
	text_deinit(&text);
	answer_deinit(&answer);
}

static void test_a_single_large_object_is_shown(void **state)
{
	struct answer answer = {};
	auto_free char *huge = malloc(ANSWER_ITEMS_MAX + 1);

	(void)state;
	memset(huge, 'x', ANSWER_ITEMS_MAX);
	huge[ANSWER_ITEMS_MAX] = '\0';
	assert_true(answer_add_item(&answer, json_pack("{s:s}", "name", huge)));
	answer_deinit(&answer);
}

static void test_the_next_page_is_named_in_the_first_line(void **state)
{
	struct answer answer = {};

	(void)state;
	answer_set(&answer, 200, "1 network");
	answer.more = strdup("a");
	expect_text(&answer, false, "ok 1 network, more with continue=a\n");
}

static void test_a_reason_is_one_line(void **state)
{
	struct answer answer = {};

	(void)state;
	answer_set(&answer, 400, "two\r\nlines");
	expect_text(&answer, false, "error: 400 two  lines\n");
}

static void test_a_lost_item_is_a_lost_answer(void **state)
{
	struct answer answer = {};
	struct text text = {};

	(void)state;
	answer_set(&answer, 200, "1 object");
	(void)answer_add_item(&answer, NULL);
	assert_int_equal(answer_format(&answer, false, &text), -ENOMEM);
	text_deinit(&text);
	answer_deinit(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results_stand_before_objects),
		cmocka_unit_test(test_dry_run_says_so_on_each_line),
		cmocka_unit_test(test_json_is_one_document),
		cmocka_unit_test(test_a_line_for_each_problem),
		cmocka_unit_test(test_problems_in_json),
		cmocka_unit_test(test_what_has_no_room_is_counted),
		cmocka_unit_test(test_a_single_large_object_is_shown),
		cmocka_unit_test(test_the_next_page_is_named_in_the_first_line),
		cmocka_unit_test(test_a_reason_is_one_line),
		cmocka_unit_test(test_a_lost_item_is_a_lost_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
