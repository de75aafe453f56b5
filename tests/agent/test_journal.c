/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/journal.h"
#include "base/array.h"
#include "tests/agent/make.h"
#include "tests/support/cmocka.h"

/* Appends what would be written; frees `change`. */
static void write_change(struct text *file, struct desired *change, uint64_t at_ms)
{
	assert_int_equal(journal_pack(change, at_ms, file), 0);
	desired_free(change);
}

/* What is read back, as make_text() with the revision before it; "" when there is nothing. */
static const char *read_back(const void *bytes, size_t len, uint64_t *ret_at_ms,
			     size_t *ret_good_len)
{
	static char text[8192];
	struct desired *state = NULL;

	text[0] = '\0';
	if (journal_read("default_net", bytes, len, &state, ret_at_ms, ret_good_len, NULL) < 0)
		return text;
	assert_true(state->snapshot);
	(void)snprintf(text, sizeof(text), "%" PRIu64 ":%s", state->revision, make_text(state));
	desired_free(state);
	return text;
}

static void test_snapshot_and_changes(void **state)
{
	auto_call(text_deinit) struct text file = {};
	uint64_t at_ms;
	size_t good_len;

	(void)state;
	write_change(&file, make_part(1, 5, "ab", 1, 1), 1000);
	assert_string_equal(read_back(file.bytes, file.len, &at_ms, &good_len), "5:a5b5");
	assert_int_equal(at_ms, 1000);
	assert_int_equal(good_len, file.len);
	write_change(&file, make_delta(1, 5, 7, "c-a"), 2000);
	write_change(&file, make_delta(1, 7, 8, "b"), 3000);
	assert_string_equal(read_back(file.bytes, file.len, &at_ms, &good_len), "8:b8c7");
	assert_int_equal(at_ms, 3000);
	assert_int_equal(good_len, file.len);
}

/* Cut at every byte: always what was whole before, never anything else. */
static void test_torn_anywhere(void **state)
{
	auto_call(text_deinit) struct text file = {};
	const char *const wholes[] = {"", "5:a5b5", "6:a5b5c6", "7:a7c6"};
	size_t lens[4] = {};

	(void)state;
	write_change(&file, make_part(1, 5, "ab", 1, 1), 1);
	lens[1] = file.len;
	write_change(&file, make_delta(1, 5, 6, "c"), 2);
	lens[2] = file.len;
	write_change(&file, make_delta(1, 6, 7, "a-b"), 3);
	lens[3] = file.len;
	for (size_t len = 0; len <= file.len; len++) {
		size_t whole = 3, good_len = 0;
		uint64_t at_ms;

		while (len < lens[whole])
			whole--;
		assert_string_equal(read_back(file.bytes, len, &at_ms, &good_len), wholes[whole]);
		assert_int_equal(good_len, lens[whole]);
	}
}

/* Every byte turned over: the checksum or the head finds it, what stands before is good. */
static void test_rotten_anywhere(void **state)
{
	auto_call(text_deinit) struct text file = {};
	size_t snapshot_len;

	(void)state;
	write_change(&file, make_part(1, 5, "ab", 1, 1), 1);
	snapshot_len = file.len;
	write_change(&file, make_delta(1, 5, 6, "c"), 2);
	for (size_t i = 0; i < file.len; i++) {
		size_t good_len;
		uint64_t at_ms;

		file.bytes[i] ^= 0x20;
		assert_string_equal(read_back(file.bytes, file.len, &at_ms, &good_len),
				    i < snapshot_len ? "" : "5:a5b5");
		file.bytes[i] ^= 0x20;
	}
}

static void test_what_does_not_follow(void **state)
{
	uint64_t at_ms;
	size_t good_len;
	struct desired *const others[] = {
		make_delta(1, 6, 7, "c"), /* a gap */
		make_delta(1, 3, 4, "c"), /* older */
		make_delta(2, 5, 6, "c"), /* another store's */
		make_part(1, 6, "c", 1, 1),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		auto_call(text_deinit) struct text file = {};

		print_message("  case %zu\n", i);
		write_change(&file, make_part(1, 5, "ab", 1, 1), 1);
		write_change(&file, others[i], 2);
		assert_string_equal(read_back(file.bytes, file.len, &at_ms, &good_len), "5:a5b5");
	}
}

static void test_other_networks_file(void **state)
{
	auto_call(text_deinit) struct text file = {};
	struct desired *snapshot = make_part(1, 5, "ab", 1, 1);
	uint64_t at_ms;
	size_t good_len;

	(void)state;
	free(snapshot->net);
	snapshot->net = strdup("default_other");
	write_change(&file, snapshot, 1);
	assert_string_equal(read_back(file.bytes, file.len, &at_ms, &good_len), "");
}

/* More than one record each: a change in several counts only when its last one is there. */
static void test_large(void **state)
{
	auto_call(text_deinit) struct text file = {};
	struct desired *snapshot = make_part(1, 5, "", 1, 1), *change = make_delta(1, 5, 6, "");
	struct desired *read;
	uint64_t at_ms;
	size_t good_len, snapshot_len;
	enum { N_LBS = 40, N_DESTINATIONS = 2000 };

	(void)state;
	for (int i = 0; i < 2 * N_LBS; i++) {
		struct desired *into = i < N_LBS ? snapshot : change;
		struct desired_lb **lb = ARRAY_ADD(into->lbs, into->n_lbs);

		*lb = make_lb('a', 1);
		(*lb)->uid.bytes[1] = (uint8_t)i;
		(*lb)->destinations = calloc(N_DESTINATIONS, sizeof(struct desired_destination));
		for (; (*lb)->n_destinations < N_DESTINATIONS; (*lb)->n_destinations++)
			(*lb)->destinations[(*lb)->n_destinations] = (struct desired_destination){
				.address = {FAMILY_IPV4,
					    {10, 1, (uint8_t)((*lb)->n_destinations >> 8),
					     (uint8_t)(*lb)->n_destinations}},
				.weight = 1,
			};
	}
	write_change(&file, snapshot, 1);
	snapshot_len = file.len;
	write_change(&file, change, 2);
	assert_true(file.len - snapshot_len > 2 * (256U << 10));
	assert_int_equal(
		journal_read("default_net", file.bytes, file.len, &read, &at_ms, &good_len, NULL),
		0);
	assert_int_equal(read->n_lbs, 2 * N_LBS);
	desired_free(read);
	assert_int_equal(journal_read("default_net", file.bytes, file.len - 1, &read, &at_ms,
				      &good_len, NULL),
			 0);
	assert_int_equal(read->n_lbs, N_LBS);
	assert_int_equal(good_len, snapshot_len);
	desired_free(read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot_and_changes),
		cmocka_unit_test(test_torn_anywhere),
		cmocka_unit_test(test_rotten_anywhere),
		cmocka_unit_test(test_what_does_not_follow),
		cmocka_unit_test(test_other_networks_file),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
