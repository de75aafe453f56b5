/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reconcile.h"

#include <string.h>

#include "agent/pending.h"
#include "base/array.h"
#include "base/require.h"

static const struct uuid no_epoch;

static bool same_epoch(const struct uuid *a, const struct uuid *b)
{
	return uuid_compare(a, b) == 0;
}

/* 0..below-1. xorshift64: plain, and the same in every test run with the same seed. */
static uint64_t jitter(struct reconcile *reconcile, uint64_t below)
{
	reconcile->random ^= reconcile->random << 13;
	reconcile->random ^= reconcile->random >> 7;
	reconcile->random ^= reconcile->random << 17;
	return reconcile->random % below;
}

static void drop_buffer(struct reconcile *reconcile)
{
	deltas_drop(&reconcile->buffer);
	reconcile->hold_until = RECONCILE_NEVER;
}

static void ask_by(struct reconcile *reconcile, uint64_t when)
{
	if (when < reconcile->ask_at)
		reconcile->ask_at = when;
}

static void raise_min_rev(struct reconcile *reconcile, uint64_t revision)
{
	if (revision > reconcile->min_rev)
		reconcile->min_rev = revision;
}

void reconcile_init(struct reconcile *reconcile, uint64_t seed, uint64_t now)
{
	*reconcile = (struct reconcile){
		.hold_until = RECONCILE_NEVER,
		.ask_at = now,
		.random = seed | 1, /* xorshift stays at 0 */
	};
}

void reconcile_deinit(struct reconcile *reconcile)
{
	drop_buffer(reconcile);
	digests_deinit(&reconcile->digests);
	desired_free(TAKE(reconcile->pending));
	desired_free(TAKE(reconcile->joining));
}

/* We know that what we hold is not whole any more, and keep only how new it was. */
static void lose_state(struct reconcile *reconcile)
{
	desired_free(TAKE(reconcile->pending));
	digests_deinit(&reconcile->digests);
	reconcile->complete = false;
	raise_min_rev(reconcile, reconcile->asof);
}

