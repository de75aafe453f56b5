/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a destination is healthy, from the results of its checks, one after the other: nothing
 * but counting, so that it can be tested with every sequence.
 *
 *	unknown   --first result-->                     healthy or unhealthy
 *	healthy   --`fall` failures in a row-->         unhealthy
 *	unhealthy --`rise` successes in a row-->        healthy
 *
 * The first result decides by itself: a node whose agent was restarted must not take its
 * destinations out for the time of `rise` checks.
 */
enum pulse_state { PULSE_UNKNOWN, PULSE_HEALTHY, PULSE_UNHEALTHY };

struct pulse {
	enum pulse_state state;
	uint8_t streak; /* results in a row that speak against the state */
};

/* Return: whether the state changed. */
bool pulse_beat(struct pulse *pulse, bool success, uint8_t rise, uint8_t fall);
