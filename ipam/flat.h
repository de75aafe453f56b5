/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

/*
 * A hash table from keys of two or three words to one word that is not 0, in one array: what a
 * million leases are kept in. (uthash takes 56 bytes an element besides the element.)
 */
struct flat {
	uint64_t *
		words; /* `room` entries of n_key_words + 1 words; the last is the value, 0: empty */
	size_t room;   /* a power of two, or 0 */
	size_t n_entries; /* at most 3/4 of the room */
	unsigned n_key_words;
};

#define FLAT_INIT(key_words)               \
	{                                  \
		.n_key_words = (key_words) \
	}

void flat_deinit(struct flat *flat);

/* Gives a pointer to the value of `key`, valid until the next add or remove; NULL when absent. */
uint64_t *flat_find(const struct flat *flat, const uint64_t *key);

/*
 * Adds `key`, which must be absent, with a value other than 0.
 * Return: 0, -ENOMEM (nothing changed).
 */
must_check int flat_add(struct flat *flat, const uint64_t *key, uint64_t value);

/* Removes what flat_find() gave. */
void flat_remove(struct flat *flat, const uint64_t *value);

/* Memory that it takes. */
size_t flat_size(const struct flat *flat);
