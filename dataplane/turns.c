/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/turns.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

/* Addresses that are let go of, sorted. */
struct released {
	struct address *items;
	size_t n_items;
};

static int compare(const void *a, const void *b)
{
	return address_compare(a, b);
}

/* What the kernel shall hold; NULL: nothing. */
static const struct forwarding *wanted(const struct entry *entry)
{
	if (entry->gone)
		return NULL;
	return entry->want ? entry->want : entry->have;
}

/* The VIP of that family that `a` has and `b` has not; NULL: none. */
static const struct address *only_of(const struct forwarding *a, const struct forwarding *b,
				     size_t family)
{
	if (!a || a->vips[family].family == FAMILY_NONE ||
	    (b && address_equal(&a->vips[family], &b->vips[family])))
		return NULL;
	return &a->vips[family];
}

static int gather(const struct entry_changes *changes, struct released *released)
{
	released->items = calloc(2 * changes->n_items + 1, sizeof(*released->items));
	if (!released->items)
		return -ENOMEM;
	for (size_t i = 0; i < changes->n_items; i++) {
		const struct entry *entry = changes->items[i].entry;

		for (size_t family = 0; family < 2; family++) {
			const struct address *vip = only_of(entry->have, wanted(entry), family);

			if (vip)
				released->items[released->n_items++] = *vip;
		}
	}
	qsort(released->items, released->n_items, sizeof(*released->items), compare);
	return 0;
}

/* 0: lets go, 1: moves, 2: neither. */
static int turn_of(const struct entry *entry, const struct released *released)
{
	bool lets_go = false, takes = false;

	for (size_t family = 0; family < 2; family++) {
		const struct address *vip = only_of(wanted(entry), entry->have, family);

		lets_go |= only_of(entry->have, wanted(entry), family) != NULL;
		takes |= vip && bsearch(vip, released->items, released->n_items,
					sizeof(*released->items), compare);
	}
	return lets_go ? takes : 2;
}

int turns_order(struct entry_changes *changes)
{
	auto_free struct entry_change *ordered = calloc(changes->n_items + 1, sizeof(*ordered));
	struct released released = {};
	size_t n = 0;

	if (!ordered || gather(changes, &released) < 0)
		return -ENOMEM;
	for (int turn = 0; turn <= 2; turn++) {
		for (size_t i = 0; i < changes->n_items; i++) {
			struct entry_change *change = &changes->items[i];

			if (turn_of(change->entry, &released) != turn)
				continue;
			change->moves = turn == 1;
			ordered[n++] = *change;
		}
	}
	memcpy(changes->items, ordered, n * sizeof(*ordered));
	free(released.items);
	return 0;
}
