/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "messages/bus.h"

/*
 * What happens to objects on this node, told to an allocator: the events of `ilb events`. One of
 * these for each Network, so that one in trouble does not silence the others: NOTES_BURST at once,
 * and one for each NOTES_PAUSE_MS after that. What is beyond is counted and left out.
 */

#define NOTES_BURST    20
#define NOTES_PAUSE_MS 1000

struct notes {
	uint64_t spent_until; /* the burst is back at this time; the loop's clock */
	uint64_t n_said, n_left_out;
};

/* Return: whether another may be said at `now`; then it counts. Pure. */
bool notes_may(struct notes *notes, uint64_t now);

/* Where from and about which Network. All is borrowed. */
struct notes_place {
	struct bus *bus;
	const char *node, *net;
};

/*
 * @now:    the loop's clock.
 * @object: "loadbalancer/web": kind and name of an object in the Network's namespace.
 * @reason: a word for programs, such as "DestinationUnhealthy".
 */
void notes_say(struct notes *notes, const struct notes_place *place, uint64_t now, bool warning,
	       const char *object, const char *reason, const char *sentence);
