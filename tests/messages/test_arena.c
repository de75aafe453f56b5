/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "messages/arena.h"
#include "tests/support/cmocka.h"

static void test_memory_is_zeroed_aligned_and_apart(void **state)
{
	auto_call(arena_deinit) struct arena arena = {};
	char *pieces[2000];

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		size_t size = 1 + i % 100;

		pieces[i] = arena_alloc(&arena, size);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % sizeof(void *), 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(pieces[i][k], 0);
		memset(pieces[i], (int)(i % 251 + 1), size);
	}
	for (size_t i = 0; i < 2000; i++)
		assert_int_equal((unsigned char)pieces[i][i % 100], i % 251 + 1);
}

static void test_pieces_larger_than_a_chunk(void **state)
{
	auto_call(arena_deinit) struct arena arena = {};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *large = arena_alloc(&arena, 1 << 20);

		assert_non_null(large);
		large[(1 << 20) - 1] = 1;
		assert_non_null(arena_alloc(&arena, 8));
	}
}

static void test_limit_counts_to_the_byte(void **state)
{
	auto_call(arena_deinit) struct arena arena = {.limit = 64};

	(void)state;
	assert_non_null(arena_alloc(&arena, 56));
	assert_null(arena_alloc(&arena, 9));
	assert_true(arena.exceeded);
	arena.exceeded = false;
	assert_non_null(arena_alloc(&arena, 8));
	assert_false(arena.exceeded);
	assert_null(arena_alloc(&arena, 1));
	assert_true(arena.exceeded);
}

static void test_absurd_sizes(void **state)
{
	auto_call(arena_deinit) struct arena arena = {};

	(void)state;
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc_array(&arena, SIZE_MAX / 2, 4));
	assert_null(arena_alloc_pointers(&arena, SIZE_MAX / 4));
	assert_int_equal(arena.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(test_pieces_larger_than_a_chunk),
		cmocka_unit_test(test_limit_counts_to_the_byte),
		cmocka_unit_test(test_absurd_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
