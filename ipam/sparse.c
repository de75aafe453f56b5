/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/sparse.h"

#include <errno.h>
#include <string.h>

/* 64-ary: 6 bits of the number a level. Level 0 holds the members, the top level is node 0. */
#define LEVEL_BITS 6U

static uint64_t *node_find_far(const struct sparse *sparse, unsigned depth, unsigned level,
			       wide node)
{
	uint64_t key[3] = {(uint64_t)node, (uint64_t)(node >> 64), (uint64_t)level << 8 | depth};

	return flat_find(&sparse->nodes, key);
}

/*
 * Node 0 of level 0 stands by itself: the buddies that best fit leaves behind on the way to a low
 * address all have the number 1, and looking for a free block around another asks every depth.
 */
static bool is_low(unsigned level, wide node)
{
	return level == 0 && node == 0;
}

static uint64_t *node_find(const struct sparse *sparse, unsigned depth, unsigned level, wide node)
{
	if (is_low(level, node))
		return sparse->low[depth] ? &sparse->low[depth] : NULL;
	return node_find_far(sparse, depth, level, node);
}

static int node_set(struct sparse *sparse, unsigned depth, unsigned level, wide number)
{
	wide node = wide_right(number, LEVEL_BITS);
	uint64_t key[3] = {(uint64_t)node, (uint64_t)(node >> 64), (uint64_t)level << 8 | depth};
	uint64_t bit = 1ULL << ((unsigned)number & 63);
	uint64_t *bits = is_low(level, node) ? &sparse->low[depth] : flat_find(&sparse->nodes, key);

	if (!bits)
		return flat_add(&sparse->nodes, key, bit);
	*bits |= bit;
	return 0;
}

static void node_clear(struct sparse *sparse, unsigned level, wide node, uint64_t *bits)
{
	*bits = is_low(level, node) ? 0 : 1; /* flat_remove() takes entries only */
	if (*bits)
		flat_remove(&sparse->nodes, bits);
}

static unsigned height_for(wide number)
{
	unsigned height = 1;

	while ((number = wide_right(number, LEVEL_BITS)))
		height++;
	return height;
}

int sparse_init(struct sparse *sparse, unsigned depth_max)
{
	*sparse = (struct sparse){.nodes = FLAT_INIT(3), .n_low = depth_max + 1};
	sparse->low = calloc(sparse->n_low, sizeof(*sparse->low));
	return sparse->low ? 0 : -ENOMEM;
}

void sparse_deinit(struct sparse *sparse)
{
	flat_deinit(&sparse->nodes);
	free(sparse->low);
}

size_t sparse_size(const struct sparse *sparse)
{
	return flat_size(&sparse->nodes) + sparse->n_low * sizeof(*sparse->low);
}

/* Puts nodes on top until the set reaches `height`: each has one child, number 0. */
static int raise(struct sparse *sparse, unsigned depth, unsigned height)
{
	while (sparse->heights[depth] < height) {
		if (sparse->heights[depth] &&
		    node_set(sparse, depth, sparse->heights[depth], 0) < 0)
			return -ENOMEM;
		if (!sparse->heights[depth]) {
			sparse->heights[depth] = (uint8_t)height; /* empty: no path to keep */
			return 0;
		}
		sparse->heights[depth]++;
	}
	return 0;
}

int sparse_add(struct sparse *sparse, unsigned depth, wide number)
{
	bool was_empty = !sparse->heights[depth];
	wide n = number;

	if (sparse_has(sparse, depth, number))
		return 0;
	if (raise(sparse, depth, height_for(number)) < 0)
		return -ENOMEM;
	for (unsigned level = 0; level < sparse->heights[depth]; level++, n >>= LEVEL_BITS) {
		bool was_there = node_find(sparse, depth, level, n >> LEVEL_BITS) != NULL;

		if (node_set(sparse, depth, level, n) < 0) {
			sparse_remove(sparse, depth, number);
			if (was_empty)
				sparse->heights[depth] = 0;
			return -ENOMEM;
		}
		if (was_there) /* then its ancestors are */
			break;
	}
	return 0;
}

/* Also takes back what a failed sparse_add() left: a path that does not reach the top. */
void sparse_remove(struct sparse *sparse, unsigned depth, wide number)
{
	for (unsigned level = 0; level < sparse->heights[depth]; level++, number >>= LEVEL_BITS) {
		uint64_t *bits = node_find(sparse, depth, level, number >> LEVEL_BITS);

		if (!bits)
			return;
		*bits &= ~(1ULL << ((unsigned)number & 63));
		if (*bits)
			return;
		node_clear(sparse, level, number >> LEVEL_BITS, bits);
	}
	sparse->heights[depth] = 0;
}

bool sparse_has(const struct sparse *sparse, unsigned depth, wide number)
{
	const uint64_t *bits;

	if (!sparse->heights[depth])
		return false;
	bits = node_find(sparse, depth, 0, number >> LEVEL_BITS);
	return bits && *bits >> ((unsigned)number & 63) & 1;
}

/* The lowest member below `node` of `level`, which is not empty. */
static wide lowest(const struct sparse *sparse, unsigned depth, unsigned level, wide node)
{
	for (;; level--) {
		const uint64_t *bits = node_find(sparse, depth, level, node);

		node = node << LEVEL_BITS | (unsigned)__builtin_ctzll(*bits);
		if (level == 0)
			return node;
	}
}

bool sparse_next(const struct sparse *sparse, unsigned depth, wide from, wide *ret_number)
{
	if (!sparse->heights[depth] || height_for(from) > sparse->heights[depth])
		return false;
	for (unsigned level = 0; level < sparse->heights[depth]; level++) {
		const uint64_t *bits = node_find(sparse, depth, level, from >> LEVEL_BITS);
		uint64_t left = bits ? *bits & ~0ULL << ((unsigned)from & 63) : 0;

		if (left) {
			from = (from & ~(wide)63) | (unsigned)__builtin_ctzll(left);
			*ret_number = level ? lowest(sparse, depth, level - 1, from) : from;
			return true;
		}
		from = (from >> LEVEL_BITS) + 1;
	}
	return false;
}
