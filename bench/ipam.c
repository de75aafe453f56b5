/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/require.h"
#include "ipam/decide.h"
#include "ipam/lease.h"
#include "ipam/pool.h"
#include "ipam/state.h"

/*
 * What an address costs: ns to allocate or release one, and bytes to hold one, in pools of several
 * sizes with up to a million leases, and what an apply costs among up to 100,000 objects.
 *
 *	bench/ipam
 *
 * An operation is a best-fit search, the taking of the block and the entry in the Network's table; or
 * the way back. Half of the operations are one, half the other, at random, so that the pool stays at
 * its number of leases and is as fragmented as best fit lets it become. "scattered" takes random
 * addresses instead of the best fit, which is the worst that users can do with literals of a Prefix.
 */

static uint64_t random_state;

static uint64_t roll(uint64_t n)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ULL; /* SplitMix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % n;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	/* Of the processor: what others do on the machine meanwhile does not count. */
	require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct run {
	struct pool *pool;
	struct lease_table table;
	struct cidr *live;
	size_t n_live;
	bool is_scattered;
};

static struct cidr scattered(const struct run *run)
{
	const struct cidr *block = pool_block(run->pool);
	unsigned bits = family_bits(block->address.family);
	unsigned spare = bits - block->len;
	wide offset = spare < 64 ? roll(1ULL << spare) : roll(UINT64_MAX);

	return (struct cidr){
		wide_to_address(wide_from_address(&block->address) + offset, block->address.family),
		(uint8_t)bits};
}

static void allocate_one(struct run *run)
{
	unsigned bits = family_bits(pool_block(run->pool)->address.family);
	struct cidr block;

	if (run->is_scattered)
		do
			block = scattered(run);
		while (!pool_is_free(run->pool, &block));
	else
		require(pool_find(run->pool, bits, &block));
	require(pool_take(run->pool, &block) == 0);
	require(lease_table_take(&run->table, &block.address, run) == 0);
	run->live[run->n_live++] = block;
}

static void release_one(struct run *run)
{
	size_t i = roll(run->n_live);
	struct cidr block = run->live[i];

	run->live[i] = run->live[--run->n_live];
	lease_table_release(&run->table, &block.address, run);
	require(pool_release(run->pool, &block) == 0);
}

/* Gives ns per operation around `n` leases; the memory is what is taken at the end. */
static double measure(struct run *run, size_t n, size_t *ret_bytes)
{
	const size_t n_ops = run->is_scattered ? 20000 : 1000000;
	size_t low = n - n / 8;
	uint64_t start;

	while (run->n_live < n)
		allocate_one(run);
	start = now_ns();
	for (size_t i = 0; i < n_ops; i++) {
		bool full = run->n_live == n, empty = run->n_live == low;

		if (full || (!empty && roll(2)))
			release_one(run);
		else
			allocate_one(run);
	}
	*ret_bytes = pool_size(run->pool) + lease_table_size(&run->table);
	return (double)(now_ns() - start) / (double)n_ops;
}

static void bench_pool(const char *text, bool is_scattered, size_t n, double *first)
{
	struct run run = {.is_scattered = is_scattered};
	struct cidr block;
	size_t bytes;
	double ns;

	require(cidr_parse(text, &block) == 0 && pool_new(&block, &run.pool) == 0);
	run.live = calloc(n, sizeof(*run.live));
	require(run.live);
	lease_table_init(&run.table);
	ns = measure(&run, n, &bytes);
	if (*first == 0)
		*first = ns;
	printf("%-16s %-10s %8zu %8.0f %8.1f %8.2f\n", text,
	       is_scattered ? "scattered" : "best fit", n, ns, (double)bytes / (double)n,
	       ns / *first);
	lease_table_deinit(&run.table);
	pool_free(run.pool);
	free(run.live);
}

static void bench_pools(void)
{
	static const struct {
		const char *block;
		size_t n_max;
		bool is_scattered;
	} rows[] = {
		{"10.0.0.0/24", 256, false},    {"10.0.0.0/22", 1000, false},
		{"10.0.0.0/16", 10000, false},  {"10.0.0.0/12", 1000000, false},
		{"10.0.0.0/8", 1000000, false}, {"fd00::/96", 1000000, false},
		{"fd00::/64", 1000000, false},  {"10.0.0.0/8", 1000000, true},
		{"fd00::/64", 10000, true},
	};

	printf("%-16s %-10s %8s %8s %8s %8s\n", "pool", "how", "leases", "ns/op", "B/lease",
	       "growth");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double first = 0;

		if (rows[i].n_max < 1000)
			bench_pool(rows[i].block, rows[i].is_scattered, rows[i].n_max, &first);
		for (size_t n = 1000; n <= rows[i].n_max; n *= 10)
			bench_pool(rows[i].block, rows[i].is_scattered, n, &first);
	}
	printf("\nGrowth: the sets of free blocks are bitmaps of 64-ary nodes, ceil(log64(n)) levels "
	       "high: 2 at\n1,000 leases, 4 at 1,000,000, so twice the steps; the rest of the growth "
	       "is memory that does\nnot fit into the caches any more: the tables of 1,000 leases take "
	       "about 50 KB, of 1,000,000\nabout 50 MB.\n\n");
}

