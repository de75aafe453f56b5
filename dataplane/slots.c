/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
 * After Maglev (Eisenbud et al., NSDI 2016, 3.4), with slack. Each member has its own order of all
 * slots. The members look at the slots of their orders in step, as often as they have weight, and
 * whoever looks at a free slot first has it. Left at that, a member that leaves would move nothing
 * but its own slots, and shares would be as uneven as chance makes them. Maglev evens them out
 * wholly, at the price that one leaving moves three to ten per cent of the others' slots too. So:
 * nobody takes more than its share and some slack, and who got less than its share without the
 * slack takes from those who have too much. docs/decisions/slots.md has the figures.
 */
struct chooser {
	uint64_t hash; /* of the address: the order of turns, and of slots */
	uint32_t next; /* how many slots of its order it looked at */
	uint32_t n_slots, least, most;
	uint16_t member, weight, credit;
};

static int chooser_compare(const void *a, const void *b)
{
	const struct chooser *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/*
 * Slack is a quarter of the share, but at most a 48th of the table: with few members, where every
 * slot shows, shares are true to one slot or two.
 */
static void set_limits(struct chooser *chooser, uint32_t n_slots, uint32_t total_weight)
{
	uint64_t unit = 48ULL * total_weight;
	uint64_t share = 48ULL * n_slots * chooser->weight;
	uint64_t slack = share / 4;

	if (slack > (uint64_t)n_slots * total_weight)
		slack = (uint64_t)n_slots * total_weight;
	chooser->least = (uint32_t)((share - slack) / unit);
	chooser->most = (uint32_t)((share + slack + unit - 1) / unit);
}

static uint32_t choosers_init(struct chooser *choosers, size_t *ret_n,
			      const struct slots_member *members, size_t n_members)
{
	uint32_t total_weight = 0;
	size_t n = 0;

	for (size_t i = 0; i < n_members; i++) {
		const struct address *address = &members[i].address;

		if (!members[i].weight)
			continue;
		choosers[n++] = (struct chooser){
			.hash = hash_bytes(address, sizeof(*address)),
			.member = (uint16_t)i,
			.weight = members[i].weight,
		};
		total_weight += members[i].weight;
	}
	qsort(choosers, n, sizeof(*choosers), chooser_compare);
	*ret_n = n;
	return total_weight;
}

/*
 * The n-th slot of a member's order: four rounds of odd multiplication and folding, each of which
 * maps the slots onto themselves. Maglev's offset + n * skip would do, but few skips are odd and
 * below 64: in small tables members would often have the same order.
 */
static uint32_t next_slot(struct chooser *chooser, uint32_t n_slots)
{
	unsigned fold = ((unsigned)__builtin_ctz(n_slots) + 1) / 2;
	uint32_t slot = chooser->next++;

	for (unsigned round = 0; round < 4; round++) {
		uint32_t factor = (uint32_t)(chooser->hash >> 16 * round) | 1;
		uint32_t addend = (uint32_t)(chooser->hash >> 16 * (round ^ 2) >> 5);

		slot = (slot * factor + addend) & (n_slots - 1);
		slot ^= slot >> fold;
	}
	return slot;
}

/* owners[slot] is an index into `choosers`. */
static void give(struct chooser *choosers, size_t to, uint16_t *owner)
{
	if (*owner != SLOTS_NONE)
		choosers[*owner].n_slots--;
	choosers[to].n_slots++;
	*owner = (uint16_t)to;
}

/* Ends: sum of `most` is not below n_slots, and each order has every slot. */
static void choose_in_step(struct chooser *choosers, size_t n, uint32_t n_slots, uint16_t *owners)
{
	uint16_t max_weight = 0;

	for (size_t i = 0; i < n; i++)
		max_weight = choosers[i].weight > max_weight ? choosers[i].weight : max_weight;
	for (uint32_t taken = 0; taken < n_slots;) {
		for (size_t i = 0; i < n && taken < n_slots; i++) {
			uint32_t slot;

			choosers[i].credit += choosers[i].weight;
			if (choosers[i].credit < max_weight)
				continue;
			choosers[i].credit -= max_weight;
			slot = next_slot(&choosers[i], n_slots);
			if (owners[slot] != SLOTS_NONE || choosers[i].n_slots >= choosers[i].most)
				continue;
			give(choosers, i, &owners[slot]);
			taken++;
		}
	}
}

/* Ends: while somebody has less than its share, somebody else has more than its own. */
static void even_out(struct chooser *choosers, size_t n, uint32_t n_slots, uint32_t total_weight,
		     uint16_t *owners)
{
	for (size_t i = 0; i < n; i++) {
		choosers[i].next = 0;
		while (choosers[i].n_slots < choosers[i].least) {
			uint16_t *owner = &owners[next_slot(&choosers[i], n_slots)];
			const struct chooser *from = &choosers[*owner];

			if ((uint64_t)from->n_slots * total_weight >
			    (uint64_t)n_slots * from->weight)
				give(choosers, i, owner);
		}
	}
}

int slots_assign(const struct slots_member *members, size_t n_members, uint8_t size_index,
		 uint8_t algorithm, uint16_t *ret_slots)
{
	auto_free struct chooser *choosers = NULL;
	uint32_t n_slots, total_weight;
	size_t n;

	require(size_index < SLOTS_N_SIZES && n_members <= SLOTS_MEMBERS_MAX);
	n_slots = SLOTS_SIZES[size_index];
	if (algorithm != SLOTS_ALGORITHM)
		return -ENOTSUP;
	choosers = calloc(n_members + 1, sizeof(*choosers));
	if (!choosers)
		return -ENOMEM;
	memset(ret_slots, 0xff, n_slots * sizeof(*ret_slots));
	total_weight = choosers_init(choosers, &n, members, n_members);
	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		set_limits(&choosers[i], n_slots, total_weight);
	choose_in_step(choosers, n, n_slots, ret_slots);
	even_out(choosers, n, n_slots, total_weight, ret_slots);
	for (uint32_t i = 0; i < n_slots; i++)
		ret_slots[i] = choosers[ret_slots[i]].member;
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
