/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "dataplane/entries.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/require.h"
#include "base/text.h"
#include "dataplane/turns.h"
#include "messages/codec.h"

/* Refused ones that are tried again with each new state. */
#define N_RETRIES 16

static void entry_free(struct entry *entry)
{
	forwarding_free(entry->have);
	forwarding_free(entry->want);
	free(entry->refusal);
	free(entry->name);
	free(entry);
}

void entries_deinit(struct entries *entries)
{
	struct entry *entry, *next;

	HASH_ITER(hh, entries->head, entry, next)
	{
		HASH_DEL(entries->head, entry);
		entry_free(entry);
	}
	*entries = (struct entries){};
}

struct entry *entries_find(const struct entries *entries, const struct uuid *uid)
{
	struct entry *entry;

	HASH_FIND(hh, entries->head, uid, sizeof(*uid), entry);
	return entry;
}

void entry_changes_deinit(struct entry_changes *changes)
{
	for (size_t i = 0; i < changes->n_items; i++)
		plan_deinit(&changes->items[i].plan);
	free(changes->items);
	*changes = (struct entry_changes){};
}

static int stage(struct entry_changes *changes, struct entry *entry, bool retry)
{
	struct entry_change *change;

	if (entry->staged)
		return 0;
	change = ARRAY_ADD(changes->items, changes->n_items);
	if (!change)
		return -ENOMEM;
	change->entry = entry;
	change->retry = retry;
	entry->staged = true;
	return 0;
}

static void set_refusal(struct entries *entries, struct entry *entry, char *refusal)
{
	entries->n_refused += (refusal != NULL) - (entry->refusal != NULL);
	free(entry->refusal);
	entry->refusal = refusal;
}

static int stage_removal(struct entries *entries, struct entry *entry,
			 struct entry_changes *changes)
{
	if (entry->gone)
		return 0;
	entry->gone = true;
	entries->n_alive--;
	entries->digest -= entry->digest;
	forwarding_free(TAKE(entry->want));
	return stage(changes, entry, false);
}

/* In a snapshot, those that it does not name are gone: digests are marked meanwhile. */
static int stage_removals(struct entries *entries, const struct desired *desired,
			  struct entry_changes *changes)
{
	struct entry *entry, *next;
	int r = 0;

	for (size_t i = 0; i < desired->n_removed && r == 0; i++) {
		entry = entries_find(entries, &desired->removed[i]);
		if (entry)
			r = stage_removal(entries, entry, changes);
	}
	if (!desired->snapshot)
		return r;
	for (entry = entries->head; entry; entry = entry->hh.next)
		entry->named = false;
	for (size_t i = 0; i < desired->n_lbs; i++) {
		entry = entries_find(entries, &desired->lbs[i]->uid);
		if (entry)
			entry->named = true;
	}
	HASH_ITER(hh, entries->head, entry, next)
	{
		if (!entry->named && r == 0)
			r = stage_removal(entries, entry, changes);
	}
	return r;
}

static struct entry *find_or_add(struct entries *entries, const struct desired_lb *lb)
{
	struct entry *entry = entries_find(entries, &lb->uid);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->uid = lb->uid;
	entry->name = strdup(lb->name ?: "");
	if (entry->name)
		HASH_ADD(hh, entries->head, uid, sizeof(entry->uid), entry);
	if (!entry->hh.tbl) {
		free(entry->name);
		free(entry);
		return NULL;
	}
	entries->n_alive++;
	return entry;
}

/*
 * Of what the kernel is to hold. Which destinations are dead and which are here is no part of what an
 * allocator says, yet of this: who takes over a table must not believe that it leads to a destination
 * that was dead when it was written, nor that it knows those which are here by another name of ours.
 */
static int digest_of(const struct desired_lb *lb, const char *node, uint64_t *ret_digest)
{
	struct {
		uint64_t digest;
		struct address address;
		bool dead, here;
	} mixed;
	uint64_t digest;
	int r = codec_digest(lb, &digest);

	if (r < 0)
		return r;
	ARRAY_FOREACH(destination, lb->destinations, lb->n_destinations) {
		bool here = destination->node && text_equal(destination->node, node);

		if (!destination->dead && !here)
			continue;
		memset(&mixed, 0, sizeof(mixed)); /* the padding is hashed, too */
		mixed.digest = digest;
		mixed.address = destination->address;
		mixed.dead = destination->dead;
		mixed.here = here;
		digest = hash_bytes(&mixed, sizeof(mixed));
	}
	*ret_digest = digest;
	return 0;
}

static int stage_lb(struct entries *entries, const struct desired_lb *lb, const char *node,
		    struct entry_changes *changes)
{
	struct entry *entry = find_or_add(entries, lb);
	auto_call(forwarding_freep) struct forwarding *want = NULL;
	uint64_t digest = 0;
	struct error err;
	int r;

