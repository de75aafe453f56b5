/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocator/healthtable.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"

#define CHECK 7

static struct address address_of(unsigned number)
{
	return (struct address){
		.family = FAMILY_IPV4,
		.bytes = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number},
	};
}

static void note(void *user, const char *net, const struct address *address)
{
	char *text = user;
	size_t len = strlen(text);

	(void)snprintf(text + len, 128 - len, "%s:%d ", net, address ? address->bytes[3] : -1);
}

static int take(struct healthtable *table, const char *net, const char *node, unsigned first,
		size_t n, uint64_t now)
{
	struct health_verdict *list = calloc(n + 1, sizeof(*list));
	struct health health = {
		.net = (char *)net, .node = (char *)node, .full = true, .verdicts = list};
	int r;

	for (; health.n_verdicts < n; health.n_verdicts++) {
		list[health.n_verdicts].address = address_of(first + (unsigned)health.n_verdicts);
		list[health.n_verdicts].check = CHECK;
	}
	r = healthtable_take(table, &health, now);
	free(list);
	return r;
}

static void test_changes_are_told_once(void **state)
{
	auto_call(healthtable_freep) struct healthtable *table = NULL;
	struct health dead = {.net = (char *)"n", .node = (char *)"a", .dead = true};
	char text[128] = "";

	(void)state;
	assert_int_equal(healthtable_new(note, text, &table), 0);
	assert_int_equal(take(table, "n", "a", 1, 2, 1), 0);
	assert_int_equal(take(table, "n", "a", 1, 2, 2), 0);
	assert_int_equal(healthtable_take(table, &dead, 3), 0);
	assert_int_equal(healthtable_take(table, &dead, 4), 0);
	assert_int_equal(take(table, "n", "a", 1, 2, 5), 0);
	assert_string_equal(text, "n:1 n:2 n:-1 n:-1 ");
	assert_null(healthtable_find(table, "m"));
	assert_non_null(healthtable_find(table, "n"));
}

/* Its allocators repeat it, though it says nothing itself. */
static void test_the_dead_are_not_forgotten(void **state)
{
	auto_call(healthtable_freep) struct healthtable *table = NULL;
	struct health dead = {.net = (char *)"n", .node = (char *)"a", .dead = true};
	char text[128] = "";

	(void)state;
	assert_int_equal(healthtable_new(note, text, &table), 0);
	assert_int_equal(take(table, "n", "a", 1, 1, 1), 0);
	assert_int_equal(healthtable_take(table, &dead, HEALTHTABLE_KEEP_MS), 0);
	healthtable_expire(table, HEALTHTABLE_KEEP_MS + 2);
	assert_true(verdicts_is_dead(healthtable_find(table, "n"), "a"));
	healthtable_expire(table, 2 * HEALTHTABLE_KEEP_MS + 1);
	assert_null(healthtable_find(table, "n"));
}

struct said {
	size_t n, n_verdicts, n_dead;
};

static void hear(void *user, const void *bytes, size_t len)
{
	auto_call(health_freep) struct health *health = NULL;
	struct said *said = user;

	assert_int_equal(health_unpack(bytes, len, &health, NULL), 0);
	assert_string_equal(health->net, "n");
	assert_false(health->full);
	said->n++;
	said->n_verdicts += health->n_verdicts;
	said->n_dead += health->dead;
}

static void test_memory_is_told_in_parts(void **state)
{
	auto_call(healthtable_freep) struct healthtable *table = NULL;
	struct health dead = {.net = (char *)"n", .node = (char *)"b", .dead = true};
	struct said said = {};
	char text[128] = "";

	(void)state;
	assert_int_equal(healthtable_new(note, text, &table), 0);
	assert_int_equal(healthtable_say(table, "n", 0, hear, &said), 0);
	assert_int_equal(said.n, 0);
	assert_int_equal(take(table, "n", "a", 0, HEALTHTABLE_PART_MAX + 1, 1), 0);
	assert_int_equal(take(table, "m", "a", 0, 5, 1), 0);
	assert_int_equal(healthtable_take(table, &dead, 1), 0);
	assert_int_equal(healthtable_say(table, "n", 1, hear, &said), 0);
	assert_int_equal(said.n, 3);
	assert_int_equal(said.n_dead, 1);
	assert_int_equal(said.n_verdicts, HEALTHTABLE_PART_MAX + 1);
	/* It is packed once for all that ask, and is anew when it is old. */
	assert_int_equal(take(table, "n", "c", 0, 1, 1), 0);
	said = (struct said){};
	assert_int_equal(healthtable_say(table, "n", 2, hear, &said), 0);
	assert_int_equal(said.n, 3);
	assert_int_equal(healthtable_say(table, "n", 1 + HEALTHTABLE_PACKED_MS, hear, &said), 0);
	assert_int_equal(said.n, 3 + 4);
}

