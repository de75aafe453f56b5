/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "tests/support/cmocka.h"

/* The values are on the wire and on disk: a change of them is a change of format. */
static void test_values_never_change(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint64_t hash;
	} rows[] = {
		{"", 0, 0xefd01f60ba992926},     {"a", 1, 0x82a2a958a9bece5b},
		{"web", 3, 0x8b8f9c357cbd25a9},  {"\0", 1, 0xb9034ad37056f5fb},
		{"\0\0", 2, 0xdb01c3104e99566d},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		uint64_t hash = hash_bytes(row->bytes, row->len);

		if (hash != row->hash)
			fail_msg("'%s': %#lx", row->bytes, (unsigned long)hash);
	}
}

/* One bit of input changes about half of the output: 32 +- 10 bits for each of 512. */
static void test_every_bit_counts(void **state)
{
	uint8_t bytes[64] = {};
	uint64_t before = hash_bytes(bytes, sizeof(bytes));

	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int changed = __builtin_popcountll(before ^ hash_bytes(bytes, sizeof(bytes)));

		bytes[bit / 8] = 0;
		if (changed < 10 || changed > 54)
			fail_msg("bit %zu: %d", bit, changed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_never_change),
		cmocka_unit_test(test_every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
