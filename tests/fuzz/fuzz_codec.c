/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/require.h"
#include "messages/codec.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte chooses the message, the rest is its bytes. What is taken must come back the same
 * when it is packed and unpacked again: packing is canonical.
 */
#define ROUND_TRIP(type)                                                                \
	static void round_trip_##type(const uint8_t *bytes, size_t len)                 \
	{                                                                               \
		auto_call(type##_freep) struct type *first = NULL, *second = NULL;      \
		auto_free void *packed = NULL, *again = NULL;                           \
		size_t packed_len, again_len;                                           \
		struct error err = {};                                                  \
		int r = type##_unpack(bytes, len, &first, &err);                        \
                                                                                        \
		if (r < 0) {                                                            \
			require(r != -ENOMEM);                                          \
			require(err.text[0] != '\0');                                   \
			return;                                                         \
		}                                                                       \
		require(type##_pack(first, &packed, &packed_len) == 0);                 \
		r = type##_unpack(packed, packed_len, &second, &err);                   \
		if (r == -E2BIG) /* shorter now, so it may become less memory */        \
			return;                                                         \
		require(r == 0);                                                        \
		require(type##_pack(second, &again, &again_len) == 0);                  \
		require(again_len == packed_len && !memcmp(again, packed, packed_len)); \
	}

ROUND_TRIP(desired)
ROUND_TRIP(status)
ROUND_TRIP(alive)
ROUND_TRIP(sync)
ROUND_TRIP(health)
ROUND_TRIP(probe)
ROUND_TRIP(note)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const round_trips[])(const uint8_t *bytes, size_t len) = {
		round_trip_desired, round_trip_status, round_trip_alive,
		round_trip_sync,    round_trip_health, round_trip_probe};

	/* Apart: the kept corpus was made when there were six. */
	if (len > 0 && bytes[0] == 'N')
		round_trip_note(bytes + 1, len - 1);
	else if (len > 0)
		round_trips[bytes[0] % 6](bytes + 1, len - 1);
	return 0;
}
