/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/entries.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

/* One LoadBalancer per letter; upper case is another version of the same. */
static struct desired_lb *lb_of(char letter)
{
	bool other = letter < 'a';
	unsigned number = (unsigned)(other ? letter - 'A' : letter - 'a') + 1;
	struct desired_lb *lb;
	char text[128];

	(void)snprintf(text, sizeof(text), "number %u\nvip 10.0.0.%u\ndestination 10.1.0.%u\n",
		       number, number, other ? 2U : 1U);
	lb = some_lb_parse(text);
	lb->uid = (struct uuid){{(uint8_t)number}};
	if (letter == 'Z')
		lb->algorithm = 99; /* of a later version of ours */
	return lb;
}

static struct desired *desired_of(const char *lbs, const char *removed, bool snapshot)
{
	struct desired *desired = calloc(1, sizeof(*desired));

	desired->snapshot = snapshot;
	for (; *lbs; lbs++)
		*ARRAY_ADD(desired->lbs, desired->n_lbs) = lb_of(*lbs);
	for (; *removed; removed++)
		ARRAY_ADD(desired->removed, desired->n_removed)->bytes[0] =
			(uint8_t)(*removed - 'a' + 1);
	return desired;
}

static uint64_t digest_of(const char *lbs)
{
	uint64_t sum = 0, one;

	for (; *lbs; lbs++) {
		auto_call(desired_lb_freep) struct desired_lb *lb = lb_of(*lbs);

		assert_int_equal(codec_digest(lb, &one), 0);
		sum += one;
	}
	return sum;
}

/* The changes as letters: "-a" is a removal, "b?" a retry. */
static void describe(const struct entry_changes *changes, char text[static 64])
{
	size_t n = 0;

	for (size_t i = 0; i < changes->n_items; i++) {
		const struct entry_change *change = &changes->items[i];

		if (change->entry->gone)
			text[n++] = '-';
		text[n++] = (char)('a' + change->entry->uid.bytes[0] - 1);
		if (change->retry)
			text[n++] = '?';
	}
	text[n] = '\0';
}

/* Steps of one story: each starts from what the one before left. */
static const struct {
	const char *name;
	const char *lbs, *removed;
	bool snapshot;
	const char *changes, *refuse; /* what comes out, and what of it the kernel refuses */
	const char *all;              /* there are then, for the digest */
	size_t n_refused;
} steps[] = {
	{"a snapshot of three", "abc", "", true, "abc", "", "abc", 0},
	{"a change", "B", "", false, "b", "", "aBc", 0},
	{"the same again", "B", "", false, "b", "", "aBc", 0},
	{"one more, which is refused", "d", "", false, "d", "d", "aBcd", 1},
	{"the refused one has another try", "a", "", false, "ad?", "d", "aBcd", 1},
	{"also when one goes, and goes in then", "", "c", false, "-cd?", "", "aBd", 0},
	{"removal of what is not there", "", "c", false, "", "", "aBd", 0},
	{"a removal that is refused", "", "d", false, "-d", "d", "aB", 1},
	{"is tried again", "", "", false, "-d?", "", "aB", 0},
	{"removed and back in one change", "b", "b", false, "b", "", "ab", 0},
	{"one that we do not understand", "Z", "", false, "", "", "abZ", 1},
	{"is not tried again", "a", "", false, "a", "", "abZ", 1},
	{"a snapshot without some", "bc", "", true, "-a-zbc", "", "bc", 0},
	{"an empty snapshot", "", "", true, "-b-c", "", "", 0},
};

static void settle(struct entries *entries, struct entry_changes *changes, const char *refuse)
{
	for (size_t i = 0; i < changes->n_items; i++) {
		struct entry *entry = changes->items[i].entry;
		char letter = (char)('a' + entry->uid.bytes[0] - 1);

		assert_int_equal(entries_settle(entries, &changes->items[i],
						strchr(refuse, letter) && *refuse ? "no" : NULL),
				 0);
	}
}

