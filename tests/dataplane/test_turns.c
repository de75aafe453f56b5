/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/turns.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

/* LoadBalancers a, b, c ... by their VIPs' last figure; '-' for one that is not there. */
static const struct {
	const char *name, *before, *refused, *after;
	const char *turns; /* capital: moves; '-': goes */
} rows[] = {
	{"nothing stood in the way", "12", "", "34", "ab"},
	{"who lets go comes first", "113", "a", "314", "cab"},
	{"who goes comes first", "-2", "", "2-", "-ba"},
	{"two exchange theirs", "12", "", "21", "AB"},
	{"three do, beside one that takes and one that lets go", "9234", "", "4325", "dABC"},
	{"one follows another", "12", "", "23", "bA"},
	{"in a circle of three", "123", "", "231", "ABC"},
};

static struct desired *desired_of(const char *vips)
{
	struct desired *desired = calloc(1, sizeof(*desired));
	char text[128];

	desired->snapshot = true;
	for (unsigned i = 0; vips[i]; i++) {
		struct desired_lb *lb;

		if (vips[i] == '-')
			continue;
		(void)snprintf(text, sizeof(text),
			       "number %u\nvip 10.0.0.%c\ndestination 10.1.0.1\n", i + 1, vips[i]);
		lb = some_lb_parse(text);
		lb->uid = (struct uuid){{(uint8_t)(i + 1)}};
		*ARRAY_ADD(desired->lbs, desired->n_lbs) = lb;
	}
	return desired;
}

static void settle(struct entries *entries, struct entry_changes *changes, const char *refused)
{
	for (size_t i = 0; i < changes->n_items; i++) {
		int letter = 'a' + changes->items[i].entry->uid.bytes[0] - 1;

		assert_int_equal(entries_settle(entries, &changes->items[i],
						strchr(refused, letter) ? "no" : NULL),
				 0);
	}
}

static void describe(const struct entry_changes *changes, char *text)
{
	for (size_t i = 0; i < changes->n_items; i++) {
		const struct entry_change *change = &changes->items[i];

		if (change->entry->gone)
			*text++ = '-';
		*text++ = (char)((change->moves ? 'A' : 'a') + change->entry->uid.bytes[0] - 1);
		assert_int_equal(change->plan.release_len > 0, change->moves);
	}
	*text = '\0';
}

static void test_rows(void **state)
{
	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		auto_call(desired_freep) struct desired *before = desired_of(row->before);
		auto_call(desired_freep) struct desired *after = desired_of(row->after);
		auto_call(entry_changes_deinit) struct entry_changes first = {}, second = {};
		struct entries entries = {};
		char text[64];

		print_message("%s\n", row->name);
		assert_int_equal(entries_stage(&entries, before, "n1", &first), 0);
		settle(&entries, &first, *row->refused ? row->refused : "?");
		assert_int_equal(entries_stage(&entries, after, "n1", &second), 0);
		assert_int_equal(entries_plan(&second), 0);
		describe(&second, text);
		assert_string_equal(text, row->turns);
		entries_deinit(&entries);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
