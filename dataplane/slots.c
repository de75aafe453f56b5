/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/require.h"

const uint16_t SLOTS_SIZES[SLOTS_N_SIZES] = {1, 16, 64, 256, 1024, 4096, 16384};

uint8_t slots_size_index(uint32_t total_weight)
{
	uint8_t index = 0;

	while (index < SLOTS_N_SIZES - 1 &&
	       SLOTS_SIZES[index] < (uint64_t)total_weight * SLOTS_PER_WEIGHT)
		index++;
	return index;
}

/*
 * Maglev (Eisenbud et al., NSDI 2016, 3.4): the members take turns; in its turn a member takes the
 * free slot that comes first in its own order of all slots. The order is offset + n * skip modulo
 * the size; the size is a power of two here, so any odd skip reaches every slot. A member of
 * weight w gets w turns for each `max_weight` rounds.
 */
struct turn {
	uint64_t hash; /* who goes first; 0..n of equal hash by address */
	uint32_t next, skip;
	uint16_t member, weight;
	uint16_t credit;
};

static int turn_compare(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static size_t turns_init(struct turn *turns, const struct slots_member *members, size_t n_members)
{
	size_t n = 0;

	for (size_t i = 0; i < n_members; i++) {
		uint64_t hash = hash_bytes(&members[i].address, sizeof(members[i].address));

		if (!members[i].weight)
			continue;
		turns[n++] = (struct turn){
			.hash = hash,
			.next = (uint32_t)hash,
			.skip = (uint32_t)(hash >> 32) | 1,
			.member = (uint16_t)i,
			.weight = members[i].weight,
		};
	}
	qsort(turns, n, sizeof(*turns), turn_compare);
	return n;
}

static void take_slot(struct turn *turn, uint32_t mask, uint16_t *slots)
{
	while (slots[turn->next & mask] != SLOTS_NONE)
		turn->next += turn->skip;
	slots[turn->next & mask] = turn->member;
}

static void take_turns(struct turn *turns, size_t n_turns, uint32_t n_slots, uint16_t *slots)
{
	uint16_t max_weight = 0;

	ARRAY_FOREACH(turn, turns, n_turns)
		max_weight = turn->weight > max_weight ? turn->weight : max_weight;
	for (uint32_t taken = 0;;) {
		ARRAY_FOREACH(turn, turns, n_turns) {
			turn->credit += turn->weight;
			if (turn->credit < max_weight)
				continue;
			turn->credit -= max_weight;
			take_slot(turn, n_slots - 1, slots);
			if (++taken == n_slots)
				return;
		}
	}
}

int slots_assign(const struct slots_member *members, size_t n_members, uint8_t size_index,
		 uint8_t algorithm, uint16_t *ret_slots)
{
	auto_free struct turn *turns = NULL;
	size_t n_turns;

	require(size_index < SLOTS_N_SIZES && n_members <= SLOTS_MEMBERS_MAX);
	if (algorithm != SLOTS_ALGORITHM)
		return -ENOTSUP;
	memset(ret_slots, 0xff, SLOTS_SIZES[size_index] * sizeof(*ret_slots));
	turns = calloc(n_members + 1, sizeof(*turns));
	if (!turns)
		return -ENOMEM;
	n_turns = turns_init(turns, members, n_members);
	if (n_turns)
		take_turns(turns, n_turns, SLOTS_SIZES[size_index], ret_slots);
	return 0;
}

static uint32_t rol(uint32_t word, unsigned by)
{
	return word << by | word >> (32 - by);
}

/* Bob Jenkins' lookup3 as in linux/jhash.h, for a whole number of words, read in host order. */
static uint32_t jhash(const uint32_t *words, size_t n_words, uint32_t seed)
{
	uint32_t a, b, c;

	a = b = c = 0xdeadbeef + (uint32_t)(n_words * sizeof(*words)) + seed;
	for (; n_words > 3; n_words -= 3, words += 3) {
		a += words[0];
		b += words[1];
		c += words[2];
		a -= c, a ^= rol(c, 4), c += b;
		b -= a, b ^= rol(a, 6), a += c;
		c -= b, c ^= rol(b, 8), b += a;
		a -= c, a ^= rol(c, 16), c += b;
		b -= a, b ^= rol(a, 19), a += c;
		c -= b, c ^= rol(b, 4), b += a;
	}
	c += n_words > 2 ? words[2] : 0;
	b += n_words > 1 ? words[1] : 0;
	a += words[0];
	c ^= b, c -= rol(b, 14);
	a ^= c, a -= rol(c, 11);
	b ^= a, b -= rol(a, 25);
	c ^= b, c -= rol(b, 16);
	a ^= c, a -= rol(c, 4);
	b ^= a, b -= rol(a, 14);
	c ^= b, c -= rol(b, 24);
	return c;
}

/* As nft_payload loads a port: two bytes in network order, then two of padding. */
static uint32_t port_register(uint16_t port)
{
	const uint8_t bytes[4] = {(uint8_t)(port >> 8), (uint8_t)port};
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

uint32_t slots_of_flow(const struct slots_flow *flow, bool by_source, uint8_t size_index)
{
	size_t address_words = address_len(&flow->source) / sizeof(uint32_t), n = 0;
	uint32_t words[2 * (4 + 1)];

	require(flow->source.family == flow->vip.family && address_words > 0);
	require(size_index < SLOTS_N_SIZES);
	memcpy(words, flow->source.bytes, address_words * sizeof(*words));
	n += address_words;
	if (!by_source) {
		words[n++] = port_register(flow->source_port);
		memcpy(words + n, flow->vip.bytes, address_words * sizeof(*words));
		n += address_words;
		words[n++] = port_register(flow->port);
	}
	return (uint32_t)((uint64_t)jhash(words, n, SLOTS_HASH_SEED) * SLOTS_SIZES[size_index] >>
			  32);
}