	if (!entry || digest_of(lb, node, &digest) < 0)
		return -ENOMEM;
	if (entry->gone) {
		entry->gone = false;
		entry->digest = 0;
		entries->n_alive++;
	}
	entries->digest += digest - entry->digest;
	entry->digest = digest;
	r = forwarding_new(lb, node, &want, &err);
	if (r == -ENOMEM)
		return r;
	forwarding_free(entry->want);
	entry->want = TAKE(want);
	if (r == 0)
		return stage(changes, entry, false);
	/* What it was before goes on: better than nothing. */
	set_refusal(entries, entry, strdup(err.text));
	return entry->refusal ? 0 : -ENOMEM;
}

/* Each goes to the end of the row, so that all have their turn. */
static int stage_retries(struct entries *entries, struct entry_changes *changes)
{
	size_t n_left = entries->n_refused < N_RETRIES ? entries->n_refused : N_RETRIES;
	struct entry *entry, *next;
	int r = 0;

	HASH_ITER(hh, entries->head, entry, next)
	{
		if (n_left == 0 || r < 0)
			break;
		if (!entry->refusal)
			continue;
		n_left--;
		if (!entry->want && !entry->gone)
			continue;
		HASH_DEL(entries->head, entry);
		HASH_ADD(hh, entries->head, uid, sizeof(entry->uid), entry);
		r = entry->hh.tbl ? stage(changes, entry, true) : -ENOMEM;
	}
	return r;
}

int entries_stage(struct entries *entries, const struct desired *desired, const char *node,
		  struct entry_changes *changes)
{
	int r;

	r = stage_removals(entries, desired, changes);
	for (size_t i = 0; i < desired->n_lbs && r == 0; i++)
		r = stage_lb(entries, desired->lbs[i], node, changes);
	if (r == 0 && entries->n_refused > 0)
		r = stage_retries(entries, changes);
	return r == 0 && changes->n_items > 1 ? turns_order(changes) : r;
}

int entries_stage_all(struct entries *entries, struct entry_changes *changes)
{
	struct entry *entry;
	int r = 0;

	for (entry = entries->head; entry && r == 0; entry = entry->hh.next)
		r = stage(changes, entry, false);
	return r;
}

static const struct forwarding *wanted(const struct entry *entry)
{
	if (entry->gone)
		return NULL;
	return entry->want ? entry->want : entry->have;
}

static int plan_change(struct entry_change *change)
{
	const struct forwarding *have = change->entry->have, *want = wanted(change->entry);

	if (change->moves && have && want)
		return plan_move(have, want, &change->plan);
	return have || want ? plan_diff(have, want, &change->plan) : 0;
}

int entries_plan(struct entry_changes *changes)
{
	int r = 0;

	for (size_t i = 0; i < changes->n_items && r == 0; i++)
		r = plan_change(&changes->items[i]);
	return r;
}

int entries_plan_anew(struct entry_changes *changes, const char *table)
{
	int r = 0;

	for (size_t i = 0; i < changes->n_items && r == 0; i++) {
		const struct forwarding *want = wanted(changes->items[i].entry);

		changes->items[i].plan.table = table;
		r = want ? plan_diff(NULL, want, &changes->items[i].plan) : 0;
	}
	return r;
}

void entries_forget_have(struct entry *entry)
{
	if (!entry->want)
		entry->want = TAKE(entry->have);
	forwarding_free(TAKE(entry->have));
}

static int settle_refused(struct entries *entries, struct entry *entry, const char *refusal)
{
	char *copy = strdup(refusal);

	if (!copy)
		return -ENOMEM;
	set_refusal(entries, entry, copy);
	return 0;
}

int entries_settle(struct entries *entries, struct entry_change *change, const char *refusal)
{
	struct entry *entry = change->entry;

	entry->staged = false;
	if (refusal)
		return settle_refused(entries, entry, refusal);
	if (entry->gone || entry->want)
		set_refusal(entries, entry, NULL);
	if (entry->gone) {
		HASH_DEL(entries->head, entry);
		entry_free(entry);
		change->entry = NULL;
		return 0;
	}
	if (entry->want) {
		forwarding_free(entry->have);
		entry->have = TAKE(entry->want);
	}
	return 0;
}

int entries_add_refusals(const struct entries *entries, struct status *status)
{
	struct status_refusal *refusal;

	status->n_refused = entries->n_refused;
	if (entries->n_refused == 0)
		return 0;
	for (const struct entry *entry = entries->head; entry; entry = entry->hh.next) {
		if (!entry->refusal || entry->gone || status->n_refusals == STATUS_REFUSALS_MAX)
			continue;
		refusal = ARRAY_ADD(status->refusals, status->n_refusals);
		if (!refusal)
			return -ENOMEM;
		refusal->uid = entry->uid;
		refusal->sentence = strdup(entry->refusal);
		if (!refusal->sentence)
			return -ENOMEM;
	}
	return 0;
}
