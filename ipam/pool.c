/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/pool.h"

#include <errno.h>
#include <string.h>

#include "base/require.h"
#include "ipam/sparse.h"

/*
 * A buddy allocator. `depth` is how many bits a block is longer than the pool's, `number` which of
 * the 2^depth blocks of that depth it is; the free ones are the members of set `depth`.
 */
struct pool {
	struct cidr block;
	struct sparse free;
	wide n_used;
};

struct spot {
	unsigned depth;
	wide number;
};

static unsigned depth_max(const struct pool *pool)
{
	return family_bits(pool->block.address.family) - pool->block.len;
}

static wide block_addresses(unsigned len, enum family family)
{
	return wide_power(family_bits(family) - len);
}

static int spot_of(const struct pool *pool, const struct cidr *block, struct spot *ret_spot)
{
	wide offset;

	if (!cidr_covers(&pool->block, block))
		return -ERANGE;
	offset = wide_from_address(&block->address) - wide_from_address(&pool->block.address);
	ret_spot->depth = (unsigned)block->len - pool->block.len;
	ret_spot->number = wide_right(offset, depth_max(pool) - ret_spot->depth);
	return 0;
}

static struct cidr block_of(const struct pool *pool, struct spot spot)
{
	wide offset = wide_left(spot.number, depth_max(pool) - spot.depth);
	enum family family = pool->block.address.family;

	return (struct cidr){
		.address =
			wide_to_address(wide_from_address(&pool->block.address) + offset, family),
		.len = (uint8_t)(pool->block.len + spot.depth),
	};
}

/* The free block that holds all of `spot`. */
static bool find_around(const struct pool *pool, struct spot spot, struct spot *ret_free)
{
	for (unsigned up = 0; up <= spot.depth; up++) {
		struct spot around = {spot.depth - up, wide_right(spot.number, up)};

		if (sparse_has(&pool->free, around.depth, around.number)) {
			*ret_free = around;
			return true;
		}
	}
	return false;
}

/* True when a block smaller than `spot`, inside it, is free. */
static bool any_inside(const struct pool *pool, struct spot spot)
{
	for (unsigned depth = spot.depth + 1; depth <= depth_max(pool); depth++) {
		wide first = wide_left(spot.number, depth - spot.depth), found;

		if (sparse_next(&pool->free, depth, first, &found) &&
		    wide_right(found, depth - spot.depth) == spot.number)
			return true;
	}
	return false;
}

int pool_new(const struct cidr *block, struct pool **ret_pool)
{
	auto_call(pool_freep) struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->block = *block;
	cidr_mask(&pool->block);
	if (sparse_init(&pool->free, depth_max(pool)) < 0 || sparse_add(&pool->free, 0, 0) < 0)
		return -ENOMEM;
	*ret_pool = TAKE(pool);
	return 0;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	sparse_deinit(&pool->free);
	free(pool);
}

const struct cidr *pool_block(const struct pool *pool)
{
	return &pool->block;
}

bool pool_next_free(const struct pool *pool, unsigned len, struct cidr *block)
{
	struct spot spot = {len - pool->block.len, 0};
	bool first = block->address.family == FAMILY_NONE;

	if (len < pool->block.len || len > family_bits(pool->block.address.family))
		return false;
	if (!first) {
		require(spot_of(pool, block, &spot) == 0);
		spot.number++;
	}
	for (;; spot.depth--, spot.number = 0) {
		if (sparse_next(&pool->free, spot.depth, spot.number, &spot.number)) {
			*block = block_of(pool, spot);
			return true;
		}
		if (spot.depth == 0)
			return false;
	}
}

bool pool_find(const struct pool *pool, unsigned len, struct cidr *ret_block)
{
	struct cidr block = {};

	if (!pool_next_free(pool, len, &block))
		return false;
	block.len = (uint8_t)len;
	*ret_block = block;
	return true;
}

bool pool_is_free(const struct pool *pool, const struct cidr *block)
{
	struct spot spot, around;

	return spot_of(pool, block, &spot) == 0 && find_around(pool, spot, &around);
}

int pool_take(struct pool *pool, const struct cidr *block)
{
	struct spot spot, around;
	unsigned depth;

	if (spot_of(pool, block, &spot) < 0)
		return -ERANGE;
	if (!find_around(pool, spot, &around))
		return -EBUSY;
	/* What is left of `around` is the buddy of each block on the way down to `spot`. */
	for (depth = spot.depth; depth > around.depth; depth--) {
		if (sparse_add(&pool->free, depth,
			       wide_right(spot.number, spot.depth - depth) ^ 1) < 0)
			break;
	}
	if (depth > around.depth) {
		while (++depth <= spot.depth)
			sparse_remove(&pool->free, depth,
				      wide_right(spot.number, spot.depth - depth) ^ 1);
		return -ENOMEM;
	}
	sparse_remove(&pool->free, around.depth, around.number);
	pool->n_used += block_addresses(block->len, pool->block.address.family);
	return 0;
}

int pool_release(struct pool *pool, const struct cidr *block)
{
	struct spot spot, whole, around;

	if (spot_of(pool, block, &spot) < 0)
		return -ERANGE;
	if (find_around(pool, spot, &around) || any_inside(pool, spot))
		return -EINVAL;
	for (whole = spot; whole.depth > 0; whole.depth--, whole.number >>= 1) {
		if (!sparse_has(&pool->free, whole.depth, whole.number ^ 1))
			break;
	}
	/* First what can fail: the merged block stands for its buddies, which then go. */
	if (sparse_add(&pool->free, whole.depth, whole.number) < 0)
		return -ENOMEM;
	for (; spot.depth > whole.depth; spot.depth--, spot.number >>= 1)
		sparse_remove(&pool->free, spot.depth, spot.number ^ 1);
	pool->n_used -= block_addresses(block->len, pool->block.address.family);
	return 0;
}

wide pool_n_addresses(const struct pool *pool)
{
	return block_addresses(pool->block.len, pool->block.address.family);
}

wide pool_n_used(const struct pool *pool)
{
	return pool->n_used;
}

wide pool_n_free(const struct pool *pool)
{
	return pool_n_addresses(pool) - pool->n_used;
}

unsigned pool_largest_free(const struct pool *pool)
{
	for (unsigned depth = 0; depth <= depth_max(pool); depth++) {
		if (pool->free.heights[depth])
			return pool->block.len + depth;
	}
	return 255;
}

bool pool_is_full(const struct pool *pool)
{
	return pool_largest_free(pool) == 255;
}

size_t pool_size(const struct pool *pool)
{
	return sizeof(*pool) + sparse_size(&pool->free);
}
