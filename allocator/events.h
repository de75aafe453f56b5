/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "allocator/world.h"
#include "base/error.h"

/*
 * A change of an object, told to whoever watches: {"type": "ADDED", "object": {...}}, with the header
 * Ilb-Rev. docs/wire.md, "Events".
 *
 * The replica that committed a change tells of it at once. The others hold it for EVENTS_HOLD_MS and
 * tell of it themselves if nobody was heard doing so: each change of an object is told at least
 * once, as long as one replica that read it lives. Of several held changes of one object the last
 * is told, but a DELETED always.
 */

#define EVENTS_HOLD_MS  300
#define EVENTS_HELD_MAX 65536 /* beyond: not held */

struct events;

must_check int events_new(struct world *world, struct events **ret_events, struct error *err);
void events_free(struct events *events); /* before the mirror and bus_close() */

/* A record is in the log. @old, @new: NULL where there is none; one of them is there. */
void events_record(struct events *events, uint64_t sequence, bool ours, const struct object *old,
		   const struct object *new);

/* The status of an object is another one: a MODIFIED without Ilb-Rev. */
void events_status(struct events *events, const struct object *object);

/* Tells of what was held long enough. Only while the catalog is settled. */
void events_work(struct events *events);
