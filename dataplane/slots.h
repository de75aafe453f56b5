/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/*
 * Which destination a flow goes to. Every LoadBalancer has a table of 2^k slots per family; a hash
 * of the flow picks a slot, and the slot names the destination. Both halves are pure functions of
 * what the allocator published, so that the same flow goes to the same destination on every node,
 * after every restart, and can be told in advance (dataplane/trace.h).
 *
 * SLOTS_ALGORITHM is the version of slots_assign(), as the allocator publishes it per LoadBalancer:
 * whoever changes a result of slots_assign() makes a new version and keeps the old one, because
 * nodes of both ages serve the same flows. tests/dataplane/test_slots.c holds golden vectors.
 */

#define SLOTS_ALGORITHM   1
#define SLOTS_N_SIZES     7
#define SLOTS_SIZE_MAX    16384
#define SLOTS_PER_WEIGHT  8 /* least number of slots for each unit of weight */
#define SLOTS_MEMBERS_MAX 4096
#define SLOTS_NONE        0xffffU /* in a slot: there is no destination */
#define SLOTS_HASH_SEED   0x6c62U /* of the kernel's jhash, for all LoadBalancers and ever */

/* {1, 16, 64, 256, 1024, 4096, 16384}: what `size_index` in struct desired_lb counts. */
extern const uint16_t SLOTS_SIZES[SLOTS_N_SIZES];

/* A destination that may be chosen. `weight` 0: never. 20 bytes, and kept by the thousand. */
struct slots_member {
	struct address address; /* the member's identity: nothing else enters the assignment */
	uint16_t weight;        /* 0..256 */
};

/*
 * The smallest index into SLOTS_SIZES with SLOTS_PER_WEIGHT slots for each unit of weight; the last
 * one where none is large enough.
 * @total_weight: sum of the weights of one family; the allocator takes the larger family's.
 *                A LoadBalancer's table should not shrink each time its weight does: see
 *                docs/decisions/slots.md.
 */
uint8_t slots_size_index(uint32_t total_weight);

/*
 * Fills a LoadBalancer's table for one family.
 * The result does not depend on the order of `members` but for the numbers that it consists of.
 * A member's share is true to its weight within a quarter of the share, and within a 48th of the
 * table, rounded up to slots. Removing or adding a member moves that member's slots, and on
 * average 0.1 to 2 % of the others' besides (Maglev: 3 to 10 %; docs/decisions/slots.md).
 * @members:    distinct addresses, at most SLOTS_MEMBERS_MAX (required).
 * @size_index: 0..6 (required).
 * @algorithm:  version to use.
 * @ret_slots:  room for SLOTS_SIZES[size_index] entries; each becomes an index into `members`, or
 *              SLOTS_NONE in all of them when no member has any weight.
 * Return: 0, -ENOMEM, -ENOTSUP (an algorithm that this program does not know).
 */
must_check int slots_assign(const struct slots_member *members, size_t n_members,
			    uint8_t size_index, uint8_t algorithm, uint16_t *ret_slots);

/* What of a flow the kernel hashes. */
struct slots_flow {
	struct address source, vip; /* of the same family (required) */
	uint16_t source_port, port; /* host byte order */
};

/*
 * The slot that the kernel will look up for the first packet of a flow.
 * @by_source: only the source address counts (affinity ClientIP).
 * Source: linux/net/netfilter/nft_hash.c, nft_jhash_eval(), and include/linux/jhash.h: jhash() of
 *         the concatenated registers, each padded to 4 bytes, seed SLOTS_HASH_SEED, then
 *         reciprocal_scale(): hash * n_slots >> 32. The kernel reads the registers in host order:
 *         nodes of different endianness would choose differently, and all ours are little-endian.
 */
uint32_t slots_of_flow(const struct slots_flow *flow, bool by_source, uint8_t size_index);
