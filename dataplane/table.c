/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/table.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/table_private.h"

void table_deinit(struct table *table)
{
	entries_deinit(&table->entries);
	served_deinit(&table->served);
	stale_deinit(&table->stale);
}

int table_run(void *user, const char *text, struct error *err)
{
	struct table *table = user;
	int r;

	r = nft_run(table->nft, text, err);
	table->n_runs += r == 0;
	return r;
}

size_t table_drop_plans(struct entry_changes *changes)
{
	size_t sum = 0;

	for (size_t i = 0; i < changes->n_items; i++) {
		sum += changes->items[i].plan.n_elements;
		plan_deinit(&changes->items[i].plan);
	}
	return sum;
}

static void drop_and_trim(struct entry_changes *changes)
{
	if (table_drop_plans(changes) > TABLE_LARGE)
		nft_trim();
}

int table_run_text(struct table *table, struct text *text, struct error *err)
{
	if (text->failed)
		return error_set(err, -ENOMEM, "out of memory");
	return table_run(table, text->bytes, err);
}

static struct ruleset_stamp stamp_of(const struct table *table, bool valid)
{
	if (!valid)
		return (struct ruleset_stamp){};
	return (struct ruleset_stamp){
		.rules = ruleset_digest(&table->options),
		.revision = table->revision,
		.digest = table->entries.digest,
	};
}

void table_write_stamp(const struct table *table, const char *name, bool valid, struct text *text)
{
	struct ruleset_stamp stamp = stamp_of(table, valid);

	ruleset_write_stamp(text, name, &stamp);
}

static int run_stamp(struct table *table, bool valid, struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	int r;

	table_write_stamp(table, RULESET_TABLE, valid, &text);
	r = table_run_text(table, &text, err);
	if (r == 0)
		table->stamped = valid;
	return r;
}

