/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "base/array.h"
#include "tests/support/cmocka.h"

static void test_grows_one_by_one_and_keeps_all(void **state)
{
	auto_free uint32_t *items = NULL;
	size_t n_items = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t *item = ARRAY_ADD(items, n_items);

		assert_non_null(item);
		assert_int_equal(*item, 0);
		*item = i;
	}
	assert_int_equal(n_items, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
}

static void test_refuses_more_than_the_address_space(void **state)
{
	uint32_t *items = NULL;

	(void)state;
	assert_int_equal(array_grow(&items, (SIZE_MAX >> 1) + 1, sizeof(*items)), -ENOMEM);
	assert_null(items);
}

static void test_foreach_visits_each_once(void **state)
{
	int items[] = {1, 2, 4, 8}, sum = 0;

	(void)state;
	ARRAY_FOREACH(item, items, 0)
		sum += *item;
	assert_int_equal(sum, 0);
	ARRAY_FOREACH(item, items, ARRAY_SIZE(items))
		sum += *item;
	assert_int_equal(sum, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_one_by_one_and_keeps_all),
		cmocka_unit_test(test_refuses_more_than_the_address_space),
		cmocka_unit_test(test_foreach_visits_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
