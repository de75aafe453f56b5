/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/remembered.h"
#include "tests/support/cmocka.h"

static struct presence some(uint8_t n)
{
	struct address addresses[UINT8_MAX] = {};
	struct presence presence = {};

	for (uint8_t i = 0; i < n; i++)
		addresses[i] = (struct address){.family = FAMILY_IPV4, .bytes = {10, 0, 0, i}};
	assert_int_equal(presence_attend(&presence, addresses, n), 0);
	return presence;
}

static void keep(struct remembered **all, const char *net, uint64_t inode, uint8_t n)
{
	struct presence presence = some(n);

	remembered_keep(all, net, inode, &presence);
	assert_null(presence.machines);
}

static size_t take(struct remembered **all, const char *net, uint64_t inode)
{
	struct presence presence = remembered_take(all, net, inode);
	size_t n = presence.n_machines;

	presence_deinit(&presence);
	return n;
}

static void test_once_and_of_the_same_namespace(void **state)
{
	struct remembered *all = NULL;

	(void)state;
	assert_int_equal(take(&all, "a", 1), 0);
	keep(&all, "a", 1, 3);
	keep(&all, "b", 2, 4);
	assert_int_equal(take(&all, "a", 1), 3);
	assert_int_equal(take(&all, "a", 1), 0);
	assert_int_equal(take(&all, "b", 3), 0);
	keep(&all, "b", 2, 4);
	keep(&all, "b", 3, 5);
	assert_int_equal(take(&all, "b", 3), 5);
	keep(&all, "b", 2, 4);
	remembered_drop(&all, "b");
	remembered_drop(&all, "b");
	assert_null(all);
}

static void test_the_first_go(void **state)
{
	struct remembered *all = NULL;
	char net[16];

	(void)state;
	for (unsigned i = 0; i <= REMEMBERED_MAX; i++) {
		(void)snprintf(net, sizeof(net), "net-%u", i);
		keep(&all, net, i, 1);
	}
	assert_int_equal(take(&all, "net-0", 0), 0);
	assert_int_equal(take(&all, "net-1", 1), 1);
	assert_int_equal(take(&all, net, REMEMBERED_MAX), 1);
	remembered_clear(&all);
	assert_null(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_and_of_the_same_namespace),
		cmocka_unit_test(test_the_first_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
