/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "allocator/world.h"

/*
 * Listens to what nodes say about the health of destinations, has others ask about those that are
 * silent, and tells the agents who is dead. docs/health.md.
 */
struct sentinel;

/* A message was refused. */
typedef void sentinel_fault_fn(void *user, const struct bus_message *message, const char *sentence);

/* `world` needs no more than bus, catalog, roster, healthtable and mirror. */
must_check int sentinel_new(struct world *world, sentinel_fault_fn *on_fault, void *user,
			    struct sentinel **ret_sentinel, struct error *err);
void sentinel_free(struct sentinel *sentinel); /* before bus_close() */

/* What time brings about. Every 100 ms or so. */
void sentinel_tick(struct sentinel *sentinel, const struct roster_time *time);
