/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/journal.h"
#include "base/hash.h"
#include "base/require.h"
#include "tests/fuzz/fuzz.h"

/*
 * Files of agent/recall. The first byte chooses: the bytes are a file as they are, or the contents of
 * records (length 2, flags 1, bytes), whose checksums are made right: no fuzzer finds them by itself.
 * What is read must come back the same when it is written and read again.
 */

#define NET  "default_my-network"
#define HEAD "ilb recall 1\n"

/* As agent/journal.h has it. */
struct front {
	uint64_t checksum, at_ms;
	uint32_t len, flags;
};

static size_t add_record(struct text *text, const uint8_t *bytes, size_t len)
{
	size_t n = (size_t)bytes[0] << 8 | bytes[1];
	struct front front = {.at_ms = 1, .flags = bytes[2]};
	auto_free uint8_t *record = NULL;

	if (n > len - 3)
		n = len - 3;
	front.len = (uint32_t)n;
	record = malloc(sizeof(front) + n);
	require(record);
	memcpy(record, &front, sizeof(front));
	memcpy(record + sizeof(front), bytes + 3, n);
	front.checksum = hash_bytes(record + sizeof(front.checksum),
				    sizeof(front) - sizeof(front.checksum) + n);
	memcpy(record, &front, sizeof(front));
	text_add_bytes(text, record, sizeof(front) + n);
	return 3 + n;
}

static void make_file(struct text *text, const uint8_t *bytes, size_t len)
{
	text_add(text, HEAD);
	while (len > 3) {
		size_t used = add_record(text, bytes, len);

		bytes += used;
		len -= used;
	}
}

static void comes_back(const struct desired *state, uint64_t at_ms)
{
	auto_call(text_deinit) struct text first = {}, second = {};
	auto_call(desired_freep) struct desired *again = NULL;
	uint64_t again_ms;
	size_t good_len;
	struct error err;

	require(journal_pack(state, at_ms, &first) == 0);
	require(journal_read(NET, first.bytes, first.len, &again, &again_ms, &good_len, &err) == 0);
	require(good_len == first.len && again_ms == at_ms);
	require(journal_pack(again, at_ms, &second) == 0);
	require(second.len == first.len && memcmp(second.bytes, first.bytes, first.len) == 0);
}

static void read_file(const void *bytes, size_t len)
{
	auto_call(desired_freep) struct desired *state = NULL;
	struct error err = {};
	size_t good_len = 0;
	uint64_t at_ms = 0;

	if (journal_read(NET, bytes, len, &state, &at_ms, &good_len, &err) < 0) {
		require(err.text[0] && !state);
		return;
	}
	require(good_len <= len && state->snapshot);
	comes_back(state, at_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	auto_call(text_deinit) struct text text = {};

	if (len == 0)
		return 0;
	if (bytes[0] % 2 == 0) {
		read_file(bytes + 1, len - 1);
		return 0;
	}
	make_file(&text, bytes + 1, len - 1);
	read_file(text.bytes, text.len);
	return 0;
}
