/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "allocator/healthtable.h"
#include "allocator/latency.h"
#include "allocator/networks.h"
#include "messages/bus.h"

/*
 * Desired state on the bus: deltas as Networks change, snapshots and answers to "is this what you
 * have?" when agents ask. docs/wire.md, "Distribution".
 *
 * The replica that committed a change publishes it at once. The others hold the same delta for
 * PUBLISH_HOLD_MS and publish it if nobody was heard doing so: then whoever committed is gone.
 */

#define PUBLISH_HOLD_MS     300
#define PUBLISH_WAIT_MS     300 /* an answer waits so long for the log to come to Ilb-Min-Rev */
#define PUBLISH_WAITING_MAX 8192
#define PUBLISH_HELD_MAX    4096

struct publisher;

/* @healthtable: what agents that start are told beside their snapshot. */
must_check int publisher_new(uv_loop_t *loop, struct bus *bus, struct networks *networks,
			     struct healthtable *healthtable, struct publisher **ret_publisher,
			     struct error *err);
void publisher_free(struct publisher *publisher); /* before bus_close() */

/*
 * The catalog is confirmed as of `sequence`: publishes what changed, and answers who waited.
 * @ours: the changes since the last time are ours to publish.
 */
void publisher_settle(struct publisher *publisher, const struct uuid *epoch, uint64_t sequence,
		      bool ours);
/* As the first one, at load. */
must_check int publisher_load(struct publisher *publisher, const struct uuid *epoch,
			      uint64_t sequence);
/* Something is under way: answers wait for the next settle. */
void publisher_unsettle(struct publisher *publisher);

void publisher_tick(struct publisher *publisher); /* every 100 ms or so */

struct publisher_counters {
	uint64_t deltas, held_published, snapshots, syncs, stale, malformed, refused;
};
struct latency *publisher_latency(struct publisher *publisher); /* of what we publish */
const struct publisher_counters *publisher_counters(const struct publisher *publisher);
