/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/served.h"

#include <errno.h>
#include <stdbool.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "base/require.h"
#include "dataplane/forwarding.h"

struct served_vip {
	struct address address;
	uint32_t n_holders;
	bool routed;
	bool changed; /* in the list of served_sync() */
	struct served_vip *next_changed;
	UT_hash_handle hh;
};

static struct served_vip *find(const struct served *served, const struct address *address)
{
	struct served_vip *vip;

	HASH_FIND(hh, served->vips, address, sizeof(*address), vip);
	return vip;
}

static void mark(struct served *served, struct served_vip *vip)
{
	if (vip->changed)
		return;
	vip->changed = true;
	vip->next_changed = served->changed;
	served->changed = vip;
}

/* Where the address stands in the sorted list, or where it belongs. */
static size_t position(const struct served *served, const struct address *address)
{
	size_t start = 0, end = served->n_list;

	while (start < end) {
		size_t middle = start + (end - start) / 2;

		if (address_compare(&served->list[middle], address) < 0)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

static int list(struct served *served, const struct address *address)
{
	size_t at = position(served, address), n_behind = served->n_list - at;

	if (!ARRAY_ADD(served->list, served->n_list))
		return -ENOMEM;
	memmove(&served->list[at + 1], &served->list[at], n_behind * sizeof(*address));
	served->list[at] = *address;
	served->n_held[family_index(address->family)]++;
	return 0;
}

static void unlist(struct served *served, const struct address *address)
{
	size_t at = position(served, address), n_behind = --served->n_list - at;

	memmove(&served->list[at], &served->list[at + 1], n_behind * sizeof(*address));
	served->n_held[family_index(address->family)]--;
}

int served_hold(struct served *served, const struct address *address)
{
	struct served_vip *vip = find(served, address);

	if (!vip) {
		vip = calloc(1, sizeof(*vip));
		if (!vip)
			return -ENOMEM;
		vip->address = *address;
		HASH_ADD(hh, served->vips, address, sizeof(vip->address), vip);
		if (!vip->hh.tbl) {
			free(vip);
			return -ENOMEM;
		}
	}
	if (vip->n_holders == 0) {
		if (list(served, address) < 0)
			return -ENOMEM;
		mark(served, vip);
	}
	vip->n_holders++;
	return 0;
}

void served_drop(struct served *served, const struct address *address)
{
	struct served_vip *vip = find(served, address);

	require(vip && vip->n_holders > 0);
	if (--vip->n_holders == 0) {
		unlist(served, address);
		mark(served, vip);
	}
}

/* Return: 0, or an errno: then it stays in the list. */
static int sync_one(struct served_vip *vip, struct link *link, struct error *err)
{
	bool wanted = vip->n_holders > 0;
	int r = 0;

	if (wanted != vip->routed)
		r = wanted ? link_add_vip(link, &vip->address, err)
			   : link_remove_vip(link, &vip->address, err);
	if (r == 0)
		vip->routed = wanted;
	return r;
}

static int sweep(const struct served *served, struct link *link, struct error *err)
{
	auto_free struct address *vips = NULL;
	size_t n_vips;
	int r, result;

	result = link_list_vips(link, &vips, &n_vips, err);
	if (result < 0)
		return result;
	for (size_t i = 0; i < n_vips; i++) {
		r = find(served, &vips[i]) ? 0 : link_remove_vip(link, &vips[i], err);
		if (r < 0)
			result = r;
	}
	return result;
}

int served_sync(struct served *served, struct link *link, struct error *err)
{
	struct served_vip *vip, *changed = TAKE(served->changed);
	int r, result = 0;

	while ((vip = changed)) {
		changed = vip->next_changed;
		vip->changed = false;
		r = sync_one(vip, link, err);
		if (r < 0) {
			result = r;
			mark(served, vip);
		} else if (!vip->routed) {
			HASH_DEL(served->vips, vip);
			free(vip);
		}
	}
	if (served->swept)
		return result;
	r = sweep(served, link, err);
	served->swept = r == 0;
	return r < 0 ? r : result;
}

bool served_is_due(const struct served *served)
{
	return served->changed || !served->swept;
}

int served_list(const struct served *served, struct address **ret_vips, size_t *ret_n_vips)
{
	auto_free struct address *vips = NULL;

	vips = calloc(served->n_list + 1, sizeof(*vips));
	if (!vips)
		return -ENOMEM;
	if (served->n_list)
		memcpy(vips, served->list, served->n_list * sizeof(*vips));
	*ret_vips = TAKE(vips);
	*ret_n_vips = served->n_list;
	return 0;
}

void served_deinit(struct served *served)
{
	struct served_vip *vip, *next;

	HASH_ITER(hh, served->vips, vip, next)
	{
		HASH_DEL(served->vips, vip);
		free(vip);
	}
	free(served->list);
	*served = (struct served){};
}
