/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/stale.h"

#include <errno.h>

#include "base/array.h"

void stale_deinit(struct stale *stale)
{
	free(stale->items);
	*stale = (struct stale){};
}

static int add_at(struct stale *stale, uint64_t due_ms, const struct uuid *lb,
		  const struct plan_cleanup *what)
{
	struct stale_item *cleanup = ARRAY_ADD(stale->items, stale->n_items);

	if (!cleanup)
		return -ENOMEM;
	*cleanup = (struct stale_item){due_ms, *lb, *what};
	return 0;
}

int stale_add(struct stale *stale, uint64_t now_ms, const struct uuid *lb,
	      const struct plan_cleanup *what)
{
	int r;

	if (what->when == CLEANUP_AFTER_DRAIN)
		return add_at(stale, now_ms + what->drain_s * UINT64_C(1000), lb, what);
	r = add_at(stale, now_ms, lb, what);
	if (r == 0)
		r = add_at(stale, now_ms + STALE_AGAIN_MS, lb, what);
	return r;
}

uint64_t stale_next_ms(const struct stale *stale)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < stale->n_items; i++) {
		if (stale->items[i].due_ms < next)
			next = stale->items[i].due_ms;
	}
	return next;
}

/* Is all that the clean-up names there again? */
static bool forwards(const struct forwarding *forwarding, const struct plan_cleanup *what)
{
	const struct address *vip = &what->vip;

	if (what->destination.family != FAMILY_NONE &&
	    !forwarding_find_member(forwarding, &what->destination))
		return false;
	if (vip->family != FAMILY_NONE &&
	    !address_equal(&forwarding->vips[family_index(vip->family)], vip))
		return false;
	return what->first == 0 || forwarding_find_port(forwarding, what->protocol, what->first);
}

static bool is_void(const struct stale_item *cleanup, stale_find *find, void *user)
{
	const struct forwarding *forwarding;

	if (cleanup->what.when != CLEANUP_AFTER_DRAIN)
		return false;
	forwarding = find(user, &cleanup->lb);
	return !forwarding || forwards(forwarding, &cleanup->what);
}

static bool is_same_drain(const struct stale_item *a, const struct stale_item *b)
{
	return a->what.when == b->what.when && uuid_compare(&a->lb, &b->lb) == 0 &&
	       address_equal(&a->what.destination, &b->what.destination) &&
	       address_equal(&a->what.vip, &b->what.vip) && a->what.mark == b->what.mark &&
	       a->what.protocol == b->what.protocol && a->what.first == b->what.first &&
	       a->what.last == b->what.last;
}

/* It came back meanwhile, and went again: its connections have the whole of the later drain. */
static bool is_overtaken(const struct stale *stale, const struct stale_item *drain)
{
	const struct stale_item *end = stale->items + stale->n_items;

	if (drain->what.when != CLEANUP_AFTER_DRAIN)
		return false;
	for (const struct stale_item *item = drain + 1; item < end; item++) {
		if (item->due_ms > drain->due_ms && is_same_drain(item, drain))
			return true;
	}
	return false;
}

struct filters {
	struct conntrack_filter *items;
	size_t n_items;
};

static int add_filter(struct filters *filters, const struct plan_cleanup *what, uint8_t protocol,
		      bool unreplied)
{
	struct conntrack_filter *filter = ARRAY_ADD(filters->items, filters->n_items);

	if (!filter)
		return -ENOMEM;
	*filter = (struct conntrack_filter){
		.mark = what->mark,
		.mark_mask = what->mark_mask,
		.destination = what->destination,
		.vip = what->vip,
		.protocol = protocol,
		.first = what->first,
		.last = what->last,
		.unreplied = unreplied,
	};
	return 0;
}

/* TCP connections that live are left to the drain; the other protocols have no connections. */
static int add_now(struct filters *filters, const struct plan_cleanup *what)
{
	static const uint8_t protocols[] = {PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_TCP};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols) && r == 0; i++) {
		if (what->protocol == 0 || what->protocol == protocols[i])
			r = add_filter(filters, what, protocols[i], protocols[i] == PROTOCOL_TCP);
	}
	return r;
}

static int add_filters(struct filters *filters, const struct plan_cleanup *what)
{
	switch (what->when) {
	case CLEANUP_NOW:
		return add_now(filters, what);
	case CLEANUP_ALL_NOW:
		return add_filter(filters, what, what->protocol, false);
	case CLEANUP_AFTER_DRAIN:
		return add_filter(filters, what, PROTOCOL_TCP, false);
	}
	return 0;
}

static void drop_due(struct stale *stale, uint64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < stale->n_items; i++) {
		if (stale->items[i].due_ms > now_ms)
			stale->items[n++] = stale->items[i];
	}
	stale->n_items = n;
}

int stale_take_due(struct stale *stale, uint64_t now_ms, stale_find *find, void *user,
		   struct conntrack_filter **ret_filters, size_t *ret_n_filters)
{
	struct filters filters = {};

	ARRAY_FOREACH(cleanup, stale->items, stale->n_items) {
		if (cleanup->due_ms > now_ms || is_void(cleanup, find, user) ||
		    is_overtaken(stale, cleanup))
			continue;
		if (add_filters(&filters, &cleanup->what) < 0) {
			free(filters.items);
			return -ENOMEM;
		}
	}
	drop_due(stale, now_ms);
	*ret_filters = filters.items;
	*ret_n_filters = filters.n_items;
	return 0;
}
