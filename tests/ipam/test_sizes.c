/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dataplane/slots.h"
#include "messages/desired.h"
#include "tests/support/cmocka.h"

/*
 * ipam/ chooses the size of a slot table and dataplane/ builds it, and neither may include the other:
 * what they know of sizes stands in messages/desired.h, and has to be the same.
 */
static void test_both_sides_know_the_same_sizes(void **state)
{
	static const uint16_t sizes[DESIRED_N_SIZES] = DESIRED_SIZES;

	(void)state;
	assert_int_equal(SLOTS_N_SIZES, DESIRED_N_SIZES);
	assert_memory_equal(sizes, SLOTS_SIZES, sizeof(sizes));
	assert_int_equal(SLOTS_PER_WEIGHT, DESIRED_SLOTS_PER_WEIGHT);
	assert_int_equal(SLOTS_ALGORITHM, DESIRED_ALGORITHM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_know_the_same_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
