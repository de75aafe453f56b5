/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dataplane/accounts.h"
#include "tests/support/cmocka.h"

static const struct address first = {.family = FAMILY_IPV4, .bytes = {10, 0, 0, 1}};
static const struct address second = {.family = FAMILY_IPV4, .bytes = {10, 0, 0, 2}};

static const struct traffic_sum *sums(uint64_t n)
{
	static struct traffic_sum sums[TRAFFIC_N_DIRECTIONS];

	sums[0] = (struct traffic_sum){n, 100 * n};
	sums[1] = (struct traffic_sum){2 * n, 200 * n};
	return sums;
}

static void shows(const struct accounts *accounts, const struct address *destination, uint64_t n)
{
	const struct account *account = accounts_find(accounts, 1, destination);

	assert_non_null(account);
	assert_int_equal(account->shown[0].packets, n);
	assert_int_equal(account->shown[0].bytes, 100 * n);
	assert_int_equal(account->shown[1].packets, 2 * n);
	assert_int_equal(account->shown[1].bytes, 200 * n);
}

/* A connection carries, ends, and stays counted. */
static void test_live_and_ended(void **state)
{
	struct accounts accounts = {};

	(void)state;
	accounts_begin(&accounts);
	accounts_live(&accounts, 1, &first, sums(5), 0);
	accounts_live(&accounts, 1, &second, sums(7), 0);
	accounts_end(&accounts, 0);
	shows(&accounts, NULL, 12);
	shows(&accounts, &first, 5);
	assert_int_equal(accounts_find(&accounts, 1, NULL)->n_live, 2);

	accounts_ended(&accounts, 1, &first, sums(6), 0);
	accounts_begin(&accounts);
	accounts_live(&accounts, 1, &second, sums(9), 0);
	accounts_end(&accounts, 0);
	shows(&accounts, NULL, 15);
	shows(&accounts, &first, 6);
	assert_int_equal(accounts_find(&accounts, 1, &first)->n_live, 0);
	accounts_clear(&accounts);
}

/* It was neither in the listing any more nor among the ends yet. */
static void test_never_shrinks(void **state)
{
	struct accounts accounts = {};

	(void)state;
	accounts_begin(&accounts);
	accounts_live(&accounts, 1, &first, sums(5), 0);
	accounts_end(&accounts, 0);
	accounts_begin(&accounts);
	accounts_end(&accounts, 0);
	shows(&accounts, NULL, 5);
	accounts_ended(&accounts, 1, &first, sums(6), 0);
	accounts_begin(&accounts);
	accounts_end(&accounts, 0);
	shows(&accounts, NULL, 6);
	accounts_clear(&accounts);
}

static uint64_t connections(struct accounts *accounts, uint64_t a, uint64_t b)
{
	accounts_begin(accounts);
	accounts_connections(accounts, 1, a);
	accounts_connections(accounts, 1, b);
	accounts_end(accounts, 0);
	return account_steady_value(&accounts_find(accounts, 1, NULL)->connections);
}

/* An element written anew counts from nothing: the sum does not. */
static void test_elements_begin_anew(void **state)
{
	struct accounts accounts = {};

	(void)state;
	assert_int_equal(connections(&accounts, 100, 50), 150);
	assert_int_equal(connections(&accounts, 0, 50), 150);
	assert_int_equal(connections(&accounts, 10, 50), 160);
	assert_int_equal(connections(&accounts, 0, 0), 160);
	assert_int_equal(connections(&accounts, 1, 0), 161);

	accounts_elements(&accounts, 1, TRAFFIC_REPLY, &(struct traffic_sum){10, 1000});
	accounts_elements(&accounts, 1, TRAFFIC_REPLY, &(struct traffic_sum){1, 100});
	assert_int_equal(
		account_steady_value(&accounts_find(&accounts, 1, NULL)->bytes[TRAFFIC_REPLY]),
		1000);
	accounts_clear(&accounts);
}

static bool is_two(void *user, uint32_t number)
{
	(void)user;
	return number == 2;
}

static void test_forgets(void **state)
{
	struct accounts accounts = {};

	(void)state;
	accounts_begin(&accounts);
	accounts_live(&accounts, 1, &first, sums(5), 0);
	accounts_live(&accounts, 2, &first, sums(5), 0);
	accounts_end(&accounts, 0);
	accounts_keep(&accounts, is_two, NULL);
	assert_null(accounts_find(&accounts, 1, NULL));
	assert_null(accounts_find(&accounts, 1, &first));
	assert_non_null(accounts_find(&accounts, 2, &first));
	accounts_begin(&accounts);
	accounts_end(&accounts, ACCOUNTS_IDLE_MS);
	assert_non_null(accounts_find(&accounts, 2, &first));
	accounts_begin(&accounts);
	accounts_end(&accounts, ACCOUNTS_IDLE_MS + 1);
	assert_null(accounts_find(&accounts, 2, &first));
	assert_non_null(accounts_find(&accounts, 2, NULL));
	accounts_clear(&accounts);
}

/* Nobody reads: what was heard of destinations goes all the same, LoadBalancers stay. */
static void test_idle_without_readings(void **state)
{
	struct accounts accounts = {};

	(void)state;
	accounts_ended(&accounts, 1, &first, sums(5), 0);
	accounts_ended(&accounts, 2, &first, sums(5), 1);
	accounts_drop_idle(&accounts, ACCOUNTS_IDLE_MS);
	assert_non_null(accounts_find(&accounts, 1, &first));
	accounts_drop_idle(&accounts, ACCOUNTS_IDLE_MS + 1);
	assert_null(accounts_find(&accounts, 1, &first));
	assert_non_null(accounts_find(&accounts, 2, &first));
	assert_non_null(accounts_find(&accounts, 1, NULL));
	accounts_clear(&accounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_and_ended),        cmocka_unit_test(test_never_shrinks),
		cmocka_unit_test(test_elements_begin_anew),   cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_idle_without_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
