/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "allocator/journal.h"
#include "allocator/world.h"

/*
 * What agents tell of objects, for the journal. A node speaks for itself, of Networks that it hosts;
 * a replica of all hears each note.
 */

/* Notes of all nodes: so many at once, and so many a second after that; the rest is left out. */
#define NOTES_BURST 2000
#define NOTES_PER_S 200
/*
 * A note may come before the heartbeat that says that its node hosts the Network, or we may just
 * have started: it waits so long for that, and so many wait.
 */
#define NOTES_WAIT_MS  3000
#define NOTES_HELD_MAX 64

struct notes;

/* @entry: borrowed. */
typedef void notes_fn(void *user, const struct journal_entry *entry);

/* `world` needs no more than loop, bus and roster. */
must_check int notes_new(struct world *world, notes_fn *tell, void *user, struct notes **ret_notes,
			 struct error *err);
void notes_free(struct notes *notes); /* before bus_close(); NULL is fine */
AUTO_DEFINE(struct notes, notes_free);
void notes_tick(struct notes *notes); /* every 100 ms or so */
