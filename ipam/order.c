/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/order.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 32 /* deeper nests of Prefixes than this in one file wait for each other */

/* Sorts by all of it; `index` keeps equals as they stand. */
struct rank {
	unsigned kind, depth, any;
	size_t index;
};

static unsigned kind_rank(enum kind kind)
{
	switch (kind) {
	case KIND_NETWORK:
		return 0;
	case KIND_PREFIX:
		return 1;
	case KIND_NETWORK_INTERFACE:
		return 2;
	case KIND_LOAD_BALANCER_ROUTING:
		return 3;
	case KIND_LOAD_BALANCER:
	case KIND_N_KINDS:
		break;
	}
	return 4;
}

static const struct object *find_prefix(const struct documents *documents, const char *name)
{
	for (size_t i = 0; i < documents->n_items; i++) {
		const struct object *object = documents->items[i].object;

		if (object && object->kind == KIND_PREFIX && strcmp(object->meta.name, name) == 0)
			return object;
	}
	return NULL;
}

/* How many parents of the Prefix are in the same file. */
static unsigned prefix_depth(const struct documents *documents, const struct object *prefix)
{
	unsigned depth = 0;

	while (prefix && prefix->prefix.parent && depth < DEPTH_MAX) {
		prefix = find_prefix(documents, prefix->prefix.parent);
		depth++;
	}
	return prefix && prefix->prefix.parent_selector ? DEPTH_MAX + depth : depth;
}

static unsigned takes_any(const struct object *object)
{
	const struct addressing *addressing = object_addressing(object);

	if (object->kind == KIND_PREFIX)
		return object->prefix.prefix.address.family == FAMILY_NONE;
	for (size_t i = 0; addressing && i < addressing->n_ips; i++) {
		if (addressing->ips[i].ephemeral)
			return 1;
	}
	return 0;
}

static int compare_ranks(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->any != y->any)
		return x->any < y->any ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static struct rank rank_of(const struct documents *documents, size_t i)
{
	const struct object *object = documents->items[i].object;
	struct rank rank = {.kind = object ? kind_rank(object->kind) : 0, .index = i};

	if (object && object->kind == KIND_PREFIX)
		rank.depth = prefix_depth(documents, object);
	if (object)
		rank.any = takes_any(object);
	return rank;
}

int order_documents(const struct documents *documents, size_t **ret_order)
{
	size_t n = documents->n_items;
	auto_free struct rank *ranks = calloc(n ? n : 1, sizeof(*ranks));
	auto_free size_t *order = calloc(n ? n : 1, sizeof(*order));

	if (!ranks || !order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ranks[i] = rank_of(documents, i);
	qsort(ranks, n, sizeof(*ranks), compare_ranks);
	for (size_t i = 0; i < n; i++)
		order[i] = ranks[i].index;
	*ret_order = TAKE(order);
	return 0;
}
