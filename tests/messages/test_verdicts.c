/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "messages/verdicts.h"
#include "tests/support/cmocka.h"

#define CHECK 7

static struct address address_of(unsigned number)
{
	return (struct address){
		.family = FAMILY_IPV4,
		.bytes = {10, 0, (uint8_t)(number >> 8), (uint8_t)number},
	};
}

/* What a node says: '+' healthy, '-' unhealthy, '.' nothing, of destinations 0, 1, ... */
static bool hear(struct verdicts *verdicts, const char *node, const char *what, bool full,
		 uint64_t now)
{
	struct health_verdict list[8] = {};
	struct health health = {
		.node = (char *)node, .boot = {"boot"}, .full = full, .verdicts = list};
	bool is_new = false;

	for (unsigned i = 0; what[i]; i++) {
		if (what[i] == '.')
			continue;
		list[health.n_verdicts].address = address_of(i);
		list[health.n_verdicts].check = CHECK;
		list[health.n_verdicts++].healthy = what[i] == '+';
	}
	assert_int_equal(verdicts_take(verdicts, &health, now, &is_new), 0);
	return is_new;
}

/* An allocator says whether it is dead. */
static void call(struct verdicts *verdicts, const char *node, bool dead, uint64_t now)
{
	const struct health health = {.node = (char *)node, .dead = dead};
	bool is_new = true;

	assert_int_equal(verdicts_take(verdicts, &health, now, &is_new), 0);
	assert_false(is_new);
}

static void bury(struct verdicts *verdicts, const char *node, uint64_t now)
{
	call(verdicts, node, true, now);
}

static char find(const struct verdicts *verdicts, const char *node, unsigned number, uint64_t now)
{
	struct address address = address_of(number);

	return ".+-"[verdicts_find(verdicts, node, &address, CHECK, now)];
}

static void test_messages(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;

	(void)state;
	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	assert_true(hear(verdicts, "a", "+-", true, 100));
	assert_false(hear(verdicts, "a", ".+", false, 200));
	assert_int_equal(find(verdicts, "a", 0, 200), '+'); /* a change leaves the rest */
	assert_int_equal(find(verdicts, "a", 1, 200), '+');
	assert_int_equal(find(verdicts, "a", 2, 200), '.');
	assert_int_equal(find(verdicts, "b", 0, 200), '.'); /* another's word does not count */
	assert_false(hear(verdicts, "a", ".-", true, 300));
	assert_int_equal(find(verdicts, "a", 0, 300), '.'); /* all of it replaces all of it */
	assert_int_equal(find(verdicts, "a", 1, 300), '-');
	/* Silence alone changes nothing of what a node said of its own. */
	assert_int_equal(find(verdicts, "a", 1, 300 + 10 * VERDICTS_PEER_MS), '-');
	assert_true(hear(verdicts, "a", "", false, 300 + VERDICTS_PEER_MS));
}

/* Whoever judges by them need not do so again while nothing has changed. */
static void test_number_of_changes(void **state)
{
	static const struct {
		const char *what;
		bool full, changes;
	} rows[] = {
		{"+-", true, true},   {"+-", true, false}, {"+", false, false},
		{"..-", false, true}, {"+-", true, true},  {"++", true, true},
	};
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;
	uint64_t before;

	(void)state;
	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		before = verdicts_n_changes(verdicts);
		(void)hear(verdicts, "a", rows[i].what, rows[i].full, 100 + i);
		if ((verdicts_n_changes(verdicts) != before) != rows[i].changes)
			fail_msg("row %zu", i);
	}
	for (unsigned i = 0; i < 2; i++) {
		before = verdicts_n_changes(verdicts);
		bury(verdicts, "a", 200);
		assert_int_equal(verdicts_n_changes(verdicts) != before, i == 0);
	}
}

static void test_dead_nodes(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;

	(void)state;
	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	bury(verdicts, "a", 1);
	assert_true(verdicts_is_dead(verdicts, "a"));
	assert_false(verdicts_is_dead(verdicts, "b"));
	assert_false(verdicts_is_dead(verdicts, NULL));
	assert_true(hear(verdicts, "a", "+", false, 2));
	assert_false(verdicts_is_dead(verdicts, "a"));
	bury(verdicts, "a", 3);
	call(verdicts, "a", false, 4); /* it was wrong, or knows better now */
	assert_false(verdicts_is_dead(verdicts, "a"));
	assert_int_equal(find(verdicts, "a", 0, 4), '+');
	call(verdicts, "b", false, 4);
	assert_true(hear(verdicts, "b", "", false, 5)); /* nothing was heard of it itself */
	bury(verdicts, "me", 3);
	assert_false(verdicts_is_dead(verdicts, "me")); /* we know better */
}

