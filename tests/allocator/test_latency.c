/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/latency.h"
#include "tests/support/cmocka.h"

static uint64_t n_noted(const struct latency *latency)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= HISTOGRAM_N_BOUNDS; i++)
		n += latency->histogram.counts[i];
	return n;
}

/* Each change counts once for each node, also where a node takes several at once. */
static void test_each_change_of_each_node(void **state)
{
	static struct latency latency;

	(void)state;
	latency_published(&latency, "default_a", 5, 1000);
	latency_published(&latency, "default_b", 6, 1000);
	latency_published(&latency, "default_a", 7, 1100);
	latency_programmed(&latency, "default_a", 4, 5, 1150);
	assert_int_equal(n_noted(&latency), 1);
	assert_int_equal(latency.histogram.sum_ms, 150);
	latency_programmed(&latency, "default_a", 5, 5, 1150); /* says so again */
	assert_int_equal(n_noted(&latency), 1);
	latency_programmed(&latency, "default_a", 4, 9, 1200); /* another node, both at once */
	assert_int_equal(n_noted(&latency), 3);
	assert_int_equal(latency.histogram.sum_ms, 150 + 200 + 100);
}

static void test_old_ones_are_forgotten(void **state)
{
	static struct latency latency;

	(void)state;
	latency_published(&latency, "default_a", 5, 1000);
	latency_programmed(&latency, "default_a", 0, 5, 1001 + LATENCY_FORGET_MS);
	assert_int_equal(n_noted(&latency), 0);
	for (unsigned i = 0; i < LATENCY_MAX; i++)
		latency_published(&latency, "default_b", 6, 1000);
	latency_programmed(&latency, "default_a", 0, 5, 1001);
	assert_int_equal(n_noted(&latency), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_change_of_each_node),
		cmocka_unit_test(test_old_ones_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
