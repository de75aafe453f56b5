/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/forwarding.h"
#include "dataplane/plan.h"
#include "tests/support/cmocka.h"
#include "tests/support/elements.h"
#include "tests/support/some_lb.h"

/* What the change of one LoadBalancer comes to. Random ones: test_plan_random.c. */

static struct forwarding *make(const char *text)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = some_lb_parse(text);
	struct forwarding *forwarding = NULL;

	assert_int_equal(forwarding_new(lb, "n1", &forwarding, NULL), 0);
	return forwarding;
}

/* Whatever svc4 leads to must be whole: all slots of its mark, or none and the class refuses. */
static void assert_leads_somewhere(const struct elements *elements, const char *listener)
{
	const char *data = elements_find(elements, listener);
	uint32_t mark = data ? (uint32_t)strtoul(data, NULL, 16) : 0;
	uint32_t size = mark & CLASS_SIZE_MASK;

	if (!data || size == CLASS_REFUSE)
		return;
	for (unsigned slot = 0; slot < SLOTS_SIZES[size]; slot++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "slot4 0x%x . %u", mark, slot);
		if (!elements_find(elements, name))
			fail_msg("%s leads to 0x%x, which lacks slot %u", listener, mark, slot);
	}
}

/* Gives the number of elements that are added and deleted. */
static size_t apply(struct elements *elements, const struct forwarding *have,
		    const struct forwarding *want)
{
	auto_call(plan_deinit) struct plan plan = {};

	assert_int_equal(plan_diff(have, want, &plan), 0);
	elements_apply(elements, &plan);
	assert_leads_somewhere(elements, "svc4 10.0.0.1 . tcp . 80");
	return plan.n_elements;
}

static void test_nothing_leads_to_nowhere(void **state)
{
	static const char *const texts[] = {
		NULL,
		"vip 10.0.0.1\nport TCP 80\nsize 16384\ndestination 10.1.0.1\n",
		"vip 10.0.0.1\nport TCP 80\nsize 4096\ndestination 10.1.0.1\ndestination 10.1.0.2",
		"vip 10.0.0.1\nport TCP 80\nsize 16\n",
		"vip 10.0.0.1\nport TCP 80\nsize 16\ndestination 10.1.0.3 node n1\naffinity on\n",
		"vip 10.0.0.1\nport TCP 80\nsize 16384\ndestination 10.1.0.3 node n1\naffinity on\n",
		"vip 10.0.0.2\nport TCP 80\nsize 16384\ndestination 10.1.0.3\naffinity on\n",
		NULL,
	};
	auto_call(forwarding_freep) struct forwarding *have = NULL;
	struct elements elements = {};

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(texts); i++) {
		auto_call(forwarding_freep) struct forwarding *want =
			texts[i] ? make(texts[i]) : NULL;

		(void)apply(&elements, have, want);
		forwarding_free(have);
		have = TAKE(want);
	}
	assert_int_equal(elements_count(&elements), 0);
	elements_deinit(&elements);
}

static void test_a_change_costs_what_it_changes(void **state)
{
	auto_call(forwarding_freep) struct forwarding *have =
		make("vip 10.0.0.1\nport TCP 80\nsize 64\ndestination 10.1.0.1\n");
	auto_call(forwarding_freep) struct forwarding *want =
		make("vip 10.0.0.1\nport TCP 80\nsize 64\ndestination 10.1.0.1\nport UDP 80\n");
	struct elements elements = {};

	(void)state;
	/* Slots, self, accounts of both directions, the VIP, the listener. */
	assert_int_equal(apply(&elements, NULL, have), 64 + 1 + 2 + 1 + 1);
	assert_int_equal(apply(&elements, have, want), 1);
	assert_int_equal(apply(&elements, want, want), 0);
	elements_deinit(&elements);
}

/* The number is the allocator's for the life of a LoadBalancer; should it change, all moves over. */
static void test_number_changes(void **state)
{
	auto_call(forwarding_freep) struct forwarding *have =
		make("number 1\nvip 10.0.0.1\nport TCP 80\ndestination 10.1.0.1\n");
	auto_call(forwarding_freep) struct forwarding *want =
		make("number 2\nvip 10.0.0.1\nport TCP 80\ndestination 10.1.0.1\n");
	struct elements elements = {}, fresh = {};

	(void)state;
	want->uid = have->uid;
	(void)apply(&elements, NULL, have);
	(void)apply(&elements, have, want);
	(void)apply(&fresh, NULL, want);
	elements_assert_equal(&elements, &fresh);
	elements_deinit(&elements);
	elements_deinit(&fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_leads_to_nowhere),
		cmocka_unit_test(test_a_change_costs_what_it_changes),
		cmocka_unit_test(test_number_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
