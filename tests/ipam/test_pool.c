/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "ipam/pool.h"
#include "tests/support/cmocka.h"

static struct cidr cidr(const char *text)
{
	struct cidr value;

	if (cidr_parse(text, &value) < 0)
		fail_msg("not a prefix: %s", text);
	return value;
}

static struct pool *pool_of(const char *text)
{
	struct cidr block = cidr(text);
	struct pool *pool;

	assert_int_equal(pool_new(&block, &pool), 0);
	return pool;
}

/* Does what a word says: "/28" takes the best fit, "=10.0.0.1/32" exactly that. Gives the result. */
static void answer(struct pool *pool, const char *word, char text[static CIDR_TEXT_MAX])
{
	struct cidr block;
	uint64_t len;

	(void)snprintf(text, CIDR_TEXT_MAX, "NONE");
	if (*word == '=') {
		block = cidr(word + 1);
	} else {
		assert_int_equal(text_parse_u64(word + 1, 128, &len), 0);
		if (!pool_find(pool, (unsigned)len, &block))
			return;
	}
	if (pool_take(pool, &block) == 0)
		cidr_format(&block, text);
}

/* The executed vectors of the reference, section 2.4. */
static void test_reference_vectors(void **state)
{
	static const struct {
		const char *name, *parent, *used[4], *words[10], *results[10];
	} rows[] = {
		{"V1",
		 "10.0.0.0/24",
		 {},
		 {"/32", "/32", "/32"},
		 {"10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32"}},
		{"V2",
		 "10.0.0.0/30",
		 {},
		 {"/32", "/32", "/32", "/32", "/32"},
		 {"10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "NONE"}},
		{"V3",
		 "10.0.0.0/31",
		 {},
		 {"/32", "/32", "/32"},
		 {"10.0.0.0/32", "10.0.0.1/32", "NONE"}},
		{"V4",
		 "10.0.0.0/24",
		 {},
		 {"/28", "/32", "/28", "/32"},
		 {"10.0.0.0/28", "10.0.0.16/32", "10.0.0.32/28", "10.0.0.17/32"}},
		{"V5",
		 "10.0.0.0/24",
		 {"10.0.0.0/32", "10.0.0.128/25"},
		 {"/32", "/32", "/32"},
		 {"10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"}},
		{"V7",
		 "10.0.0.0/29",
		 {"10.0.0.0/32", "10.0.0.1/32", "10.0.0.3/32", "10.0.0.4/30"},
		 {"/32", "/32"},
		 {"10.0.0.2/32", "NONE"}},
		{"V11",
		 "10.0.0.0/24",
		 {},
		 {"=10.0.0.1/32", "/32", "/32", "/32"},
		 {"10.0.0.1/32", "10.0.0.0/32", "10.0.0.2/32", "10.0.0.3/32"}},
		{"V12",
		 "10.0.0.0/24",
		 {},
		 {"=10.0.0.1/32", "=10.0.0.1/32"},
		 {"10.0.0.1/32", "NONE"}},
		{"V13", "10.0.0.0/24", {}, {"=10.0.1.1/32"}, {"NONE"}},
		{"V16", "10.0.0.0/24", {}, {"/8"}, {"NONE"}},
		{"V17 (of the pool; decisions refuse it)",
		 "10.0.0.0/24",
		 {},
		 {"/24", "/32"},
		 {"10.0.0.0/24", "NONE"}},
		{"V18",
		 "2001:db8::/64",
		 {},
		 {"/128", "/128", "/128"},
		 {"2001:db8::/128", "2001:db8::1/128", "2001:db8::2/128"}},
		{"V19",
		 "2001:db8::/64",
		 {"2001:db8::1/128"},
		 {"/128", "/128", "/128"},
		 {"2001:db8::/128", "2001:db8::2/128", "2001:db8::3/128"}},
		{"V21", "10.0.0.1/24", {}, {"/32", "/32"}, {"10.0.0.0/32", "10.0.0.1/32"}},
		{"V23",
		 "10.0.0.0/29",
		 {},
		 {"/32", "/32", "/32", "/32", "/32", "/32", "/32", "/32", "/32"},
		 {"10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32",
		  "10.0.0.5/32", "10.0.0.6/32", "10.0.0.7/32", "NONE"}},
		{"all of IPv4",
		 "0.0.0.0/0",
		 {},
		 {"/1", "/1", "/32"},
		 {"0.0.0.0/1", "128.0.0.0/1", "NONE"}},
		{"all of IPv6", "::/0", {}, {"/128", "/1", "/0"}, {"::/128", "8000::/1", "NONE"}},
		{"one address", "::1/128", {}, {"/128", "/128"}, {"::1/128", "NONE"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_call(pool_freep) struct pool *pool = pool_of(rows[i].parent);

		for (size_t k = 0; k < ARRAY_SIZE(rows[i].used) && rows[i].used[k]; k++) {
			struct cidr used = cidr(rows[i].used[k]);

			assert_int_equal(pool_take(pool, &used), 0);
		}
		for (size_t k = 0; k < ARRAY_SIZE(rows[i].words) && rows[i].words[k]; k++) {
			char text[CIDR_TEXT_MAX];

			answer(pool, rows[i].words[k], text);
			if (strcmp(text, rows[i].results[k]) != 0)
				fail_msg("%s, step %zu, %s: %s instead of %s", rows[i].name, k,
					 rows[i].words[k], text, rows[i].results[k]);
		}
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *name, *word;
		int r;
	} rows[] = {
		{"take what is taken", "+10.0.0.0/26", -EBUSY},
		{"take around what is taken", "+10.0.0.0/25", -EBUSY},
		{"take inside what is taken", "+10.0.0.7/32", -EBUSY},
		{"take outside", "+10.0.1.0/26", -ERANGE},
		{"take more than all", "+10.0.0.0/23", -ERANGE},
		{"take another family", "+2001:db8::/64", -ERANGE},
		{"release what is free", "-10.0.0.64/26", -EINVAL},
		{"release what is partly free", "-10.0.0.0/25", -EINVAL},
		{"release outside", "-10.0.1.0/26", -ERANGE},
	};
	auto_call(pool_freep) struct pool *pool = pool_of("10.0.0.0/24");
	struct cidr taken = cidr("10.0.0.0/26");

	(void)state;
	assert_int_equal(pool_take(pool, &taken), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cidr block = cidr(rows[i].word + 1);
		int r = *rows[i].word == '+' ? pool_take(pool, &block) : pool_release(pool, &block);

		if (r != rows[i].r || pool_n_used(pool) != 64)
			fail_msg("%s: %d instead of %d", rows[i].name, r, rows[i].r);
	}
	assert_int_equal(pool_release(pool, &taken), 0);
	assert_int_equal(pool_largest_free(pool), 24);
	assert_true(pool_n_free(pool) == 256);
}

/* Everything given back, in whatever order, leaves the pool as it was, in memory too. */
static void test_all_taken_and_given_back(void **state)
{
	auto_call(pool_freep) struct pool *pool = pool_of("2001:db8::/112");
	struct cidr block;

	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		assert_true(pool_find(pool, 128, &block));
		assert_int_equal(pool_take(pool, &block), 0);
	}
	assert_true(pool_is_full(pool) && pool_n_free(pool) == 0);
	for (unsigned i = 0; i < 65536; i++) {
		unsigned n = i * 40503U % 65536; /* odd: each once */

		block.address.bytes[14] = (uint8_t)(n >> 8);
		block.address.bytes[15] = (uint8_t)n;
		assert_int_equal(pool_release(pool, &block), 0);
	}
	assert_int_equal(pool_largest_free(pool), 112);
	assert_true(pool_n_used(pool) == 0);
}

/*
 * The naive pool: a bit an address. Best fit by looking at all aligned blocks, largest lengths
 * first.
 */
#define BITS 7U

struct naive {
	bool taken[1U << BITS];
};

static bool naive_is_free(const struct naive *naive, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		if (naive->taken[i])
			return false;
	}
	return true;
}

/* Free, and not part of a larger aligned block that is free. */
static bool naive_is_maximal(const struct naive *naive, unsigned first, unsigned depth)
{
	unsigned n = 1U << (BITS - depth);

	return naive_is_free(naive, first, n) &&
	       (depth == 0 || !naive_is_free(naive, first & ~(2 * n - 1), 2 * n));
}

static int naive_find(const struct naive *naive, unsigned depth)
{
	for (int d = (int)depth; d >= 0; d--) {
		unsigned n = 1U << (BITS - (unsigned)d);

		for (unsigned first = 0; first < 1U << BITS; first += n) {
			if (naive_is_maximal(naive, first, (unsigned)d))
				return (int)first;
		}
	}
	return -1;
}

static void naive_mark(struct naive *naive, unsigned first, unsigned n, bool taken)
{
	for (unsigned i = first; i < first + n; i++)
		naive->taken[i] = taken;
}

static unsigned naive_n_taken(const struct naive *naive)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 1U << BITS; i++)
		n += naive->taken[i];
	return n;
}