static void test_a_story(void **state)
{
	struct entries entries = {};
	char text[64];

	(void)state;
	ARRAY_FOREACH(step, steps, ARRAY_SIZE(steps)) {
		auto_call(desired_freep) struct desired *desired =
			desired_of(step->lbs, step->removed, step->snapshot);
		auto_call(entry_changes_deinit) struct entry_changes changes = {};
		auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));

		print_message("%s\n", step->name);
		assert_int_equal(entries_stage(&entries, desired, "n1", &changes), 0);
		describe(&changes, text);
		assert_string_equal(text, step->changes);
		assert_int_equal(entries_plan(&changes), 0);
		settle(&entries, &changes, step->refuse);
		assert_true(entries.digest == digest_of(step->all));
		assert_int_equal(entries.n_alive, strlen(step->all));
		assert_int_equal(entries.n_refused, step->n_refused);
		assert_int_equal(entries_add_refusals(&entries, status), 0);
		assert_int_equal(status->n_refused, step->n_refused);
	}
	assert_null(entries.head);
	entries_deinit(&entries);
}

/* A table that was written while a destination was dead is another one. */
static void test_the_digest_knows_the_dead(void **state)
{
	static const bool dead[] = {false, true, false};
	struct entries entries = {};
	uint64_t digests[ARRAY_SIZE(dead)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dead); i++) {
		auto_call(desired_freep) struct desired *desired = desired_of("a", "", true);
		auto_call(entry_changes_deinit) struct entry_changes changes = {};

		desired->lbs[0]->destinations[0].dead = dead[i];
		assert_int_equal(entries_stage(&entries, desired, "n1", &changes), 0);
		settle(&entries, &changes, "");
		digests[i] = entries.digest;
	}
	assert_true(digests[0] != digests[1]);
	assert_true(digests[0] == digests[2]);
	entries_deinit(&entries);
}

/* Nor is one that was written under another name, which knew others for its own. */
static void test_the_digest_knows_who_is_here(void **state)
{
	static const char *const names[] = {"n1", "n2", "n3", "n1"};
	struct entries entries = {};
	uint64_t digests[ARRAY_SIZE(names)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_call(desired_freep) struct desired *desired = desired_of("a", "", true);
		auto_call(entry_changes_deinit) struct entry_changes changes = {};

		free(desired->lbs[0]->destinations[0].node);
		desired->lbs[0]->destinations[0].node = strdup("n1");
		assert_int_equal(entries_stage(&entries, desired, names[i], &changes), 0);
		settle(&entries, &changes, "");
		digests[i] = entries.digest;
	}
	assert_true(digests[0] != digests[1]);
	assert_true(digests[1] == digests[2]);
	assert_true(digests[0] == digests[3]);
	entries_deinit(&entries);
}

/* Refused ones take turns: with more than fit into one change, each has its own in the end. */
static void test_retries_take_turns(void **state)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxy";
	struct entries entries = {};
	bool tried[sizeof(letters)] = {};

	(void)state;
	for (int round = 0; round < 3; round++) {
		auto_call(desired_freep) struct desired *desired =
			desired_of(round == 0 ? letters : "", "", false);
		auto_call(entry_changes_deinit) struct entry_changes changes = {};

		assert_int_equal(entries_stage(&entries, desired, "n1", &changes), 0);
		for (size_t i = 0; i < changes.n_items && round > 0; i++)
			tried[changes.items[i].entry->uid.bytes[0] - 1] = true;
		assert_int_equal(changes.n_items, round == 0 ? strlen(letters) : 16);
		settle(&entries, &changes, letters);
	}
	for (size_t i = 0; i < strlen(letters); i++)
		assert_true(tried[i]);
	entries_deinit(&entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_story),
		cmocka_unit_test(test_the_digest_knows_the_dead),
		cmocka_unit_test(test_the_digest_knows_who_is_here),
		cmocka_unit_test(test_retries_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
