/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"
#include "dataplane/filters.h"
#include "dataplane/forwarding.h"
#include "tests/support/cmocka.h"

/* Three thousand numbers, every other one of them; two filters each: TCP port 80, UDP. */
#define N_NUMBERS 1500

static struct conntrack_filter filters[2 * N_NUMBERS + 1];

static size_t make_filters(void)
{
	size_t n = 0;

	for (uint32_t i = 0; i < N_NUMBERS; i++) {
		uint32_t number = 2 * ((i * 7) % N_NUMBERS); /* in no order */

		filters[n++] = (struct conntrack_filter){.mark = number << 8,
							 .mark_mask = MARK_NUMBER_MASK,
							 .protocol = 6,
							 .first = 80,
							 .last = 80};
		if (i == N_NUMBERS / 2)
			filters[n++] =
				(struct conntrack_filter){.mark = 0xabc, .mark_mask = UINT32_MAX};
		filters[n++] = (struct conntrack_filter){
			.mark = number << 8, .mark_mask = MARK_NUMBER_MASK, .protocol = 17};
	}
	return n;
}

static void test_each_by_its_number(void **state)
{
	auto_call(conntrack_filters_deinit) struct conntrack_filters any = {};

	(void)state;
	assert_int_equal(conntrack_filters_init(&any, filters, make_filters()), 0);
	for (uint32_t number = 0; number < 2 * N_NUMBERS + 10; number++) {
		bool named = number % 2 == 0 && number < 2 * N_NUMBERS;
		struct conntrack_entry entry = {.mark = number << 8 | 5, .protocol = 17};

		assert_int_equal(conntrack_filters_match(&any, &entry), named);
		entry.protocol = 6;
		assert_false(conntrack_filters_match(&any, &entry));
		entry.port = 80;
		assert_int_equal(conntrack_filters_match(&any, &entry), named);
	}
}

static void test_others(void **state)
{
	auto_call(conntrack_filters_deinit) struct conntrack_filters any = {}, none = {};
	struct conntrack_entry entry = {.mark = 0xabc, .protocol = 132};

	(void)state;
	assert_int_equal(conntrack_filters_init(&any, filters, make_filters()), 0);
	assert_int_equal(conntrack_filters_init(&none, NULL, 0), 0);
	assert_true(conntrack_filters_match(&any, &entry));
	assert_false(conntrack_filters_match(&none, &entry));
	entry.mark = 0xabd;
	assert_false(conntrack_filters_match(&any, &entry));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_by_its_number),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