static uint64_t seed_of_run(uint64_t otherwise)
{
	const char *text = getenv("ILB_TEST_SEED");
	uint64_t seed = otherwise;

	if (text && text_parse_u64(text, UINT64_MAX, &seed) < 0)
		fail_msg("ILB_TEST_SEED is not a number: %s", text);
	return seed;
}

static uint64_t roll(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ULL; /* SplitMix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void step(struct pool *pool, struct naive *naive, const struct cidr *whole, uint64_t dice)
{
	unsigned depth = (unsigned)(dice >> 8) % (BITS + 1), n = 1U << (BITS - depth);
	unsigned first = (unsigned)(dice >> 16) % (1U << BITS) & ~(n - 1);
	struct cidr block = {.address = wide_to_address(wide_from_address(&whole->address) + first,
							whole->address.family),
			     .len = (uint8_t)(whole->len + depth)};
	bool is_free = naive_is_free(naive, first, n);
	unsigned taken = 0;
	struct cidr found;
	int expected;

	assert_int_equal(pool_is_free(pool, &block), is_free);
	for (unsigned i = first; i < first + n; i++)
		taken += naive->taken[i];
	switch (dice % 4) {
	case 0:
		assert_int_equal(pool_take(pool, &block), is_free ? 0 : -EBUSY);
		if (is_free)
			naive_mark(naive, first, n, true);
		break;
	case 1:
		expected = naive_find(naive, depth);
		assert_int_equal(pool_find(pool, block.len, &found), expected >= 0);
		if (expected < 0)
			break;
		assert_true(wide_from_address(&found.address) -
				    wide_from_address(&whole->address) ==
			    (unsigned)expected);
		assert_int_equal(pool_take(pool, &found), 0);
		naive_mark(naive, (unsigned)expected, n, true);
		break;
	default:
		assert_int_equal(pool_release(pool, &block), taken == n ? 0 : -EINVAL);
		if (taken == n)
			naive_mark(naive, first, n, false);
	}
	assert_true(pool_n_used(pool) == naive_n_taken(naive));
}

static void run_against_naive(const char *text, uint64_t seed, unsigned n_steps)
{
	struct cidr whole = cidr(text);
	auto_call(pool_freep) struct pool *pool = pool_of(text);
	struct naive naive = {};

	print_message("%s: seed %llu, %u steps\n", text, (unsigned long long)seed, n_steps);
	for (unsigned i = 0; i < n_steps; i++)
		step(pool, &naive, &whole, roll(&seed));
}

static void test_against_naive(void **state)
{
	uint64_t seed = seed_of_run(4711);

	(void)state;
	run_against_naive("10.0.0.128/25", seed, 500000);
	run_against_naive("2001:db8::ff80/121", seed + 1, 500000);
	run_against_naive("255.255.255.128/25", seed + 2, 100000);
	run_against_naive("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff80/121", seed + 3, 100000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_vectors),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_all_taken_and_given_back),
		cmocka_unit_test(test_against_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
