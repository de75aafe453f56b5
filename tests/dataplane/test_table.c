/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/table.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

/* What needs no kernel; the rest is tests/dataplane/test_packets.py's. */

#define N_LBS 40 /* more than are tried again with each change */

static struct desired *snapshot_of(unsigned n_lbs)
{
	struct desired *desired = calloc(1, sizeof(*desired));
	char text[128];

	desired->snapshot = true;
	for (unsigned i = 1; i <= n_lbs; i++) {
		struct desired_lb *lb;

		(void)snprintf(text, sizeof(text),
			       "number %u\nvip 10.0.0.%u\ndestination 10.1.0.1\n", i, i);
		lb = some_lb_parse(text);
		lb->uid = (struct uuid){{(uint8_t)i}};
		*ARRAY_ADD(desired->lbs, desired->n_lbs) = lb;
	}
	return desired;
}

static void stage(struct table *table, unsigned n_lbs, struct entry_changes *changes)
{
	auto_call(desired_freep) struct desired *desired = snapshot_of(n_lbs);

	assert_int_equal(entries_stage(&table->entries, desired, "n1", changes), 0);
}

static void settle(struct table *table, struct entry_changes *changes, const char *refusal)
{
	for (size_t i = 0; i < changes->n_items; i++) {
		const struct forwarding *have;

		assert_int_equal(entries_settle(&table->entries, &changes->items[i], refusal), 0);
		have = refusal ? NULL : changes->items[i].entry->have;
		if (have)
			assert_int_equal(served_hold(&table->served, &have->vips[0]), 0);
	}
}

/* The kernel would not let go of some; with the last goes the table, and they with it. */
static void test_nothing_outlives_the_table(void **state)
{
	auto_call(entry_changes_deinit) struct entry_changes loaded = {}, refused = {}, last = {};
	struct table table = {};

	(void)state;
	stage(&table, N_LBS, &loaded);
	settle(&table, &loaded, NULL);
	stage(&table, 1, &refused);
	settle(&table, &refused, "no");
	assert_int_equal(table.entries.n_refused, N_LBS);
	stage(&table, 0, &last);
	assert_int_equal(table_remove(&table, &last, 0, NULL), 0);
	assert_null(table.entries.head);
	assert_int_equal(table.entries.n_refused, 0);
	assert_int_equal(table.served.n_list, 0);
	assert_int_equal(stale_next_ms(&table.stale), 0); /* their connections go, too */
	table_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_outlives_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
