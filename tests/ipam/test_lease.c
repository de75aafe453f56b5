/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "ipam/lease.h"
#include "ipam/sparse.h"
#include "tests/support/cmocka.h"

static struct address address(const char *text)
{
	struct address value;

	assert_int_equal(address_parse(text, &value), 0);
	return value;
}

static void test_one_address_has_one_holder(void **state)
{
	static int alice, bob;
	struct address v4 = address("10.0.0.1"), v6 = address("a00:1::"); /* the same bytes */
	struct lease_table table;

	(void)state;
	lease_table_init(&table);
	assert_null(lease_table_holder(&table, &v4));
	assert_int_equal(lease_table_take(&table, &v4, &alice), 0);
	assert_int_equal(lease_table_take(&table, &v4, &bob), -EEXIST);
	assert_int_equal(lease_table_take(&table, &v6, &bob), 0);
	assert_ptr_equal(lease_table_holder(&table, &v4), &alice);
	assert_ptr_equal(lease_table_holder(&table, &v6), &bob);
	lease_table_release(&table, &v4, &bob); /* not his */
	assert_ptr_equal(lease_table_holder(&table, &v4), &alice);
	lease_table_release(&table, &v4, &alice);
	assert_null(lease_table_holder(&table, &v4));
	assert_int_equal(lease_table_count(&table), 1);
	lease_table_deinit(&table);
}

static void test_first_free(void **state)
{
	static int holder;
	static const struct {
		const char *within, *first;
	} rows[] = {
		{"10.0.0.0/30", "10.0.0.3"}, {"10.0.0.0/31", NULL}, {"10.0.0.2/32", NULL},
		{"10.0.1.0/24", "10.0.1.0"}, {"::/0", "::"},
	};
	struct lease_table table;

	(void)state;
	lease_table_init(&table);
	for (unsigned i = 0; i < 3; i++) {
		struct address held = wide_to_address(0x0a000000 + i, FAMILY_IPV4);

		assert_int_equal(lease_table_take(&table, &held, &holder), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address found, first;
		struct cidr within;

		assert_int_equal(cidr_parse(rows[i].within, &within), 0);
		if (lease_table_first_free(&table, &within, &found) != (rows[i].first != NULL))
			fail_msg("%s", rows[i].within);
		if (!rows[i].first)
			continue;
		first = address(rows[i].first);
		if (!address_equal(&first, &found))
			fail_msg("%s", rows[i].within);
	}
	lease_table_deinit(&table);
}

/* Numbers of all sizes, compared with a plain list. */
static void test_sparse_sets(void **state)
{
	static const unsigned exponents[] = {0, 1, 5, 6, 7, 12, 31, 63, 64, 100, 127};
	wide numbers[2 * ARRAY_SIZE(exponents)];
	struct sparse sparse;
	wide found, from = 0;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exponents); i++) {
		numbers[n++] = ((wide)1 << exponents[i]) - 1; /* ascending, but 1 comes twice */
		numbers[n++] = (wide)1 << exponents[i];
	}
	assert_int_equal(sparse_init(&sparse, 128), 0);
	for (size_t i = n; i-- > 0;) /* the largest first, and each twice */
		assert_int_equal(sparse_add(&sparse, 128, numbers[i]) |
					 sparse_add(&sparse, 128, numbers[n - 1 - i]),
				 0);
	for (size_t i = 0; i < n; i++) {
		if (i && numbers[i] == numbers[i - 1])
			continue;
		assert_true(sparse_has(&sparse, 128, numbers[i]));
		assert_true(sparse_next(&sparse, 128, from, &found) && found == numbers[i]);
		assert_false(sparse_has(&sparse, 127, numbers[i]));
		from = found + 1;
	}
	assert_false(sparse_next(&sparse, 128, from, &found));
	for (size_t i = 0; i < n; i++)
		sparse_remove(&sparse, 128, numbers[i]);
	assert_false(sparse_next(&sparse, 128, 0, &found));
	assert_int_equal(sparse.heights[128], 0);
	assert_int_equal(sparse.nodes.n_entries, 0);
	sparse_deinit(&sparse);
}

static void test_wide_numbers(void **state)
{
	static const struct {
		const char *address, *decimal;
	} rows[] = {
		{"0.0.0.0", "0"},
		{"255.255.255.255", "4294967295"},
		{"::1:0:0:0:0", "18446744073709551616"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "340282366920938463463374607431768211455"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address before = address(rows[i].address), after;
		char text[WIDE_TEXT_MAX];

		after = wide_to_address(wide_from_address(&before), before.family);
		assert_true(address_equal(&before, &after));
		assert_string_equal(wide_format(wide_from_address(&before), text), rows[i].decimal);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_address_has_one_holder),
		cmocka_unit_test(test_first_free),
		cmocka_unit_test(test_sparse_sets),
		cmocka_unit_test(test_wide_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