/*
 * Every sequence of what can be heard of a node, next to the sentence: what it said last of a
 * destination counts, until it says all and does not name it; who said last whether it is dead, be
 * it an allocator or by speaking the node itself, is right.
 */
static const struct {
	enum { SPEAKS, IS_DEAD, IS_NOT_DEAD } event;
	const char *what;
	bool full;
} events[] = {
	{SPEAKS, "+", false},   {SPEAKS, "-", false},       {SPEAKS, ".", false},
	{SPEAKS, "+", true},    {SPEAKS, "-", true},        {SPEAKS, ".", true},
	{IS_DEAD, NULL, false}, {IS_NOT_DEAD, NULL, false},
};

enum { N_EVENTS = 8, LENGTH = 5, N_SEQUENCES = 1 << (3 * LENGTH) };

static char naive_find(unsigned sequence, unsigned n)
{
	while (n-- > 0) {
		unsigned i = sequence >> (3 * n) & (N_EVENTS - 1);

		if (events[i].event == SPEAKS && (events[i].what[0] != '.' || events[i].full))
			return events[i].what[0];
	}
	return '.';
}

static bool naive_is_dead(unsigned sequence, unsigned n)
{
	return n > 0 && events[sequence >> (3 * (n - 1)) & (N_EVENTS - 1)].event == IS_DEAD;
}

static void play(unsigned sequence)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;

	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	for (unsigned n = 0; n < LENGTH; n++) {
		unsigned i = sequence >> (3 * n) & (N_EVENTS - 1);

		if (events[i].event == SPEAKS)
			(void)hear(verdicts, "a", events[i].what, events[i].full, n);
		else
			call(verdicts, "a", events[i].event == IS_DEAD, n);
		if (find(verdicts, "a", 0, n) != naive_find(sequence, n + 1) ||
		    verdicts_is_dead(verdicts, "a") != naive_is_dead(sequence, n + 1))
			fail_msg("sequence 0%o after %u", sequence, n + 1);
	}
}

static void test_every_sequence(void **state)
{
	(void)state;
	for (unsigned sequence = 0; sequence < N_SEQUENCES; sequence++)
		play(sequence);
}

static unsigned count_ours(const struct verdicts *verdicts, uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct address address = address_of(i);

		n += verdicts_is_ours(verdicts, NULL, &address, CHECK, now);
	}
	return n;
}

static void test_own_destinations(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;
	struct address address = address_of(0);

	(void)state;
	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	assert_true(verdicts_is_ours(verdicts, "me", &address, CHECK, 0));
	assert_false(verdicts_is_ours(verdicts, "a", &address, CHECK, 0)); /* heard or not */
	assert_int_equal(count_ours(verdicts, 0), 1000);
}

/* Three nodes that have heard each other share out what nobody owns: each once, evenly. */
static void test_shares(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	struct verdicts *nodes[3] = {};
	unsigned shares[3] = {}, now = 1000;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(verdicts_new(names[i], NULL, NULL, &nodes[i]), 0);
		for (unsigned k = 0; k < 3; k++)
			(void)hear(nodes[i], names[k], "", true, now);
	}
	for (unsigned d = 0; d < 999; d++) {
		struct address address = address_of(d);
		unsigned n = 0;

		for (unsigned i = 0; i < 3; i++) {
			bool ours = verdicts_is_ours(nodes[i], NULL, &address, CHECK, now);

			shares[i] += ours;
			n += ours;
		}
		assert_int_equal(n, 1);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(shares[i], 233, 433);
	/* One that is silent is not counted on: its share goes to the others. */
	(void)hear(nodes[0], "b", "", true, now + VERDICTS_PEER_MS);
	assert_in_range(count_ours(nodes[0], now + VERDICTS_PEER_MS), 433, 567);
	for (unsigned i = 0; i < 3; i++)
		verdicts_free(nodes[i]);
}

/* Of a destination without node the word of a node that is still heard counts more. */
static void test_whose_word(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;

	(void)state;
	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	(void)hear(verdicts, "a", "+", true, 0);
	assert_int_equal(find(verdicts, NULL, 0, 10 * VERDICTS_PEER_MS), '+'); /* the last word */
	(void)hear(verdicts, "b", "-", true, 9 * VERDICTS_PEER_MS + 1);
	assert_int_equal(find(verdicts, NULL, 0, 10 * VERDICTS_PEER_MS), '-');
}