/* An interface of one of the networks 0 to n / 100, with an ephemeral address. */
static struct object *nic(size_t i, size_t n)
{
	struct object *object = calloc(1, sizeof(*object));
	struct prefix_template *template = calloc(1, sizeof(*template));
	struct addressing *addressing;
	struct label *label;

	require(object && template);
	object->kind = KIND_NETWORK_INTERFACE;
	addressing = &object->nic.addressing;
	label = ARRAY_ADD(object->meta.labels.items, object->meta.labels.n_items);
	require(label && asprintf(&object->meta.name, "nic-%zu", i) > 0 &&
		asprintf(&addressing->network, "net-%zu", i % n / 110) > 0 &&
		asprintf(&label->value, "web-%zu", i % 10) > 0);
	label->key = strdup("app");
	object->meta.name_space = strdup("default");
	template->spec.family = FAMILY_IPV4;
	template->spec.parent = strdup("p");
	addressing->families[0] = FAMILY_IPV4;
	addressing->n_families = addressing->n_ips = 1;
	addressing->ips[0].ephemeral = template;
	return object;
}

/* A load balancer of network i/10 that selects a tenth of its interfaces. */
static struct object *lb(size_t i)
{
	struct object *object = calloc(1, sizeof(*object));
	struct addressing *addressing;
	struct label *label;

	require(object);
	object->kind = KIND_LOAD_BALANCER;
	addressing = &object->lb.addressing;
	object->lb.selector = calloc(1, sizeof(*object->lb.selector));
	require(object->lb.selector);
	label = ARRAY_ADD(object->lb.selector->match_labels.items,
			  object->lb.selector->match_labels.n_items);
	require(label && asprintf(&object->meta.name, "lb-%zu", i) > 0 &&
		asprintf(&addressing->network, "net-%zu", i / 10) > 0 &&
		asprintf(&label->value, "web-%zu", i % 10) > 0);
	label->key = strdup("app");
	object->meta.name_space = strdup("default");
	addressing->families[0] = FAMILY_IPV4;
	addressing->n_families = addressing->n_ips = 1;
	addressing->ips[0].literal = wide_to_address(0xac100000 + i % 10, FAMILY_IPV4);
	return object;
}

static struct object *prefix(void)
{
	struct object *object = calloc(1, sizeof(*object));

	require(object);
	object->kind = KIND_PREFIX;
	object->meta.name = strdup("p");
	object->meta.name_space = strdup("default");
	object->prefix.family = FAMILY_IPV4;
	require(cidr_parse("10.0.0.0/8", &object->prefix.prefix) == 0);
	return object;
}

static void apply(struct catalog *catalog, struct object *wanted, uint64_t sequence)
{
	struct moment moment = {.now_ms = (int64_t)sequence};
	struct verdict verdict = {};
	struct object *old;

	require(decide_apply(catalog, wanted, &moment, &verdict) == 0);
	require(verdict.outcome != VERDICT_REFUSED);
	if (verdict.outcome != VERDICT_UNCHANGED) {
		verdict.object->meta.resource_version = sequence;
		require(catalog_put(catalog, TAKE(verdict.object), &old) == 0);
		object_free(old);
	}
	verdict_deinit(&verdict);
	object_free(wanted);
}

static void take_touched(struct catalog *catalog)
{
	char key[OBJECT_KEY_MAX];

	while (catalog_take_touched(catalog, key)) {
	}
}

/* New interfaces among `n` objects, ten to one load balancer. */
static void bench_catalog(size_t n)
{
	const size_t n_more = 10000;
	struct catalog *catalog;
	uint64_t sequence = 0, start, filled;
	size_t looked_at;

	require(catalog_new(&catalog) == 0);
	apply(catalog, prefix(), ++sequence);
	start = now_ns();
	for (size_t i = 0; i < n / 11; i++)
		apply(catalog, lb(i), ++sequence);
	for (size_t i = 0; i < n - n / 11; i++)
		apply(catalog, nic(i, n), ++sequence);
	filled = now_ns();
	take_touched(catalog);
	looked_at = catalog->n_looked_at;
	for (size_t i = n; i < n + n_more; i++) /* into networks that are there */
		apply(catalog, nic(i, n), ++sequence);
	printf("%8zu %12.1f %10.2f %14.2f\n", n, (double)(now_ns() - filled) / (double)n_more / 1e3,
	       (double)(filled - start) / 1e9,
	       (double)(catalog->n_looked_at - looked_at) / (double)n_more);
	catalog_free(catalog);
}

int main(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	bench_pools();
	printf("%8s %12s %10s %14s\n", "objects", "us/apply", "s to fill", "LBs looked at");
	for (size_t n = 100; n <= 100000; n *= 10)
		bench_catalog(n);
	return 0;
}
