/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bench/disruption: of all flows, the share that a change of the destinations sends somewhere else,
 * when the flow is looked up anew: on another node, after a conntrack entry was lost, at the next
 * datagram of a client. One of N destinations is removed; one added to N-1 is the same the other way
 * round.
 *
 *	ilb        Maglev over the slot table that the allocator would choose
 *	jhash mod  nft's `jhash ... mod N map { 0 : a, 1 : b, ... }`, as one would write it by hand
 *	numgen     nft's `numgen random mod N map`, as kube-proxy's nftables mode
 *	least      what no balancer can avoid: the share of the destination removed or added
 *
 * Exact, not measured: the same flows and the same arithmetic as the kernel's, no clock.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/require.h"
#include "dataplane/slots.h"

#define N_FLOWS 200000

static struct slots_member member(uint32_t number)
{
	struct slots_member member = {.weight = 1};
	uint8_t bytes[4] = {10, 1, (uint8_t)(number >> 8), (uint8_t)number};

	require(address_from_bytes(bytes, 4, &member.address) == 0);
	return member;
}

static uint32_t flow_hash(uint32_t flow, uint32_t salt)
{
	uint32_t words[2] = {flow, salt};

	return (uint32_t)hash_bytes(words, sizeof(words));
}

/* nft's modulo: reciprocal scaling. */
static uint32_t scale(uint32_t hash, uint32_t n)
{
	return (uint32_t)((uint64_t)hash * n >> 32);
}

static uint16_t *fill(const struct slots_member *members, size_t n_members, uint8_t size_index)
{
	uint16_t *slots = calloc(SLOTS_SIZES[size_index], sizeof(*slots));

	require(slots);
	require(slots_assign(members, n_members, size_index, SLOTS_ALGORITHM, slots) == 0);
	return slots;
}

/* Shares of flows that move between the set of `n` and the same without its member `gone`. */
static void compare(uint32_t n, uint32_t gone, double ret_shares[static 3])
{
	uint8_t size_index = slots_size_index(n);
	struct slots_member *all = calloc(n, sizeof(*all)), *rest = calloc(n, sizeof(*rest));
	uint64_t moved[3] = {};
	uint16_t *before, *after;

	require(all && rest);
	for (uint32_t i = 0, j = 0; i < n; i++) {
		all[i] = member(i);
		if (i != gone)
			rest[j++] = all[i];
	}
	before = fill(all, n, size_index);
	after = fill(rest, n - 1, size_index);
	for (uint32_t flow = 0; flow < N_FLOWS; flow++) {
		uint32_t hash = flow_hash(flow, 1), slot = scale(hash, SLOTS_SIZES[size_index]);
		uint32_t old = scale(hash, n), new = scale(hash, n - 1);

		moved[0] += address_compare(&all[before[slot]].address,
					    &rest[after[slot]].address) != 0;
		moved[1] += old != new + (new >= gone);
		old = scale(flow_hash(flow, 2), n);
		new = scale(flow_hash(flow, 3), n - 1);
		moved[2] += old != new + (new >= gone);
	}
	for (int i = 0; i < 3; i++)
		ret_shares[i] = (double)moved[i] / N_FLOWS;
	free(before);
	free(after);
	free(all);
	free(rest);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Over which of the destinations it is that goes. */
static void print_row(uint32_t n)
{
	enum { TRIES = 10 };
	double shares[3][TRIES], least = 1.0 / n;

	for (uint32_t i = 0; i < TRIES; i++) {
		double one[3];

		compare(n, i * n / TRIES, one);
		for (int j = 0; j < 3; j++)
			shares[j][i] = one[j];
	}
	printf("%6u %7.2f %%", n, 100 * least);
	for (int j = 0; j < 3; j++) {
		qsort(shares[j], TRIES, sizeof(double), by_value);
		printf("   %6.2f %% (%.2f-%.2f)", 100 * shares[j][TRIES / 2], 100 * shares[j][0],
		       100 * shares[j][TRIES - 1]);
	}
	printf("\n");
}

int main(void)
{
	static const uint32_t sizes[] = {3, 10, 16, 100, 1000};

	printf("share of %d flows that change their destination: median (least-most) over which one "
	       "goes or comes\n%6s %9s   %-22s %-22s %-22s\n",
	       N_FLOWS, "N", "least", "ilb", "jhash mod N", "numgen");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		print_row(sizes[i]);
	return 0;
}