int table_settle(struct table *table, struct entry_change *change, const char *refusal)
{
	const struct forwarding *have = change->entry->have;
	struct address old[2] = {}, new[2] = {};
	int r;

	if (have)
		memcpy(old, have->vips, sizeof(old));
	r = entries_settle(&table->entries, change, refusal);
	if (change->entry && change->entry->have)
		memcpy(new, change->entry->have->vips, sizeof(new));
	for (size_t i = 0; i < ARRAY_SIZE(new) && r == 0; i++) {
		if (new[i].family != FAMILY_NONE)
			r = served_hold(&table->served, &new[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(old) && r == 0; i++) {
		if (old[i].family != FAMILY_NONE)
			served_drop(&table->served, &old[i]);
	}
	return r;
}

int table_queue_cleanups(struct table *table, const struct uuid *uid, const struct plan *plan,
			 uint64_t now_ms)
{
	int r = 0;

	for (size_t i = 0; i < plan->n_cleanups && r == 0; i++)
		r = stale_add(&table->stale, now_ms, uid, &plan->cleanups[i]);
	return r;
}

/* All are in the kernel, without looking. */
static int settle_all(struct table *table, struct entry_changes *changes, uint64_t now_ms)
{
	int r = 0;

	for (size_t i = 0; i < changes->n_items && r == 0; i++) {
		struct entry_change *change = &changes->items[i];

		r = table_queue_cleanups(table, &change->entry->uid, &change->plan, now_ms);
		if (r == 0)
			r = table_settle(table, change, NULL);
	}
	return r;
}

void table_fill_pieces(const struct entry_changes *changes, struct transact_piece *pieces)
{
	for (size_t i = 0; i < changes->n_items; i++) {
		const struct plan *plan = &changes->items[i].plan;

		pieces[i].text = plan->text.bytes;
		pieces[i].len = plan->text.len;
		pieces[i].release_len = plan->release_len;
		pieces[i].n_elements = plan->n_elements;
	}
}

static struct transact_piece *pieces_of(const struct entry_changes *changes)
{
	struct transact_piece *pieces = calloc(changes->n_items + 1, sizeof(*pieces));

	if (pieces)
		table_fill_pieces(changes, pieces);
	return pieces;
}

static int settle_piece(struct table *table, struct entry_change *change,
			const struct transact_piece *piece, uint64_t now_ms)
{
	const char *refusal = piece->sentence ? piece->sentence : strerror(-piece->result);
	int r = 0;

	if (piece->result == 0)
		r = table_queue_cleanups(table, &change->entry->uid, &change->plan, now_ms);
	else if (change->entry->gone || piece->result == -ENOENT)
		table->dirty = true; /* the table is not what we think it is */
	if (r == 0)
		r = table_settle(table, change, piece->result == 0 ? NULL : refusal);
	return r;
}

static int apply_some(struct table *table, struct entry_changes *changes, uint64_t now_ms)
{
	struct transact_piece *pieces;
	int r;

	if (entries_plan(changes) < 0)
		return -ENOMEM;
	pieces = pieces_of(changes);
	if (!pieces)
		return -ENOMEM;
	r = transact_in_turn(pieces, changes->n_items, TABLE_ELEMENTS_MAX, table_run, table);
	for (size_t i = 0; i < changes->n_items && r == 0; i++)
		r = settle_piece(table, &changes->items[i], &pieces[i], now_ms);
	transact_deinit(pieces, changes->n_items);
	free(pieces);
	return r;
}

/* Of the first changes as many as are planned at once: those that move stay together. */
static size_t planned_together(const struct entry_change *changes, size_t n_changes)
{
	size_t n = n_changes < TABLE_PLANNED_MAX ? n_changes : TABLE_PLANNED_MAX;

	while (n < n_changes && changes[n - 1].moves && changes[n].moves)
		n++;
	return n;
}

/*
 * Many changes, or some that were refused before: the stamp is void until all are in. They are
 * planned as they go: the text of all at once would be most of the agent's memory.
 */
static int apply_in_turn(struct table *table, struct entry_changes *changes, uint64_t now_ms,
			 struct error *err)
{
	struct entry_changes some = {};
	size_t n_elements = 0;
	int r = 0;

	if (table->stamped)
		r = run_stamp(table, false, err);
	for (size_t i = 0; i < changes->n_items && r == 0; i += some.n_items) {
		some.items = changes->items + i;
		some.n_items = planned_together(some.items, changes->n_items - i);
		r = apply_some(table, &some, now_ms);
		n_elements += table_drop_plans(&some);
	}
	if (n_elements > TABLE_LARGE)
		nft_trim();
	if (r == 0 && table->entries.n_refused == 0)
		r = run_stamp(table, true, err);
	return r == -ENOMEM ? error_set(err, r, "out of memory") : r;
}

/* The usual change: everything and the stamp in one transaction. Return: 1 when it does not go. */
static int apply_small(struct table *table, struct entry_changes *changes, uint64_t now_ms,
		       struct error *err)
{
	auto_free struct transact_piece *pieces = NULL;
	auto_call(text_deinit) struct text text = {};
	size_t n_elements = 0;
	int r;

	if (table->entries.n_refused > 0 || changes->n_items > TABLE_PLANNED_MAX)
		return 1;
	if (entries_plan(changes) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < changes->n_items; i++)
		n_elements += changes->items[i].plan.n_elements;
	if (n_elements > TABLE_ELEMENTS_MAX)
		return 1;
	pieces = pieces_of(changes);
	if (!pieces)
		return error_set(err, -ENOMEM, "out of memory");
	transact_write(&text, pieces, changes->n_items);
	table_write_stamp(table, RULESET_TABLE, true, &text);
	if (table_run_text(table, &text, err) < 0)
		return 1;
	table->stamped = true;
	r = settle_all(table, changes, now_ms);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}

int table_apply(struct table *table, struct entry_changes *changes, uint64_t now_ms,
		struct error *err)
{
	int r;

	r = apply_small(table, changes, now_ms, err);
	drop_and_trim(changes);
	return r > 0 ? apply_in_turn(table, changes, now_ms, err) : r;
}

int table_adopt(struct table *table, const struct ruleset_stamp *stamp,
		struct entry_changes *changes, bool *ret_adopted, struct error *err)
{
	table->present = true;
	*ret_adopted = table->entries.n_refused == 0 && !table->stand_in &&
		       stamp->rules == ruleset_digest(&table->options) &&
		       stamp->digest == table->entries.digest;
	if (!*ret_adopted)
		return 0;
	table->stamped = true;
	if (settle_all(table, changes, 0) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

int table_create(struct table *table, struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	int r;

	ruleset_write(&text, &table->options);
	table_write_stamp(table, RULESET_TABLE, false, &text);
	r = table_run_text(table, &text, err);
	if (r < 0)
		return error_prefix(err, r, "table inet " RULESET_TABLE " cannot be made");
	table->present = table->bare = true;
	table->stamped = false;
	return 0;
}

int table_remove_stand_in(struct table *table, struct error *err)
{
	auto_call(text_deinit) struct text text = {};

	ruleset_write_removal(&text, RULESET_STAND_IN);
	return table_run_text(table, &text, err);
}

int table_remove(struct table *table, struct entry_changes *changes, uint64_t now_ms,
		 struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	int r = 0;

	if (table->present || table->stand_in) {
		ruleset_write_removal(&text, RULESET_TABLE);
		ruleset_write_removal(&text, RULESET_STAND_IN);
		r = table_run_text(table, &text, err);
	}
	if (r < 0)
		return error_prefix(err, r, "table inet " RULESET_TABLE " cannot be removed");
	table->present = table->stand_in = table->stamped = table->dirty = false;
	r = entries_stage_all(&table->entries,
			      changes); /* removals that were refused before, too */
	if (r == 0)
		r = entries_plan(changes);
	if (r == 0)
		r = settle_all(table, changes, now_ms);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}
