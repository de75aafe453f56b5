/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/notes.h"
#include "tests/support/cmocka.h"

static unsigned count(struct notes *notes, uint64_t now, unsigned n_tries)
{
	unsigned n = 0;

	while (n_tries--)
		n += notes_may(notes, now);
	return n;
}

static void test_burst_then_one_a_second(void **state)
{
	struct notes notes = {};

	(void)state;
	assert_int_equal(count(&notes, 5000, 100), NOTES_BURST);
	assert_int_equal(notes.n_left_out, 100 - NOTES_BURST);
	assert_int_equal(count(&notes, 5000 + NOTES_PAUSE_MS - 1, 100), 0);
	assert_int_equal(count(&notes, 5000 + NOTES_PAUSE_MS, 100), 1);
	assert_int_equal(count(&notes, 5000 + 4 * NOTES_PAUSE_MS, 100), 3);
	assert_int_equal(count(&notes, 5000 + 1000 * NOTES_PAUSE_MS, 100), NOTES_BURST);
	assert_int_equal(notes.n_said, NOTES_BURST + 1 + 3 + NOTES_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_one_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
