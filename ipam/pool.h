/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/auto.h"
#include "ipam/wide.h"

/*
 * The free space of a Prefix: which parts of a block nobody holds. Who holds the others is not
 * known here.
 *
 * Only the free space is kept, as maximal aligned blocks. So the state is a function of what is
 * taken, whatever the order was, and no operation depends on how much is taken: each is at most
 * one step for each bit between the pool's length and the block's (docs/decisions/pool.md).
 */
struct pool;

/*
 * A pool all of which is free.
 * @block: without host bits (they are ignored).
 * Return: 0, -ENOMEM.
 */
must_check int pool_new(const struct cidr *block, struct pool **ret_pool);
void pool_free(struct pool *pool);
AUTO_DEFINE(struct pool, pool_free);

const struct cidr *pool_block(const struct pool *pool);

/*
 * Finds what to take for a block of `len` bits: the first such block of the smallest free block that
 * it fits into, the lowest of those. Takes nothing.
 * Return: true when there is one.
 * Source: inet.af/netaddr IPSet.RemoveFreePrefix(), which ironcore uses.
 */
bool pool_find(const struct pool *pool, unsigned len, struct cidr *ret_block);

/*
 * Walks the free blocks that `len` fits into in the order in which they would be used up: smallest
 * first, the lowest of those first.
 * @block: the one before; .address.family NONE for the first. Becomes the next one.
 * Return: true while there is one.
 */
bool pool_next_free(const struct pool *pool, unsigned len, struct cidr *block);

/* True when all of `block` is inside and free. */
bool pool_is_free(const struct pool *pool, const struct cidr *block);

/*
 * Takes exactly `block`.
 * Return: 0, -ERANGE (not inside), -EBUSY (not all of it is free), -ENOMEM. Nothing changed then.
 */
must_check int pool_take(struct pool *pool, const struct cidr *block);

/*
 * Gives `block` back: all of it, or a part, of what was taken.
 * Return: 0, -ERANGE (not inside), -EINVAL (some of it is free), -ENOMEM. Nothing changed then.
 */
must_check int pool_release(struct pool *pool, const struct cidr *block);

/* Counts of addresses. 2^128 is 0: the whole of ::/0. pool_is_full() tells it from none. */
wide pool_n_addresses(const struct pool *pool);
wide pool_n_used(const struct pool *pool);
wide pool_n_free(const struct pool *pool);
bool pool_is_full(const struct pool *pool);

/* Length of the largest free block; 255 when it is full. */
unsigned pool_largest_free(const struct pool *pool);

/* Memory that it takes. */
size_t pool_size(const struct pool *pool);
