/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a destination is healthy, from the results of its checks, one after the other: nothing
 * but counting, so that it can be tested with every sequence.
 *
 *	unknown   --first result-->                     healthy or unhealthy
 *	trusted   --first success-->                    healthy
 *	trusted   --`fall` failures in a row-->         unhealthy
 *	healthy   --`fall` failures in a row-->         unhealthy
 *	unhealthy --`rise` successes in a row-->        healthy
 *
 * The first result decides by itself: a node whose agent was restarted must not take its
 * destinations out for the time of `rise` checks. But one that was healthy until now, as found by
 * another check or another agent, is trusted: nor does one lost packet take it out.
 *
 * One that flaps is damped: each change costs connections. From the fall number PULSE_FALLS + 1 on it
 * needs twice as many successes to come back, then four times, and no more. PULSE_CALM successes in a
 * row while it is healthy, and its falls are forgotten.
 */
#define PULSE_FALLS 4
#define PULSE_CALM  10

enum pulse_state { PULSE_UNKNOWN, PULSE_TRUSTED, PULSE_HEALTHY, PULSE_UNHEALTHY };

struct pulse {
	enum pulse_state state;
	uint8_t streak; /* results in a row that speak against the state */
	uint8_t calm;   /* successes in a row while healthy */
	uint8_t falls;  /* that are not forgotten */
};

/* Whether it has to wait longer than `rise` says. */
bool pulse_is_damped(const struct pulse *pulse);

/* The next result decides by itself, as the first did; falls are not forgotten. */
void pulse_restart(struct pulse *pulse);

/* Return: whether the state changed. */
bool pulse_beat(struct pulse *pulse, bool success, uint8_t rise, uint8_t fall);
