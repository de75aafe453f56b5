/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "dataplane/slots.h"
#include "tests/support/cmocka.h"

static struct address v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return (struct address){FAMILY_IPV4, {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
}

static void make(struct slots_member *members, size_t n, unsigned net)
{
	for (size_t i = 0; i < n; i++)
		members[i] = (struct slots_member){
			v4(10, net, (unsigned)(i >> 8), (unsigned)(i & 255)), 1};
}

static void assign(const struct slots_member *members, size_t n, uint8_t size_index,
		   uint16_t *slots)
{
	assert_int_equal(slots_assign(members, n, size_index, SLOTS_ALGORITHM, slots), 0);
}

static void test_size_index(void **state)
{
	static const struct {
		uint32_t weight;
		uint8_t index;
	} rows[] = {{0, 0},    {1, 1},    {2, 1},    {3, 2},       {8, 2},         {9, 3},
		    {32, 3},   {33, 4},   {128, 4},  {129, 5},     {512, 5},       {513, 6},
		    {2048, 6}, {2049, 6}, {4096, 6}, {1 << 20, 6}, {UINT32_MAX, 6}};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows))
		if (slots_size_index(row->weight) != row->index)
			fail_msg("weight %u: %u", row->weight, slots_size_index(row->weight));
}

/*
 * Golden vectors of algorithm 1: nodes of all ages must agree on them. Small tables in full, large
 * ones as hash_bytes() of the slots, each as two bytes, the low one first.
 */
static void test_golden_small(void **state)
{
	static const uint16_t expected[16] = {0, 2, 2, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 2};
	struct slots_member members[4];
	uint16_t slots[16];

	(void)state;
	make(members, 4, 1);
	members[1].weight = 2;
	members[3].weight = 0;
	assign(members, 4, 1, slots);
	assert_memory_equal(slots, expected, sizeof(expected));
}

static void test_golden_large(void **state)
{
	static const struct {
		size_t n;
		uint8_t size_index;
		uint64_t hash;
	} rows[] = {
		{1, 1, 0x8044259ac302db3e},    {3, 2, 0x056f1f8386ae2bff},
		{10, 3, 0x0210dda6a202b9e7},   {40, 4, 0xcdacea70b67020a6},
		{100, 5, 0x49726dddd7a961dd},  {500, 6, 0x89f4034fdc9dbcba},
		{4096, 6, 0xa41fa35d07b34903},
	};
	static struct slots_member members[SLOTS_MEMBERS_MAX];
	static uint16_t slots[SLOTS_SIZE_MAX];

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		uint8_t bytes[2 * SLOTS_SIZE_MAX];
		size_t n_slots = SLOTS_SIZES[row->size_index];
		uint64_t hash;

		make(members, row->n, 7);
		for (size_t i = 0; i < row->n; i++)
			members[i].weight = (uint16_t)(i % 3 + 1);
		assign(members, row->n, row->size_index, slots);
		for (size_t i = 0; i < n_slots; i++) {
			bytes[2 * i] = (uint8_t)slots[i];
			bytes[2 * i + 1] = (uint8_t)(slots[i] >> 8);
		}
		hash = hash_bytes(bytes, 2 * n_slots);
		if (hash != row->hash)
			fail_msg("{%zu, %u, 0x%llx},", row->n, row->size_index,
				 (unsigned long long)hash);
	}
}

static void test_no_weight_no_slots(void **state)
{
	struct slots_member members[2];
	uint16_t slots[64];

	(void)state;
	make(members, 2, 1);
	members[0].weight = members[1].weight = 0;
	assign(members, 2, 2, slots);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(slots[i], SLOTS_NONE);
	assign(NULL, 0, 0, slots);
	assert_int_equal(slots[0], SLOTS_NONE);
	assert_int_equal(slots_assign(members, 2, 2, SLOTS_ALGORITHM + 1, slots), -ENOTSUP);
}

static void test_order_does_not_matter(void **state)
{
	static struct slots_member members[100], reversed[100];
	static uint16_t slots[1024], again[1024];

	(void)state;
	make(members, 100, 3);
	for (size_t i = 0; i < 100; i++) {
		members[i].weight = (uint16_t)(i % 4);
		reversed[99 - i] = members[i];
	}
	assign(members, 100, 4, slots);
	assign(reversed, 100, 4, again);
	for (size_t i = 0; i < 1024; i++)
		assert_int_equal(again[i], 99 - slots[i]);
}