/* Another's memory fills gaps, and the node's own word replaces it. */
static void test_recall(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;
	struct health_verdict list[] = {{.address = address_of(0), .check = CHECK, .healthy = true},
					{.address = address_of(1), .check = CHECK}};
	struct health health = {
		.node = (char *)"a", .dead = true, .verdicts = list, .n_verdicts = 2};

	(void)state;
	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	assert_int_equal(verdicts_recall(verdicts, &health, 1), 0);
	assert_true(verdicts_is_dead(verdicts, "a"));
	assert_int_equal(find(verdicts, "a", 0, 1), '+');
	assert_int_equal(find(verdicts, "a", 1, 1), '-');
	assert_int_equal(count_ours(verdicts, 1), 1000); /* it is not heard by that */
	assert_true(hear(verdicts, "a", "-", false, 2));
	assert_int_equal(verdicts_recall(verdicts, &health, 1), 0);
	assert_false(verdicts_is_dead(verdicts, "a"));
	assert_int_equal(find(verdicts, "a", 0, 2), '-');
	assert_int_equal(find(verdicts, "a", 1, 2), '-');
	(void)hear(verdicts, "a", "+", true, 3);
	assert_int_equal(find(verdicts, "a", 1, 3), '.');
	health.node = (char *)"me";
	assert_int_equal(verdicts_recall(verdicts, &health, 1), 0);
	assert_int_equal(find(verdicts, "me", 0, 3), '+'); /* until we know better */
	assert_int_equal(find(verdicts, "me", 1, 3), '-');
	list[1].healthy = true;
	assert_int_equal(verdicts_note(verdicts, &list[1]), 0);
	assert_int_equal(find(verdicts, "me", 1, 3), '+');
	assert_false(verdicts_is_dead(verdicts, "me"));
}

static void test_links(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;
	struct health_verdict down = {.address = address_of(0), .check = HEALTH_CHECK_LINK};
	struct health health = {.node = (char *)"a", .verdicts = &down, .n_verdicts = 1};
	bool is_new;

	(void)state;
	assert_int_equal(verdicts_new("me", NULL, NULL, &verdicts), 0);
	assert_int_equal(verdicts_take(verdicts, &health, 1, &is_new), 0);
	assert_true(verdicts_is_cut(verdicts, "a", &down.address));
	assert_false(verdicts_is_cut(verdicts, "b", &down.address));
	assert_false(verdicts_is_cut(verdicts, NULL, &down.address));
	(void)hear(verdicts, "a", "", true, 2);
	assert_false(verdicts_is_cut(verdicts, "a", &down.address));
}

static void note_change(void *user, const char *node, const struct health_verdict *verdict)
{
	char *text = user;
	size_t len = strlen(text);

	(void)snprintf(text + len, 64 - len, "%s%u%c", node, verdict->address.bytes[3],
		       verdict->healthy ? '+' : '-');
}

static void test_changes(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;
	char text[64] = "";

	(void)state;
	assert_int_equal(verdicts_new(NULL, note_change, text, &verdicts), 0);
	(void)hear(verdicts, "a", "+-", true, 1);
	(void)hear(verdicts, "a", "+-", true, 2);
	(void)hear(verdicts, "a", "-", false, 3);
	assert_string_equal(text, "a0+a1-a0-");
	verdicts_forget(verdicts, 3);
	assert_false(verdicts_is_empty(verdicts));
	verdicts_forget(verdicts, 4);
	assert_true(verdicts_is_empty(verdicts));
}

static void note_said(void *user, const struct health *health)
{
	char *text = user;
	size_t len = strlen(text);

	(void)snprintf(text + len, 64 - len, "%s:%zu%s ", health->node, health->n_verdicts,
		       health->dead ? " dead" : "");
}

static void test_visit(void **state)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = NULL;
	char text[64] = "";

	(void)state;
	assert_int_equal(verdicts_new(NULL, NULL, NULL, &verdicts), 0);
	(void)hear(verdicts, "a", "+-", true, 1);
	(void)hear(verdicts, "b", "", true, 1);
	bury(verdicts, "a", 2);
	assert_int_equal(verdicts_visit(verdicts, note_said, text), 0);
	assert_string_equal(text, "a:2 dead b:0 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_number_of_changes),
		cmocka_unit_test(test_dead_nodes),
		cmocka_unit_test(test_every_sequence),
		cmocka_unit_test(test_own_destinations),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_whose_word),
		cmocka_unit_test(test_recall),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_visit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
