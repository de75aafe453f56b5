/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "messages/desired.h"

/*
 * Changes that wait: for a snapshot, or for one that is missing between them and the state. In order
 * of revision, each once; for reconcile.c.
 */
#define DELTAS_MAX 512

struct deltas {
	struct desired **items;
	size_t n_items;
};

void deltas_drop(struct deltas *deltas); /* all of them; it can be used again */

/* Return: 0 (taken), -EEXIST (it is there already), -ENOBUFS (there are DELTAS_MAX), -ENOMEM. */
must_check int deltas_add(struct deltas *deltas, struct desired *delta);

/* The oldest; NULL: none. `take` gives it to the caller. */
struct desired *deltas_first(const struct deltas *deltas);
struct desired *deltas_take_first(struct deltas *deltas);

/*
 * Drops those of other epochs than `kept`.
 * Return: whether any was of another than `known`, too.
 */
bool deltas_keep_epoch(struct deltas *deltas, const struct uuid *kept, const struct uuid *known);