/* Within a quarter of the share, and within a 48th of the table, rounded up. */
static void check_shares(size_t n, uint8_t size_index, bool weighted)
{
	static struct slots_member members[SLOTS_MEMBERS_MAX];
	static uint16_t slots[SLOTS_SIZE_MAX];
	static double counts[SLOTS_MEMBERS_MAX];
	double n_slots = SLOTS_SIZES[size_index], total = 0;

	memset(counts, 0, sizeof(counts));
	make(members, n, 5);
	for (size_t i = 0; i < n; i++) {
		members[i].weight = (uint16_t)(weighted ? i % 3 + 1 : 1);
		total += members[i].weight;
	}
	assign(members, n, size_index, slots);
	for (size_t i = 0; i < SLOTS_SIZES[size_index]; i++)
		counts[slots[i]]++;
	for (size_t i = 0; i < n; i++) {
		double share = n_slots * members[i].weight / total;
		double slack = share / 4 < n_slots / 48 ? share / 4 : n_slots / 48;

		if (counts[i] <= share - slack - 1 || counts[i] >= share + slack + 1)
			fail_msg("%zu members, %g slots: member %zu has %g, not %g", n, n_slots, i,
				 counts[i], share);
	}
}

static void test_shares(void **state)
{
	static const size_t counts[] = {1, 2, 3, 7, 8, 9, 32, 100, 1000, 4096};

	(void)state;
	ARRAY_FOREACH(n, counts, ARRAY_SIZE(counts)) {
		check_shares(*n, slots_size_index((uint32_t)*n), false);
		check_shares(*n, slots_size_index(2 * (uint32_t)*n), true);
	}
	check_shares(50, 1, false); /* more members than slots */
}

/* Slots that moved between members that stayed, in per cent of the table. */
static double moved_besides(size_t n, uint8_t size_index, unsigned net)
{
	static struct slots_member members[SLOTS_MEMBERS_MAX];
	static uint16_t before[SLOTS_SIZE_MAX], after[SLOTS_SIZE_MAX];
	size_t n_slots = SLOTS_SIZES[size_index], moved = 0;

	make(members, n, net);
	assign(members, n, size_index, before);
	assign(members, n - 1, size_index, after);
	for (size_t i = 0; i < n_slots; i++)
		moved += before[i] != n - 1 && before[i] != after[i];
	return 100.0 * (double)moved / (double)n_slots;
}

static void test_one_leaves(void **state)
{
	static const struct {
		size_t n;
		double mean, most; /* per cent, of 100 runs */
	} rows[] = {{2, 0.1, 0.1}, {3, 1.3, 8},   {8, 2.3, 13},  {10, 0.7, 4},
		    {16, 0.9, 4},  {32, 2.5, 7},  {40, 0.3, 1},  {100, 0.3, 1},
		    {128, 2.5, 5}, {500, 0.3, 1}, {1000, 0.3, 1}};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		unsigned runs = row->n > 200 ? 5 : 100;
		double sum = 0;

		for (unsigned i = 0; i < runs; i++) {
			double moved = moved_besides(row->n, slots_size_index((uint32_t)row->n), i);

			if (moved > row->most)
				fail_msg("%zu members, net %u: %g %%", row->n, i, moved);
			sum += moved;
		}
		if (sum / runs > row->mean)
			fail_msg("%zu members: %g %% in the mean", row->n, sum / runs);
	}
}

/* reciprocal_scale(): a slot of a table becomes 4 or 16 neighbours in the next larger one. */
static void test_larger_tables_split_slots(void **state)
{
	struct slots_flow flow = {v4(10, 1, 2, 3), v4(10, 0, 0, 1), 0, 80};

	(void)state;
	for (unsigned port = 1; port < 65536; port += 97) {
		flow.source_port = (uint16_t)port;
		for (uint8_t i = 1; i < SLOTS_N_SIZES; i++)
			assert_int_equal(slots_of_flow(&flow, false, i) /
						 (SLOTS_SIZES[i] / SLOTS_SIZES[i - 1]),
					 slots_of_flow(&flow, false, (uint8_t)(i - 1)));
	}
}

/* Found by sending packets; tests/dataplane/test_kernel_flows.c does so anew. */
static void test_hash_of_known_flows(void **state)
{
	static const struct {
		const char *source, *vip;
		uint16_t source_port, port;
		bool by_source;
		uint32_t slot;
	} rows[] = {
		{"10.1.2.3", "10.0.0.1", 40000, 80, false, 1360},
		{"10.1.2.4", "10.0.0.1", 40000, 80, false, 9950},
		{"10.1.2.3", "10.0.0.1", 40000, 80, true, 4676},
		{"fd01::3", "fd00::1", 40000, 80, false, 6803},
		{"fd01::3", "fd00::1", 40000, 80, true, 13085},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct slots_flow flow = {.source_port = row->source_port, .port = row->port};
		uint32_t slot;

		assert_int_equal(address_parse(row->source, &flow.source), 0);
		assert_int_equal(address_parse(row->vip, &flow.vip), 0);
		slot = slots_of_flow(&flow, row->by_source, 6);
		if (slot != row->slot)
			fail_msg("%s port %u: %u", row->source, row->source_port, slot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_index),
		cmocka_unit_test(test_golden_small),
		cmocka_unit_test(test_golden_large),
		cmocka_unit_test(test_no_weight_no_slots),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_one_leaves),
		cmocka_unit_test(test_larger_tables_split_slots),
		cmocka_unit_test(test_hash_of_known_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
