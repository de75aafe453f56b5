/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "ipam/catalog.h"

/*
 * Changes that were made to the catalog before the store has confirmed them, with what is to be
 * stored for each and the way back.
 */
struct edit {
	char *key;
	char *bytes; /* the record; for a removal, who it was */
	size_t len;
	bool removes;
	struct object *old; /* the version before; NULL: the object is new */
};

struct batch {
	struct edit *edits;
	size_t n_edits;
};

/* Forgets the way back; the catalog stays as it is. */
void batch_deinit(struct batch *batch);

/*
 * Puts `object` into the catalog, as of `sequence`, where the store is to keep it.
 * Takes the object in any case. Return: 0, -ENOMEM (the catalog is as it was).
 */
must_check int batch_put(struct batch *batch, struct catalog *catalog, struct object *object,
			 uint64_t sequence);

/* Takes the object of that key out. Return: 0, -ENOENT, -ENOMEM (the catalog is as it was). */
must_check int batch_remove(struct batch *batch, struct catalog *catalog, const char *key);

/* Takes back all edits but the first `n_keep`, the last one first. */
void batch_undo(struct batch *batch, struct catalog *catalog, size_t n_keep);
