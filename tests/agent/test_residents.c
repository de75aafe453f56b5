/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/residents.h"
#include "tests/support/cmocka.h"

static struct address address_of(unsigned number)
{
	return (struct address){.family = FAMILY_IPV4, .bytes = {10, 0, 0, (uint8_t)number}};
}

static void note(void *user, const struct address *address, bool absent)
{
	char *text = user;
	size_t len = strlen(text);

	(void)snprintf(text + len, 64 - len, "%u%c", address->bytes[3], absent ? '-' : '+');
}

static void expect_list(struct residents *residents, const char *expected)
{
	auto_free struct address *list = NULL;
	char text[64] = "";
	size_t n;

	assert_int_equal(residents_list(residents, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ",
			       list[i].bytes[3]);
	assert_string_equal(text, expected);
	assert_false(residents_is_changed(residents));
}

static void test_each_once(void **state)
{
	auto_call(residents_freep) struct residents *residents = NULL;
	struct address one = address_of(1), two = address_of(2);

	(void)state;
	assert_int_equal(residents_new(&residents), 0);
	assert_false(residents_is_changed(residents));
	assert_int_equal(residents_add(residents, &two), 0);
	assert_int_equal(residents_add(residents, &one), 0);
	assert_true(residents_is_changed(residents));
	expect_list(residents, "1 2 ");
	assert_int_equal(residents_add(residents, &one), 0);
	assert_false(residents_remove(residents, &one));
	expect_list(residents, "1 2 ");
	assert_true(residents_remove(residents, &one));
	assert_true(residents_is_changed(residents));
	assert_false(residents_remove(residents, &one));
	expect_list(residents, "2 ");
}

static void count(void *user, const struct address *address, bool absent, uint64_t since_ms)
{
	uint64_t *sum = user;

	*sum += address->bytes[3] * since_ms * (absent ? 10 : 1);
}

static void test_links(void **state)
{
	auto_call(residents_freep) struct residents *residents = NULL;
	struct address list[] = {address_of(1), address_of(2), address_of(9)};
	char text[64] = "";
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(residents_new(&residents), 0);
	assert_int_equal(residents_add(residents, &list[0]), 0);
	assert_int_equal(residents_add(residents, &list[1]), 0);
	residents_note(residents, NULL, 0, 1, note, text);
	residents_note(residents, list, 1, 2, note, text);
	residents_note(residents, list, 1, 3, note, text);
	residents_note(residents, list + 1, 2, 4, note, text); /* 9 does not live here */
	assert_string_equal(text, "1-1+2-");
	assert_int_equal(residents_n_told(residents), 2);
	residents_visit_told(residents, count, &sum);
	assert_int_equal(sum, 1 * 4 + 10 * 2 * 4);
	assert_true(residents_remove(residents, &list[1]));
	assert_int_equal(residents_n_told(residents), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