static void test_what_vanishes_is_told(void **state)
{
	auto_call(healthtable_freep) struct healthtable *table = NULL;
	char text[128] = "";

	(void)state;
	assert_int_equal(healthtable_new(note, text, &table), 0);
	assert_int_equal(take(table, "n", "a", 1, 2, 1), 0);
	assert_int_equal(take(table, "n", "a", 1, 1, 2), 0);
	assert_string_equal(text, "n:1 n:2 n:-1 ");
	healthtable_expire(table, HEALTHTABLE_KEEP_MS + 1);
	assert_string_equal(text, "n:1 n:2 n:-1 ");
	healthtable_expire(table, HEALTHTABLE_KEEP_MS + 3);
	assert_string_equal(text, "n:1 n:2 n:-1 n:-1 ");
}

/* At the maximum nodes still die, and what is known still changes and goes. */
static void expect_alive_when_full(struct healthtable *table)
{
	struct health_verdict verdict = {.address = address_of(7), .check = CHECK, .healthy = true};
	struct health change = {.net = (char *)"n",
				.node = (char *)"node-0",
				.verdicts = &verdict,
				.n_verdicts = 1};
	struct health dead = {.net = (char *)"n", .node = (char *)"node-1", .dead = true};
	const struct verdicts *verdicts = healthtable_find(table, "n");
	const char *checker;

	assert_int_equal(healthtable_take(table, &dead, 2), 0);
	assert_true(verdicts_is_dead(verdicts, "node-1"));
	assert_int_equal(healthtable_take(table, &change, 2), 0);
	assert_true(
		verdicts_look(verdicts, "node-0", &verdict.address, CHECK, 2, &checker)->healthy);
	assert_int_equal(take(table, "m", "node-0", 0, 1, 2), -E2BIG);
	/* One stays, one is new and finds no room yet, all others go. */
	assert_int_equal(take(table, "n", "node-0", HEALTH_VERDICTS_MAX - 1, 2, 2), -E2BIG);
	assert_int_equal(healthtable_counts(table).verdicts,
			 HEALTHTABLE_VERDICTS_MAX - HEALTH_VERDICTS_MAX + 1);
	assert_int_equal(take(table, "n", "node-0", HEALTH_VERDICTS_MAX - 1, 2, 2), 0);
}

static void test_bounds(void **state)
{
	auto_call(healthtable_freep) struct healthtable *table = NULL;
	char text[128] = "", node[16];
	unsigned n = 0;
	int r = 0;

	(void)state;
	assert_int_equal(healthtable_new(note, text, &table), 0);
	for (; n < 64 && r == 0; n++) {
		(void)snprintf(node, sizeof(node), "node-%u", n);
		r = take(table, "n", node, n << 16, HEALTH_VERDICTS_MAX, 1);
	}
	assert_int_equal(r, -E2BIG);
	assert_int_equal(n, HEALTHTABLE_VERDICTS_MAX / HEALTH_VERDICTS_MAX + 1);
	assert_int_equal(healthtable_counts(table).verdicts, HEALTHTABLE_VERDICTS_MAX);
	expect_alive_when_full(table);
	text[0] = '\0';
	healthtable_expire(table, HEALTHTABLE_KEEP_MS + 3);
	assert_int_equal(healthtable_counts(table).verdicts, 0);
	assert_int_equal(healthtable_counts(table).nets, 0);
	assert_int_equal(take(table, "n", "a", 0, 1, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_told_once),
		cmocka_unit_test(test_the_dead_are_not_forgotten),
		cmocka_unit_test(test_memory_is_told_in_parts),
		cmocka_unit_test(test_what_vanishes_is_told),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