static int put_digests(struct digests *digests, const struct desired *change)
{
	int r;

	for (size_t i = 0; i < change->n_lbs; i++) {
		r = digests_put(digests, change->lbs[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Makes `snapshot` (taken) the state. On failure nothing changed. */
static int take_snapshot(struct reconcile *reconcile, struct desired *snapshot)
{
	auto_call(desired_freep) struct desired *own = snapshot;
	struct digests digests = {};
	struct uuid epoch = own->epoch;
	uint64_t revision = own->revision;
	int r;

	r = put_digests(&digests, own);
	if (r == 0)
		r = pending_merge(&reconcile->pending, TAKE(own));
	if (r < 0) {
		digests_deinit(&digests);
		return r;
	}
	digests_deinit(&reconcile->digests);
	reconcile->digests = digests;
	reconcile->epoch = epoch;
	reconcile->asof = revision;
	reconcile->complete = true;
	reconcile->recalled = false;
	reconcile->counts.snapshots++;
	return 0;
}

/* A change that follows our state; taken. */
static void take_delta(struct reconcile *reconcile, struct desired *delta, uint64_t now)
{
	auto_call(desired_freep) struct desired *own = delta;
	uint64_t revision = own->revision;
	int r;

	for (size_t i = 0; i < own->n_removed; i++)
		digests_remove(&reconcile->digests, &own->removed[i]);
	r = put_digests(&reconcile->digests, own);
	if (r == 0)
		r = pending_merge(&reconcile->pending, TAKE(own));
	if (r < 0) { /* no memory, or a change that contradicts itself: start over */
		lose_state(reconcile);
		ask_by(reconcile, now + RECONCILE_RETRY_MS);
		reconcile->counts.refused++;
		return;
	}
	reconcile->asof = revision;
	reconcile->recalled = false;
	reconcile->counts.deltas++;
}

/* The first in the buffer does not follow our state: something between is late or lost. */
static void hold_gap(struct reconcile *reconcile, const struct desired *first, uint64_t now)
{
	raise_min_rev(reconcile, first->previous);
	/* A question that is due sooner than any back-off ends serves; a refresh may be far away. */
	if (reconcile->hold_until != RECONCILE_NEVER ||
	    (reconcile->ask_at != RECONCILE_NEVER &&
	     reconcile->ask_at <= now + 2 * RECONCILE_RETRY_MAX))
		return;
	reconcile->hold_until = now + RECONCILE_HOLD_MS;
	reconcile->counts.gaps++;
}

/* The change was too large to send; every node that hosts the Network reads this now. */
static void ask_instead(struct reconcile *reconcile, const struct desired *delta, uint64_t now)
{
	raise_min_rev(reconcile, delta->revision);
	ask_by(reconcile, now + jitter(reconcile, RECONCILE_JITTER_MS));
}

/* Takes all that the buffer holds and that follows the state. */
static void drain(struct reconcile *reconcile, uint64_t now)
{
	struct desired *first;

	while (reconcile->complete && !reconcile->asking &&
	       (first = deltas_first(&reconcile->buffer))) {
		if (!same_epoch(&first->epoch, &reconcile->epoch))
			return; /* the question about it is due already */
		if (first->revision > reconcile->asof && first->previous > reconcile->asof) {
			hold_gap(reconcile, first, now);
			return;
		}
		(void)deltas_take_first(&reconcile->buffer); /* `first`, which is ours now */
		if (first->revision <= reconcile->asof) {
			reconcile->counts.duplicates++;
			desired_free(first);
		} else if (first->resync) {
			ask_instead(reconcile, first, now);
			desired_free(first);
		} else {
			take_delta(reconcile, first, now);
		}
	}
	reconcile->hold_until = RECONCILE_NEVER;
}

int reconcile_recall(struct reconcile *reconcile, struct desired *snapshot, uint64_t now)
{
	auto_call(desired_freep) struct desired *own = snapshot;
	int r;

	if (reconcile->complete)
		return -EALREADY;
	if (!same_epoch(&reconcile->epoch, &no_epoch) &&
	    (!same_epoch(&reconcile->epoch, &own->epoch) || own->revision < reconcile->asof))
		return -ESTALE;
	r = take_snapshot(reconcile, TAKE(own));
	if (r < 0)
		return r;
	reconcile->recalled = true;
	reconcile->ask_at = RECONCILE_NEVER;
	drain(reconcile, now);
	return 0;
}

static bool can_be_delta(const struct desired *delta)
{
	return !delta->snapshot && delta->revision > delta->previous &&
	       !same_epoch(&delta->epoch, &no_epoch);
}

static void overflow(struct reconcile *reconcile, uint64_t now)
{
	drop_buffer(reconcile);
	reconcile->counts.overflows++;
	/* What was dropped may be newer than the snapshot that is on its way. */
	if (reconcile->asking)
		reconcile->ask_again = true;
	else
		ask_by(reconcile, now + jitter(reconcile, RECONCILE_JITTER_MS));
}

void reconcile_delta(struct reconcile *reconcile, struct desired *delta, uint64_t now)
{
	auto_call(desired_freep) struct desired *own = delta;
	bool ours = same_epoch(&own->epoch, &reconcile->epoch);
	int r;

	if (!can_be_delta(own)) {
		reconcile->counts.refused++;
		return;
	}
	if (ours && own->revision <= reconcile->asof) {
		reconcile->counts.duplicates++;
		reconcile->counts.older += own->revision < reconcile->asof;
		return;
	}
	r = deltas_add(&reconcile->buffer, own);
	if (r == -ENOBUFS) {
		overflow(reconcile, now);
		r = deltas_add(&reconcile->buffer, own);
	}
	if (r == -EEXIST) {
		reconcile->counts.duplicates++;
		return;
	}
	if (r < 0) {
		overflow(reconcile, now);
		return;
	}
	TAKE(own);
	if (reconcile->complete && !ours && !reconcile->asking) { /* the store was replaced */
		reconcile->min_rev = 0;
		ask_by(reconcile, now + jitter(reconcile, RECONCILE_JITTER_MS));
	}
	drain(reconcile, now);
}

/* Later and later, at 50 to 150 % of the back-off. */
static void ask_later(struct reconcile *reconcile, uint64_t now)
{
	unsigned shift = reconcile->failures < 8 ? reconcile->failures : 8;
	uint64_t delay = (uint64_t)RECONCILE_RETRY_MS << shift;

	if (delay > RECONCILE_RETRY_MAX)
		delay = RECONCILE_RETRY_MAX;
	reconcile->failures++;
	ask_by(reconcile, now + delay / 2 + jitter(reconcile, delay));
}

void reconcile_failed(struct reconcile *reconcile, uint64_t now)
{
	reconcile->asking = false;
	reconcile->ask_again = false;
	desired_free(TAKE(reconcile->joining));
	ask_later(reconcile, now);
	drain(reconcile, now); /* what followed our state need not wait for the next answer */
}

/*
 * Changes of other epochs than the new state's. Those of the state before it are history; any
 * other may be newer than the answer, only another answer can tell.
 */
static void drop_other_epochs(struct reconcile *reconcile, const struct uuid *before, uint64_t now)
{
	if (deltas_keep_epoch(&reconcile->buffer, &reconcile->epoch, before))
		ask_by(reconcile, now + jitter(reconcile, RECONCILE_JITTER_MS));
}

/* All parts are there. */
static void finish(struct reconcile *reconcile, struct desired *snapshot, uint64_t now)
{
	struct uuid before = reconcile->epoch;
	bool ours = same_epoch(&snapshot->epoch, &before);
	uint64_t revision = snapshot->revision;
	uint64_t wanted = ours ? reconcile->min_rev : 0;

	if (ours && revision < reconcile->asof) {
		reconcile->counts.old_snapshots++;
		raise_min_rev(reconcile, reconcile->asof);
		desired_free(snapshot);
		reconcile_failed(reconcile, now);
		return;
	}
	if (take_snapshot(reconcile, snapshot) < 0) {
		reconcile->counts.refused++;
		reconcile_failed(reconcile, now);
		return;
	}
	reconcile->asking = false;
	reconcile->min_rev = 0;
	if (revision < wanted) { /* newer than ours, and not yet what we know to exist */
		reconcile->min_rev = wanted;
		ask_later(reconcile, now);
	} else {
		reconcile->failures = 0;
	}
	if (TAKE(reconcile->ask_again))
		ask_by(reconcile, now + jitter(reconcile, RECONCILE_JITTER_MS));
	drop_other_epochs(reconcile, &before, now);
	drain(reconcile, now);
}

static bool is_next_part(const struct desired *joining, const struct desired *part)
{
	if (!part->snapshot || same_epoch(&part->epoch, &no_epoch))
		return false;
	if (!joining)
		return part->part == 1;
	return part->part == joining->part + 1 && part->n_parts == joining->n_parts &&
	       part->revision == joining->revision && same_epoch(&part->epoch, &joining->epoch);
}

/* Moves the LoadBalancers of `part` behind those of `joining`. Return: 0, -E2BIG, -ENOMEM. */
static int join(struct desired *joining, struct desired *part)
{
	struct desired_lb **lbs;

	joining->part = part->part;
	if (part->n_lbs == 0)
		return 0;
	if (part->n_lbs > RECONCILE_LBS_MAX - joining->n_lbs)
		return -E2BIG;
	lbs = reallocarray(joining->lbs, joining->n_lbs + part->n_lbs, sizeof(struct desired_lb *));
	if (!lbs)
		return -ENOMEM;
	memcpy(lbs + joining->n_lbs, part->lbs, part->n_lbs * sizeof(struct desired_lb *));
	joining->lbs = lbs;
	joining->n_lbs += TAKE(part->n_lbs);
	return 0;
}

bool reconcile_part(struct reconcile *reconcile, struct desired *part, uint64_t now)
{
	auto_call(desired_freep) struct desired *own = part;
	struct desired *joined;
	uint32_t n_parts = own->n_parts;

	if (!reconcile->asking) /* the question was given up */
		return false;
	if (!is_next_part(reconcile->joining, own) || own->n_lbs > RECONCILE_LBS_MAX ||
	    (reconcile->joining && join(reconcile->joining, own) < 0)) {
		reconcile->counts.refused++;
		reconcile_failed(reconcile, now);
		return false;
	}
	if (!reconcile->joining)
		reconcile->joining = TAKE(own);
	if (reconcile->joining->part < n_parts)
		return true;
	joined = TAKE(reconcile->joining);
	joined->part = joined->n_parts = 1;
	finish(reconcile, joined, now);
	return false;
}

void reconcile_fresh(struct reconcile *reconcile, const struct uuid *epoch, uint64_t revision,
		     uint64_t digest, uint64_t now)
{
	/*
	 * Changes may have been taken since we asked. Without the digest, one that was taken back
	 * before `revision` would stay for good when the change that takes it back comes late.
	 */
	if (!reconcile->complete || reconcile->asking || !same_epoch(epoch, &reconcile->epoch) ||
	    revision < reconcile->asof || digest != reconcile->digests.sum)
		return;
	reconcile->asof = revision;
	reconcile->recalled = false;
	drain(reconcile, now);
}

void reconcile_stale(struct reconcile *reconcile, const struct uuid *epoch, uint64_t revision,
		     uint64_t now)
{
	if (!reconcile->complete || reconcile->asking)
		return; /* a snapshot is on its way or due */
	if (!same_epoch(epoch, &reconcile->epoch))
		reconcile->min_rev = 0;
	else if (revision < reconcile->asof)
		return; /* who answered is behind us */
	else
		raise_min_rev(reconcile, revision);
	ask_by(reconcile, reconcile->recalled ? now : now + jitter(reconcile, RECONCILE_JITTER_MS));
}

void reconcile_connected(struct reconcile *reconcile, uint64_t now)
{
	if (reconcile->failures > 0 && reconcile->ask_at != RECONCILE_NEVER)
		ask_by(reconcile, now + jitter(reconcile, RECONCILE_JITTER_MS));
	reconcile->failures = 0;
}

void reconcile_again(struct reconcile *reconcile, uint64_t now)
{
	lose_state(reconcile);
	if (!reconcile->asking)
		ask_by(reconcile, now);
}

void reconcile_refresh(struct reconcile *reconcile, uint64_t when)
{
	if (!reconcile->asking)
		ask_by(reconcile, when);
}

uint64_t reconcile_due(const struct reconcile *reconcile)
{
	if (reconcile->asking)
		return RECONCILE_NEVER;
	return reconcile->ask_at < reconcile->hold_until ? reconcile->ask_at
							 : reconcile->hold_until;
}

bool reconcile_should_ask(struct reconcile *reconcile, uint64_t now)
{
	if (reconcile->hold_until <= now) {
		reconcile->hold_until = RECONCILE_NEVER;
		ask_by(reconcile, now);
	}
	return !reconcile->asking && reconcile->ask_at <= now;
}

uint64_t reconcile_asked(struct reconcile *reconcile)
{
	require(!reconcile->asking);
	reconcile->asking = true;
	reconcile->ask_at = reconcile->hold_until = RECONCILE_NEVER;
	/*
	 * A store restored from a backup is behind what we have seen, and every replica would refuse
	 * for ever: now and then take any answer, it is judged by epoch and revision anyway.
	 */
	return reconcile->failures % 4 == 3 ? 0 : reconcile->min_rev;
}

struct desired *reconcile_take(struct reconcile *reconcile)
{
	struct desired *change = TAKE(reconcile->pending);

	if (change)
		change->revision = reconcile->asof;
	return change;
}
