/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <time.h>
#include <uv.h>

#include "allocator/networks.h"
#include "allocator/roster.h"
#include "allocator/store.h"
#include "ipam/catalog.h"
#include "ipam/destinations.h"
#include "messages/bus.h"

/*
 * What the parts of the allocator that act on events stand on. Owned by allocator.c, borrowed by
 * everyone else, whole once the allocator runs.
 */
struct mirror;
struct events;
struct journal;
struct healthtable;

struct world {
	uv_loop_t *loop;
	struct bus *bus;
	struct catalog *catalog;
	struct networks *networks;
	struct roster *roster;
	struct healthtable *healthtable;
	struct store *store;
	struct mirror *mirror;
	struct events *events;
	struct journal *journal;
	char id[9]; /* of this replica, random */
};

/*
 * The catalog was changed by the record at `sequence` (0: something was taken back): hands on which
 * LoadBalancers that touches.
 */
void world_touch(struct world *world, uint64_t sequence);

/* What the nodes of a Network should have, to hold against what they say. */
struct roster_truth world_truth(const struct world *world, const char *token);

/* What is heard of health in a Network. */
struct destinations_health world_health(const struct world *world, const char *token);

struct roster_time world_time(const struct world *world);
int64_t world_unix_ms(void);
