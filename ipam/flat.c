/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/flat.h"

#include <errno.h>
#include <string.h>

#include "base/require.h"

/*
 * Linear probing; removal shifts the followers back, so that there are no tombstones and a table
 * that breathes does not decay. It doubles at 3/4 and never shrinks: what was once needed will be
 * again.
 */

#define FLAT_ROOM_MIN 8

static size_t entry_words(const struct flat *flat)
{
	return flat->n_key_words + 1U;
}

static uint64_t *entry_at(const struct flat *flat, size_t i)
{
	return flat->words + i * entry_words(flat);
}

static uint64_t value_at(const struct flat *flat, size_t i)
{
	return entry_at(flat, i)[flat->n_key_words];
}

/* The finisher of SplitMix64, over each word. */
static size_t home_of(const struct flat *flat, const uint64_t *key)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < flat->n_key_words; i++) {
		h = (h ^ key[i]) + 0x9e3779b97f4a7c15ULL;
		h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
		h ^= h >> 29;
	}
	return (size_t)h & (flat->room - 1);
}

/* Where `key` is, or the empty place where it belongs. */
static size_t place_of(const struct flat *flat, const uint64_t *key)
{
	size_t i = home_of(flat, key);

	while (value_at(flat, i) &&
	       memcmp(entry_at(flat, i), key, flat->n_key_words * sizeof(*key)) != 0)
		i = (i + 1) & (flat->room - 1);
	return i;
}

static void put_at(struct flat *flat, size_t i, const uint64_t *key, uint64_t value)
{
	memcpy(entry_at(flat, i), key, flat->n_key_words * sizeof(*key));
	entry_at(flat, i)[flat->n_key_words] = value;
}

static int make_room(struct flat *flat)
{
	struct flat grown = *flat;

	if (flat->room && flat->n_entries < flat->room / 4 * 3)
		return 0;
	grown.room = flat->room ? 2 * flat->room : FLAT_ROOM_MIN;
	grown.words = calloc(grown.room, entry_words(flat) * sizeof(*grown.words));
	if (!grown.words)
		return -ENOMEM;
	for (size_t i = 0; i < flat->room; i++) {
		const uint64_t *entry = entry_at(flat, i);

		if (entry[flat->n_key_words])
			put_at(&grown, place_of(&grown, entry), entry, entry[flat->n_key_words]);
	}
	free(flat->words);
	*flat = grown;
	return 0;
}

void flat_deinit(struct flat *flat)
{
	free(flat->words);
	*flat = (struct flat)FLAT_INIT(flat->n_key_words);
}

uint64_t *flat_find(const struct flat *flat, const uint64_t *key)
{
	size_t i;

	if (!flat->n_entries)
		return NULL;
	i = place_of(flat, key);
	return value_at(flat, i) ? entry_at(flat, i) + flat->n_key_words : NULL;
}

int flat_add(struct flat *flat, const uint64_t *key, uint64_t value)
{
	size_t i;

	require(value);
	if (make_room(flat) < 0)
		return -ENOMEM;
	i = place_of(flat, key);
	require(!value_at(flat, i));
	put_at(flat, i, key, value);
	flat->n_entries++;
	return 0;
}

void flat_remove(struct flat *flat, const uint64_t *value)
{
	size_t mask = flat->room - 1;
	size_t hole = (size_t)(value - flat->words) / entry_words(flat);

	for (size_t i = (hole + 1) & mask; value_at(flat, i); i = (i + 1) & mask) {
		size_t home = home_of(flat, entry_at(flat, i));

		/* It may move back unless its home lies behind the hole. */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		put_at(flat, hole, entry_at(flat, i), value_at(flat, i));
		hole = i;
	}
	entry_at(flat, hole)[flat->n_key_words] = 0;
	flat->n_entries--;
}

size_t flat_size(const struct flat *flat)
{
	return flat->room * entry_words(flat) * sizeof(*flat->words);
}
