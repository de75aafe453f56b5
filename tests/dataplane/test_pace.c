/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/pace.h"
#include "tests/support/cmocka.h"

static void test_at_once_and_then_not_for_a_while(void **state)
{
	struct pace pace = {};

	(void)state;
	assert_false(pace_begin(&pace, 5000));
	assert_int_equal(pace_next_ms(&pace), UINT64_MAX);
	pace.due = true;
	assert_in_range(pace_next_ms(&pace), 0, 5000);
	assert_true(pace_begin(&pace, 5000));
	pace_end(&pace, 5000, 2);
	assert_false(pace_begin(&pace, 9000)); /* done, and nothing came since */
	pace.due = true;
	assert_int_equal(pace_next_ms(&pace), 5102);
	assert_false(pace_begin(&pace, 5101));
	assert_true(pace.due);
	assert_true(pace_begin(&pace, 5102));
}

/* What takes long rests long: a tenth of the time at most. */
static void test_a_storm(void **state)
{
	struct pace pace = {};
	uint64_t busy = 0, now = 1000;

	(void)state;
	for (; now < 101000; now++) {
		pace.due = true;
		if (!pace_begin(&pace, now))
			continue;
		pace_end(&pace, now, 300);
		now += 300;
		busy += 300;
	}
	assert_in_range(busy, 9000, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once_and_then_not_for_a_while),
		cmocka_unit_test(test_a_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
