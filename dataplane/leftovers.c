/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/leftovers.h"

#include <errno.h>

#include "base/array.h"

struct search {
	const struct forwarding **lbs; /* by number */
	size_t n_lbs;
	struct stale *stale;
	uint64_t now_ms;
	int error;
};

static int compare(const void *a, const void *b)
{
	const struct forwarding *const *left = a, *const *right = b;

	return ((*left)->number > (*right)->number) - ((*left)->number < (*right)->number);
}

static const struct forwarding *find(const struct search *search, uint32_t number)
{
	struct forwarding wanted = {.number = number};
	const struct forwarding *key = &wanted, **lb;

	if (search->n_lbs == 0)
		return NULL;
	lb = bsearch(&key, search->lbs, search->n_lbs, sizeof(search->lbs[0]), compare);
	return lb ? *lb : NULL;
}

static void drain(struct search *search, const struct forwarding *lb,
		  const struct address *destination)
{
	struct plan_cleanup what = {
		.when = CLEANUP_AFTER_DRAIN,
		.drain_s = lb->drain_s,
		.mark = lb->number << 8,
		.mark_mask = MARK_NUMBER_MASK,
		.destination = *destination,
	};

	/* Many connections, one drain: it is the same each time. */
	if (stale_add(search->stale, search->now_ms, &lb->uid, &what) < 0)
		search->error = -ENOMEM;
}

static bool is_leftover(void *user, const struct conntrack_entry *entry)
{
	struct search *search = user;
	const struct forwarding *lb;

	if (entry->mark == 0 || !entry->balanced)
		return false;
	lb = find(search, entry->mark >> 8);
	if (!lb)
		return true;
	if (forwarding_find_member(lb, &entry->destination))
		return false;
	if (entry->protocol != PROTOCOL_TCP || !entry->replied || lb->drain_s == 0)
		return true;
	drain(search, lb, &entry->destination);
	return false;
}

int leftovers_delete(struct conntrack *conntrack, const struct entries *entries,
		     struct stale *stale, uint64_t now_ms, struct error *err)
{
	struct search search = {.stale = stale, .now_ms = now_ms};
	int r;

	search.lbs = calloc(HASH_COUNT(entries->head) + 1, sizeof(search.lbs[0]));
	if (!search.lbs)
		return error_set(err, -ENOMEM, "out of memory");
	for (const struct entry *entry = entries->head; entry; entry = entry->hh.next) {
		if (entry->have)
			search.lbs[search.n_lbs++] = entry->have;
	}
	qsort(search.lbs, search.n_lbs, sizeof(search.lbs[0]), compare);
	r = conntrack_delete_if(conntrack, is_leftover, &search, err);
	free(search.lbs);
	return r == 0 && search.error < 0 ? error_set(err, search.error, "out of memory") : r;
}
