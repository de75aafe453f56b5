/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "monitor/exposition.h"
#include "tests/support/cmocka.h"

static void test_metric(void **state)
{
	const struct exposition_label labels[] = {{"network", "a"}, {"odd", "x\\y\"z\nw"}};
	auto_call(text_deinit) struct text text = {};

	(void)state;
	exposition_metric(&text, EXPOSITION_GAUGE, "ilb_a", "What it is.");
	exposition_count(&text, "ilb_a", labels, ARRAY_SIZE(labels), UINT64_MAX);
	exposition_count(&text, "ilb_a", NULL, 0, 0);
	exposition_seconds(&text, "ilb_b_seconds", labels, 1, 61007);
	assert_string_equal(text.bytes, "# HELP ilb_a What it is.\n"
					"# TYPE ilb_a gauge\n"
					"ilb_a{network=\"a\",odd=\"x\\\\y\\\"z\\nw\"} "
					"18446744073709551615\n"
					"ilb_a 0\n"
					"ilb_b_seconds{network=\"a\"} 61.007\n");
}

/* A value on a bound belongs to the bound, and buckets add up. */
static void test_histogram(void **state)
{
	auto_call(text_deinit) struct text text = {};
	struct histogram histogram = {};

	(void)state;
	histogram_note(&histogram, 0);
	histogram_note(&histogram, 1);
	histogram_note(&histogram, 200);
	histogram_note(&histogram, 30000);
	histogram_note(&histogram, 30001);
	exposition_histogram(&text, "ilb_x_seconds", "How long.", &histogram);
	assert_non_null(strstr(text.bytes, "# TYPE ilb_x_seconds histogram\n"));
	assert_non_null(strstr(text.bytes, "ilb_x_seconds_bucket{le=\"0.001\"} 2\n"));
	assert_non_null(strstr(text.bytes, "ilb_x_seconds_bucket{le=\"0.1\"} 2\n"));
	assert_non_null(strstr(text.bytes, "ilb_x_seconds_bucket{le=\"0.2\"} 3\n"));
	assert_non_null(strstr(text.bytes, "ilb_x_seconds_bucket{le=\"30\"} 4\n"));
	assert_non_null(strstr(text.bytes, "ilb_x_seconds_bucket{le=\"+Inf\"} 5\n"));
	assert_non_null(strstr(text.bytes, "ilb_x_seconds_sum 60.202\n"));
	assert_non_null(strstr(text.bytes, "ilb_x_seconds_count 5\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metric),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
