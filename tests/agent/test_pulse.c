/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pulse.h"
#include "tests/support/cmocka.h"

enum { LENGTH = 16 }; /* of all sequences of results: 2^16 */

/* How often it has fallen since it was last calm, from the states after each result. */
static unsigned count_falls(const enum pulse_state *states, unsigned results, unsigned n)
{
	unsigned falls = 0, calm = 0;

	for (unsigned i = 1; i < n; i++) {
		falls += states[i - 1] == PULSE_HEALTHY && states[i] == PULSE_UNHEALTHY;
		calm = states[i - 1] == PULSE_HEALTHY && (results >> i & 1) ? calm + 1 : 0;
		if (calm == PULSE_CALM)
			falls = 0;
	}
	return falls;
}

/* By the sentences in the header, from the whole history. */
static void naive(enum pulse_state first, unsigned results, unsigned n_results, unsigned rise,
		  unsigned fall, enum pulse_state *states)
{
	for (unsigned i = 0; i < n_results; i++) {
		bool success = results >> i & 1;
		unsigned falls = count_falls(states, results, i), run = 1;
		unsigned factor = falls > PULSE_FALLS + 1 ? 4 : falls > PULSE_FALLS ? 2 : 1;

		while (run <= i && (results >> (i - run) & 1) == success)
			run++;
		states[i] = i > 0 ? states[i - 1] : first;
		if (states[i] == PULSE_UNKNOWN || (states[i] == PULSE_TRUSTED && success) ||
		    run >= (success ? rise * factor : fall))
			states[i] = success ? PULSE_HEALTHY : PULSE_UNHEALTHY;
	}
}

static void play(enum pulse_state first, unsigned results, uint8_t rise, uint8_t fall)
{
	enum pulse_state states[LENGTH];
	struct pulse pulse = {.state = first};

	naive(first, results, LENGTH, rise, fall, states);
	for (unsigned n = 1; n <= LENGTH; n++) {
		enum pulse_state before = pulse.state;
		bool changed = pulse_beat(&pulse, results >> (n - 1) & 1, rise, fall);

		if (pulse.state != states[n - 1] || changed != (before != pulse.state))
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
				play(PULSE_UNKNOWN, results, rise, fall);
}

/* What was healthy until now is out after `fall` failures, and in after a success. */
static void test_every_sequence_of_one_that_is_trusted(void **state)
{
	(void)state;
	for (uint8_t rise = 1; rise <= 4; rise++)
		for (uint8_t fall = 1; fall <= 4; fall++)
			for (unsigned results = 0; results < 1U << LENGTH; results++)
				play(PULSE_TRUSTED, results, rise, fall);
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

/* Successes that it needs to come back after another fall. */
static unsigned fall_and_return(struct pulse *pulse)
{
	unsigned n = 1;

	assert_false(pulse_beat(pulse, false, 3, 2));
	assert_true(pulse_beat(pulse, false, 3, 2));
	while (!pulse_beat(pulse, true, 3, 2))
		n++;
	return n;
}

static void test_flapping_is_damped(void **state)
{
	static const unsigned needed[] = {3, 3, 3, 3, 6, 12, 12, 12};
	struct pulse pulse = {};

	(void)state;
	assert_true(pulse_beat(&pulse, true, 3, 2));
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
			assert_int_equal(fall_and_return(&pulse), needed[i]);
		for (unsigned i = 0; i < PULSE_CALM; i++)
			assert_false(pulse_beat(&pulse, true, 3, 2));
	}
	for (unsigned i = 0; i < 300; i++) /* more than a byte holds */
		(void)fall_and_return(&pulse);
	assert_int_equal(fall_and_return(&pulse), 12);
}

/* A link that is up again: one success suffices, but what flaps stays known as that. */
static void test_restarted(void **state)
{
	struct pulse pulse = {};

	(void)state;
	assert_true(pulse_beat(&pulse, true, 3, 2));
	for (unsigned i = 0; i < PULSE_FALLS; i++) {
		assert_false(pulse_beat(&pulse, false, 3, 2));
		assert_true(pulse_beat(&pulse, false, 3, 2));
		assert_false(pulse_beat(&pulse, true, 3, 2)); /* of a streak that ends here */
		pulse_restart(&pulse);
		assert_true(pulse_beat(&pulse, true, 3, 2));
		assert_false(pulse_beat(&pulse, true, 3, 2));
	}
	assert_int_equal(fall_and_return(&pulse), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_sequence),
		cmocka_unit_test(test_every_sequence_of_one_that_is_trusted),
		cmocka_unit_test(test_long_streaks),
		cmocka_unit_test(test_flapping_is_damped),
		cmocka_unit_test(test_restarted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
