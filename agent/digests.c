/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/digests.h"

#include <string.h>

#include "base/array.h"
#include "messages/codec.h"

void digests_deinit(struct digests *digests)
{
	free(digests->entries);
	*digests = (struct digests){};
}

/* Where `uid` is, or where it would have to be. */
static size_t place_of(const struct digests *digests, const struct uuid *uid)
{
	size_t low = 0, high = digests->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (uuid_compare(&digests->entries[middle].uid, uid) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct digests *digests, size_t place, const struct uuid *uid)
{
	return place < digests->n_entries && uuid_compare(&digests->entries[place].uid, uid) == 0;
}

static int open_place(struct digests *digests, size_t place)
{
	size_t n_behind = digests->n_entries - place;

	if (!ARRAY_ADD(digests->entries, digests->n_entries))
		return -ENOMEM;
	memmove(&digests->entries[place + 1], &digests->entries[place],
		n_behind * sizeof(digests->entries[0]));
	digests->entries[place] = (struct digest){};
	return 0;
}

int digests_put(struct digests *digests, const struct desired_lb *lb)
{
	size_t place = place_of(digests, &lb->uid);
	uint64_t value;
	int r;

	r = codec_digest(lb, &value);
	if (r < 0)
		return r;
	if (!is_at(digests, place, &lb->uid)) {
		r = open_place(digests, place);
		if (r < 0)
			return r;
	}
	digests->sum += value - digests->entries[place].value;
	digests->entries[place] = (struct digest){lb->uid, value};
	return 0;
}

void digests_remove(struct digests *digests, const struct uuid *uid)
{
	size_t place = place_of(digests, uid);

	if (!is_at(digests, place, uid))
		return;
	digests->sum -= digests->entries[place].value;
	digests->n_entries--;
	memmove(&digests->entries[place], &digests->entries[place + 1],
		(digests->n_entries - place) * sizeof(digests->entries[0]));
}
