/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK ((size_t)32 << 10)
#define ALIGN sizeof(void *)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, room;
	_Alignas(max_align_t) char bytes[];
};

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
	size_t room = size > CHUNK ? size : CHUNK;
	struct arena_chunk *chunk = calloc(1, sizeof(*chunk) + room);

	if (!chunk)
		return NULL;
	chunk->room = room;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	void *bytes;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	if (arena->limit && size > arena->limit - arena->used) {
		arena->exceeded = true;
		return NULL;
	}
	if (!chunk || size > chunk->room - chunk->used) {
		chunk = add_chunk(arena, size);
		if (!chunk)
			return NULL;
	}
	bytes = chunk->bytes + chunk->used;
	chunk->used += size;
	arena->used += size;
	return bytes;
}

void *arena_alloc_array(struct arena *arena, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return arena_alloc(arena, bytes);
}

void *arena_alloc_pointers(struct arena *arena, size_t n)
{
	return arena_alloc_array(arena, n, sizeof(void *));
}

void arena_deinit(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	*arena = (struct arena){};
}
