/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

/*
 * Memory that is given back all at once, with an upper bound: what a message is unpacked into, so
 * that a small hostile message cannot grow into much memory.
 */
struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used;   /* bytes given out */
	size_t limit;  /* bytes that may be given out; 0: no limit */
	bool exceeded; /* an allocation was refused because of the limit */
};

/* Zeroed and aligned for pointers. Return: NULL when over the limit or without memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* The same for `n` elements of `size` bytes; also NULL when that is more than a size_t. */
void *arena_alloc_array(struct arena *arena, size_t n, size_t size);
void *arena_alloc_pointers(struct arena *arena, size_t n);

void arena_deinit(struct arena *arena); /* everything that it gave out is gone */
