/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/stale.h"

#include <errno.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"

/* What makes two drains the same. Compared as bytes, so the padding is zero. */
struct drain_key {
	struct uuid lb;
	struct address destination, vip;
	uint32_t mark, mark_mask;
	uint16_t first, last;
	uint8_t protocol;
};

struct stale_drain {
	struct drain_key key;
	struct stale_item item;
	UT_hash_handle hh;
};

static void drain_free(struct stale *stale, struct stale_drain *drain)
{
	HASH_DEL(stale->drains, drain);
	free(drain);
}

void stale_deinit(struct stale *stale)
{
	struct stale_drain *drain, *next;

	HASH_ITER(hh, stale->drains, drain, next)
	drain_free(stale, drain);
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

static void write_key(struct drain_key *key, const struct uuid *lb, const struct plan_cleanup *what)
{
	memset(key, 0, sizeof(*key));
	key->lb = *lb;
	key->destination = what->destination;
	key->vip = what->vip;
	key->mark = what->mark;
	key->mark_mask = what->mark_mask;
	key->first = what->first;
	key->last = what->last;
	key->protocol = what->protocol;
}

/* The same drain begins anew: it came back meanwhile, and went again. */
static int add_drain(struct stale *stale, const struct stale_item *item)
{
	struct stale_drain *drain;
	struct drain_key key;

	write_key(&key, &item->lb, &item->what);
	HASH_FIND(hh, stale->drains, &key, sizeof(key), drain);
	if (drain) {
		drain->item = *item;
		return 0;
	}
	drain = malloc(sizeof(*drain));
	if (!drain)
		return -ENOMEM;
	memcpy(&drain->key, &key, sizeof(key)); /* with the padding */
	drain->item = *item;
	HASH_ADD(hh, stale->drains, key, sizeof(drain->key), drain);
	if (drain->hh.tbl)
		return 0;
	free(drain);
	return -ENOMEM;
}

int stale_add(struct stale *stale, uint64_t now_ms, const struct uuid *lb,
	      const struct plan_cleanup *what)
{
	struct stale_item drain = {now_ms + what->drain_s * UINT64_C(1000), *lb, *what};
	int r;

	if (what->when == CLEANUP_AFTER_DRAIN)
		return add_drain(stale, &drain);
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
	for (const struct stale_drain *drain = stale->drains; drain; drain = drain->hh.next) {
		if (drain->item.due_ms < next)
			next = drain->item.due_ms;
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

static bool is_void(const struct stale_item *drain, stale_find *find, void *user)
{
	const struct forwarding *forwarding = find(user, &drain->lb);

	return !forwarding || forwards(forwarding, &drain->what);
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

static int add_due(const struct stale *stale, uint64_t now_ms, stale_find *find, void *user,
		   struct filters *filters)
{
	int r = 0;

	for (size_t i = 0; i < stale->n_items && r == 0; i++) {
		if (stale->items[i].due_ms <= now_ms)
			r = add_filters(filters, &stale->items[i].what);
	}
	for (const struct stale_drain *drain = stale->drains; drain && r == 0;
	     drain = drain->hh.next) {
		if (drain->item.due_ms <= now_ms && !is_void(&drain->item, find, user))
			r = add_filters(filters, &drain->item.what);
	}
	return r;
}

static void drop_due(struct stale *stale, uint64_t now_ms)
{
	struct stale_drain *drain, *next;
	size_t n = 0;

	for (size_t i = 0; i < stale->n_items; i++) {
		if (stale->items[i].due_ms > now_ms)
			stale->items[n++] = stale->items[i];
	}
	stale->n_items = n;
	HASH_ITER(hh, stale->drains, drain, next)
	{
		if (drain->item.due_ms <= now_ms)
			drain_free(stale, drain);
	}
}

int stale_take_due(struct stale *stale, uint64_t now_ms, stale_find *find, void *user,
		   struct conntrack_filter **ret_filters, size_t *ret_n_filters)
{
	struct filters filters = {};

	if (add_due(stale, now_ms, find, user, &filters) < 0) {
		free(filters.items);
		return -ENOMEM;
	}
	drop_due(stale, now_ms);
	*ret_filters = filters.items;
	*ret_n_filters = filters.n_items;
	return 0;
}
