/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pending.h"

#include <string.h>

#include "base/array.h"

static int compare_lbs(const void *a, const void *b)
{
	const struct desired_lb *const *lb_a = a, *const *lb_b = b;

	return uuid_compare(&(*lb_a)->uid, &(*lb_b)->uid);
}

static int compare_uids(const void *a, const void *b)
{
	return uuid_compare(a, b);
}

static struct desired_lb **find_lb(const struct desired *change, const struct uuid *uid)
{
	struct desired_lb key = {.uid = *uid}, *key_p = &key;

	return change->n_lbs == 0 ? NULL
				  : bsearch(&key_p, change->lbs, change->n_lbs,
					    sizeof(struct desired_lb *), compare_lbs);
}

static bool is_removed(const struct desired *change, const struct uuid *uid)
{
	return change->n_removed > 0 &&
	       bsearch(uid, change->removed, change->n_removed, sizeof(struct uuid), compare_uids);
}

/* Sorts and makes disjoint. */
static int normalise(struct desired *change)
{
	size_t n = 0;

	if (change->n_lbs > 1)
		qsort(change->lbs, change->n_lbs, sizeof(struct desired_lb *), compare_lbs);
	for (size_t i = 1; i < change->n_lbs; i++) {
		if (compare_lbs(&change->lbs[i - 1], &change->lbs[i]) == 0)
			return -EBADMSG;
	}
	if (change->snapshot)
		change->n_removed = 0; /* what it does not name is gone anyway */
	if (change->n_removed > 1)
		qsort(change->removed, change->n_removed, sizeof(struct uuid), compare_uids);
	for (size_t i = 0; i < change->n_removed; i++) {
		const struct uuid *uid = &change->removed[i];

		if (!find_lb(change, uid) && (n == 0 || uuid_compare(&change->removed[n - 1], uid)))
			change->removed[n++] = *uid;
	}
	change->n_removed = n;
	return 0;
}

/*
 * Both lists are merged as sorted lists are, so that a burst of changes into a large snapshot costs
 * its length once per change and no searching.
 */
static int merge_lbs(struct desired *pending, struct desired *change)
{
	size_t n_room = pending->n_lbs + change->n_lbs, n = 0, old = 0, new = 0;
	struct desired_lb **lbs;

	if (n_room == 0)
		return 0;
	lbs = calloc(n_room, sizeof(struct desired_lb *));
	if (!lbs)
		return -ENOMEM;
	while (old < pending->n_lbs || new < change->n_lbs) {
		int order = old == pending->n_lbs ? 1
			    : new == change->n_lbs
				    ? -1
				    : compare_lbs(&pending->lbs[old], &change->lbs[new]);

		if (order < 0 && !is_removed(change, &pending->lbs[old]->uid))
			lbs[n++] = pending->lbs[old++];
		else if (order <= 0) /* removed, or replaced by the newer one */
			desired_lb_free(pending->lbs[old++]);
		else
			lbs[n++] = change->lbs[new ++];
	}
	free(pending->lbs);
	pending->lbs = lbs;
	pending->n_lbs = n;
	change->n_lbs = 0; /* all were given away */
	return 0;
}

/* `pending->lbs` is merged already: what it names is not gone. A snapshot needs no removals. */
static int merge_removed(struct desired *pending, const struct desired *change)
{
	size_t n_room = pending->n_removed + change->n_removed, n = 0;
	struct uuid *removed;

	if (pending->snapshot || n_room == 0)
		return 0;
	removed = calloc(n_room, sizeof(struct uuid));
	if (!removed)
		return -ENOMEM;
	for (size_t i = 0; i < n_room; i++) {
		const struct uuid *uid = i < pending->n_removed
						 ? &pending->removed[i]
						 : &change->removed[i - pending->n_removed];

		if (i < pending->n_removed && is_removed(change, uid))
			continue; /* comes again below */
		if (!find_lb(pending, uid))
			removed[n++] = *uid;
	}
	if (n > 1)
		qsort(removed, n, sizeof(struct uuid), compare_uids);
	free(pending->removed);
	pending->removed = removed;
	pending->n_removed = n;
	return 0;
}

int pending_merge(struct desired **pending, struct desired *change)
{
	auto_call(desired_freep) struct desired *own = change;
	struct desired *old = *pending;
	int r;

	r = normalise(own);
	if (r < 0)
		return r;
	if (!old || own->snapshot) {
		desired_free(old);
		*pending = TAKE(own);
		return 0;
	}
	r = merge_lbs(old, own);
	if (r == 0)
		r = merge_removed(old, own);
	if (r < 0) {
		desired_free(TAKE(*pending));
		return r;
	}
	old->revision = own->revision;
	return 0;
}
