/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pulse.h"
#include "tests/support/cmocka.h"

enum { LENGTH = 13 }; /* of all sequences of results: 2^13 */

/* By the sentence in the header, from the whole history. */
static enum pulse_state naive(unsigned results, unsigned n, unsigned rise, unsigned fall)
{
	enum pulse_state state = PULSE_UNKNOWN;

	for (unsigned i = 0; i < n; i++) {
		bool success = results >> i & 1;
		unsigned needed = success ? rise : fall, run = 1;

		while (run <= i && (results >> (i - run) & 1) == success)
			run++;
		if (i == 0 || run >= needed)
			state = success ? PULSE_HEALTHY : PULSE_UNHEALTHY;
	}
	return state;
}

static void play(unsigned results, uint8_t rise, uint8_t fall)
{
	struct pulse pulse = {};

	for (unsigned n = 1; n <= LENGTH; n++) {
		enum pulse_state before = pulse.state;
		bool changed = pulse_beat(&pulse, results >> (n - 1) & 1, rise, fall);

		if (pulse.state != naive(results, n, rise, fall) ||
		    changed != (before != pulse.state))
			fail_msg("results 0x%x after %u, rise %u, fall %u: state %d", results, n,
				 rise, fall, (int)pulse.state);
	}
}

static void test_every_sequence(void **state)
{
	(void)state;
	for (uint8_t rise = 1; rise <= 4; rise++)
		for (uint8_t fall = 1; fall <= 4; fall++)
			for (unsigned results = 0; results < 1U << LENGTH; results++)
				play(results, rise, fall);
}

/* A streak is never counted beyond what a byte holds. */
static void test_long_streaks(void **state)
{
	struct pulse pulse = {};

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(pulse_beat(&pulse, false, 10, 10), i == 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(pulse_beat(&pulse, true, 10, 10), i == 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_sequence),
		cmocka_unit_test(test_long_streaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
