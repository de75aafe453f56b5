/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/array.h"
#include "dataplane/forwarding.h"
#include "dataplane/plan.h"
#include "tests/support/cmocka.h"
#include "tests/support/elements.h"
#include "tests/support/some_lb.h"

/*
 * Random LoadBalancers and random changes: applying differences gives the same elements as
 * building from nothing, and no step adds what is there or deletes what is not.
 * ILB_SEED repeats a run.
 */

#define N_LBS 8

static struct some some;

static void apply(struct elements *elements, const struct forwarding *have,
		  const struct forwarding *want)
{
	struct plan plan = {};

	assert_int_equal(plan_diff(have, want, &plan), 0);
	elements_apply(elements, &plan);
	plan_deinit(&plan);
}

static struct forwarding *definite(const struct desired_lb *lb)
{
	struct forwarding *forwarding = NULL;
	struct error err = {};

	if (forwarding_new(lb, "n1", &forwarding, &err) < 0)
		fail_msg("%s", err.text);
	return forwarding;
}

static void assert_as_from_nothing(struct elements *elements,
				   struct forwarding *const have[static N_LBS])
{
	struct elements fresh = {};

	for (size_t i = 0; i < N_LBS; i++)
		if (have[i])
			apply(&fresh, NULL, have[i]);
	elements_assert_equal(elements, &fresh);
	elements_deinit(&fresh);
}

/* One LoadBalancer appears, changes or goes. */
static void step(struct elements *elements, struct desired_lb **lb, struct forwarding **have,
		 uint32_t number, uint32_t max)
{
	struct forwarding *want = NULL;

	if (*lb && some_number(&some, 20) == 0) {
		desired_lb_free(*lb);
		*lb = NULL;
	} else if (*lb) {
		some_change(&some, *lb, max);
	} else {
		*lb = some_lb(&some, number, max);
	}
	if (*lb)
		want = definite(*lb);
	if (*have || want)
		apply(elements, *have, want);
	forwarding_free(*have);
	*have = want;
}

static void run(size_t n_steps, uint32_t max)
{
	struct desired_lb *lbs[N_LBS] = {};
	struct forwarding *have[N_LBS] = {};
	struct elements elements = {};

	for (size_t i = 0; i < n_steps; i++) {
		uint32_t which = some_number(&some, N_LBS);

		step(&elements, &lbs[which], &have[which], which + 1, max);
		if (i % 8 == 0)
			assert_as_from_nothing(&elements, have);
	}
	for (size_t i = 0; i < N_LBS; i++) {
		if (have[i])
			apply(&elements, have[i], NULL);
		forwarding_free(have[i]);
		desired_lb_free(lbs[i]);
	}
	assert_int_equal(elements_count(&elements), 0);
	elements_deinit(&elements);
}

static void test_small_changes(void **state)
{
	(void)state;
	run(20000, 6);
}

static void test_large_changes(void **state)
{
	(void)state;
	run(500, 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_changes),
		cmocka_unit_test(test_large_changes),
	};
	const char *seed = getenv("ILB_SEED");

	some.state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("ILB_SEED=%llu\n", (unsigned long long)some.state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
