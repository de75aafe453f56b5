/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "dataplane/conntrack.h"
#include "dataplane/plan.h"

/*
 * The conntrack entries of one Network that have to go, and when: at once and again a second later
 * (a packet may have passed the old rules and make its entry after the first time), or when a drain
 * is over. Pure: the caller brings the time and deletes the entries.
 */
#define STALE_AGAIN_MS 1000

struct stale_item {
	uint64_t due_ms;
	struct uuid lb;
	struct plan_cleanup what;
};

struct stale_drain;

struct stale {
	struct stale_item *items; /* at once, and once more */
	size_t n_items;
	struct stale_drain *drains; /* one of a kind: the last of them counts */
};

void stale_deinit(struct stale *stale);

/* Return: 0, -ENOMEM (nothing was added). */
must_check int stale_add(struct stale *stale, uint64_t now_ms, const struct uuid *lb,
			 const struct plan_cleanup *what);

/* When the next is due, UINT64_MAX when none is. */
uint64_t stale_next_ms(const struct stale *stale);

/* What a LoadBalancer forwards now; NULL where there is no such LoadBalancer any more. */
typedef const struct forwarding *stale_find(void *user, const struct uuid *lb);

/*
 * Takes out those that are due, as filters. The end of a drain gives none when the LoadBalancer has
 * the destination or the port again, or when it is gone itself: all its entries went with it. One that
 * came back and went again later has the whole of the later drain.
 * @ret_filters: the caller frees it.
 * Return: 0, -ENOMEM (nothing was taken).
 */
must_check int stale_take_due(struct stale *stale, uint64_t now_ms, stale_find *find, void *user,
			      struct conntrack_filter **ret_filters, size_t *ret_n_filters);
