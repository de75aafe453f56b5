/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/table_private.h"

/*
 * A small table is replaced in one transaction, which libnftables holds whole: 1.5 KB for each
 * element. A large one is written in the pieces of a first load, and as nobody may see half of it,
 * elsewhere: into a stand-in without hooks, where no packet looks. One transaction gives that its
 * hooks and removes the old table, then the same once more under the old name, as tables cannot be
 * renamed. That is twice the work of a first load, and still a fraction of what one transaction of
 * that size costs (docs/dataplane.md).
 *
 *	ilb             ilb_stand_in
 *	old, lives      filled           killed here: the old one is adopted, or replaced
 *	-               new, lives       one transaction
 *	filled          new, lives       killed here: the stand-in forwards, this is done again
 *	new, lives      -                one transaction
 *
 * Which one lives is told by the stamp, which comes with the hooks.
 */

#define AT_ONCE_MAX 8000 /* elements: 12 MB */

/* The table is being replaced: what goes on in conntrack is the difference all the same. */
static int settle_rewritten(struct table *table, struct entry_change *change,
			    const struct transact_piece *piece, uint64_t now_ms)
{
	struct entry *entry = change->entry;
	const struct forwarding *want = entry->gone ? NULL : entry->want;
	struct plan plan = {};
	int r = 0;

	if (piece->result == 0 && entry->have && (want || entry->gone))
		r = plan_diff(entry->have, want, &plan);
	if (r == 0)
		r = table_queue_cleanups(table, &entry->uid, &plan, now_ms);
	plan_deinit(&plan);
	if (r < 0)
		return r;
	if (piece->result == 0)
		return table_settle(table, change, NULL);
	for (size_t i = 0; entry->have && i < ARRAY_SIZE(entry->have->vips); i++) {
		if (entry->have->vips[i].family != FAMILY_NONE)
			served_drop(&table->served, &entry->have->vips[i]);
	}
	entries_forget_have(entry);
	return table_settle(table, change, piece->sentence ? piece->sentence : "refused");
}

static int check(void *user, const char *text, struct error *err)
{
	struct table *table = user;

	return nft_check(table->nft, text, err);
}

static int replace_at_once(struct table *table, struct entry_changes *changes,
			   struct transact_piece *pieces, struct error *err)
{
	auto_call(text_deinit) struct text head = {}, tail = {}, tail_if_refused = {};

	if (entries_plan_anew(changes, RULESET_TABLE) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	table_fill_pieces(changes, pieces);
	ruleset_write_removal(&head, RULESET_TABLE);
	ruleset_write(&head, &table->options);
	table_write_stamp(table, RULESET_TABLE, table->entries.n_refused == 0, &tail);
	table_write_stamp(table, RULESET_TABLE, false, &tail_if_refused);
	if (head.failed || tail.failed || tail_if_refused.failed)
		return error_set(err, -ENOMEM, "out of memory");
	return transact_at_once(pieces, changes->n_items, head.bytes, tail.bytes,
				tail_if_refused.bytes, table_run, check, table, err);
}

/* Makes table `name` anew, without hooks, and puts all elements in. */
static int fill(struct table *table, struct entry_changes *changes, struct transact_piece *pieces,
		const char *name, struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	int r;

	ruleset_write_removal(&text, name);
	ruleset_write_unseen(&text, name);
	r = table_run_text(table, &text, err);
	transact_deinit(pieces, changes->n_items);
	memset(pieces, 0, changes->n_items * sizeof(*pieces));
	for (size_t i = 0; i < changes->n_items && r == 0; i += TABLE_PLANNED_MAX) {
		size_t n_left = changes->n_items - i;
		struct entry_changes some = {changes->items + i, n_left < TABLE_PLANNED_MAX
									 ? n_left
									 : TABLE_PLANNED_MAX};

		r = entries_plan_anew(&some, name);
		table_fill_pieces(&some, pieces + i);
		if (r == 0)
			r = transact_in_turn(pieces + i, some.n_items, TABLE_ELEMENTS_MAX,
					     table_run, table);
		(void)table_drop_plans(&some);
	}
	return r == -ENOMEM ? error_set(err, r, "out of memory") : r;
}

static bool any_refused(const struct table *table, const struct transact_piece *pieces,
			size_t n_pieces)
{
	for (size_t i = 0; i < n_pieces; i++) {
		if (pieces[i].result < 0)
			return true;
	}
	return table->entries.n_refused > 0;
}

/* Table `name` lives from here on, and the other one is gone. */
static int bring_to_life(struct table *table, const char *name, const char *other, bool valid,
			 struct error *err)
{
	auto_call(text_deinit) struct text text = {};

	ruleset_write_removal(&text, other);
	ruleset_write_live(&text, name, &table->options);
	table_write_stamp(table, name, valid, &text);
	return table_run_text(table, &text, err);
}

static int replace_in_turn(struct table *table, struct entry_changes *changes,
			   struct transact_piece *pieces, struct error *err)
{
	bool valid;
	int r = 0;

	if (!table->stand_in) {
		r = fill(table, changes, pieces, RULESET_STAND_IN, err);
		if (r == 0)
			r = bring_to_life(table, RULESET_STAND_IN, RULESET_TABLE, false, err);
		table->stand_in = r == 0;
	}
	if (r == 0)
		r = fill(table, changes, pieces, RULESET_TABLE, err);
	if (r < 0)
		return r;
	valid = !any_refused(table, pieces, changes->n_items);
	r = bring_to_life(table, RULESET_TABLE, RULESET_STAND_IN, valid, err);
	table->stand_in = r < 0;
	nft_trim();
	return r;
}

/* Elements are slots, and a few more for each LoadBalancer. */
static bool is_large(const struct entry_changes *changes)
{
	size_t n = 0;

	for (size_t i = 0; i < changes->n_items; i++) {
		const struct entry *entry = changes->items[i].entry;
		const struct forwarding *want = entry->want ? entry->want : entry->have;

		if (want && !entry->gone)
			n += forwarding_n_slots(want, FAMILY_IPV4) +
			     forwarding_n_slots(want, FAMILY_IPV6) + 2 * want->n_ports;
	}
	return n > AT_ONCE_MAX;
}

int table_rewrite(struct table *table, struct entry_changes *changes, uint64_t now_ms,
		  struct error *err)
{
	struct transact_piece *pieces = NULL;
	bool refused_before = table->entries.n_refused > 0;
	int r;

	r = entries_stage_all(&table->entries, changes);
	if (r == 0)
		pieces = calloc(changes->n_items + 1, sizeof(*pieces));
	if (!pieces)
		return error_set(err, -ENOMEM, "out of memory");
	r = table->stand_in || is_large(changes) ? replace_in_turn(table, changes, pieces, err)
						 : replace_at_once(table, changes, pieces, err);
	for (size_t i = 0; i < changes->n_items && r == 0; i++)
		r = settle_rewritten(table, &changes->items[i], &pieces[i], now_ms);
	transact_deinit(pieces, changes->n_items);
	free(pieces);
	(void)table_drop_plans(changes);
	if (r < 0)
		return r == -ENOMEM ? error_set(err, r, "out of memory") : r;
	table->present = table->bare = true;
	table->dirty = false;
	table->stamped = !refused_before && table->entries.n_refused == 0;
	return 0;
}
