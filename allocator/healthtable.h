/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "messages/verdicts.h"

/*
 * What the nodes say about the health of destinations, of all Networks: for status, and for agents
 * that start. Soft state from ilb.v1.health.> alone, and pure: time is handed in.
 */

#define HEALTHTABLE_NETS_MAX     65536
#define HEALTHTABLE_VERDICTS_MAX VERDICTS_MAX /* of all Networks; beyond, no new ones are taken */
#define HEALTHTABLE_KEEP_MS      3600000 /* what a node said is forgotten after such a silence */
#define HEALTHTABLE_PART_MAX     8192    /* verdicts of one message */
#define HEALTHTABLE_PACKED_MS \
	1000 /* what is told to agents that start may be so old: they listen, too */

struct healthtable;

/* @address: of the destination that is healthy or not now; NULL: any of the Network may be. */
typedef void healthtable_fn(void *user, const char *net, const struct address *address);

must_check int healthtable_new(healthtable_fn *on_changed, void *user,
			       struct healthtable **ret_table);
void healthtable_free(struct healthtable *table);
AUTO_DEFINE(struct healthtable, healthtable_free);

/* Return: 0, -ENOMEM, -E2BIG (what it says anew was ignored, at least in part). */
must_check int healthtable_take(struct healthtable *table, const struct health *health,
				uint64_t now);

/* Now and then: forgets nodes that have gone. */
void healthtable_expire(struct healthtable *table, uint64_t now);

/* NULL: nothing was heard. Borrowed until the next change. */
const struct verdicts *healthtable_find(const struct healthtable *table, const char *net);

/*
 * All that is known of the Network, as packed messages `Health`.
 * Return: 0, -ENOMEM (then perhaps not all of them).
 */
typedef void healthtable_say_fn(void *user, const void *bytes, size_t len);
must_check int healthtable_say(struct healthtable *table, const char *net, uint64_t now,
			       healthtable_say_fn *say, void *user);

/* For people and metrics. */
struct healthtable_counts {
	size_t nets, verdicts;
	uint64_t taken; /* messages */
};
struct healthtable_counts healthtable_counts(const struct healthtable *table);
