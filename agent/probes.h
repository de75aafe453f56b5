/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "agent/attempt.h"
#include "messages/bus.h"

/*
 * Questions of allocators: does anything of a node that is silent answer us? Each is a handful of
 * TCP connections, and one answer when all have come to an end. A refused connection is a sign of
 * life like an accepted one. One that comes to nothing counts only when it went out from an address
 * that replies find the way back to, and when something on a third node answers us, where there is
 * any: else it is our side that cannot tell.
 * Source: Lifeguard (Dadgar, Phillips, Currey 2017), for doubting oneself first.
 */
#define PROBES_TARGETS_MAX  8
#define PROBES_CONTROLS_MAX 3 /* on third nodes */
#define PROBES_TIMEOUT_S    1
#define PROBES_ROUNDS_MAX   64 /* at a time, in one Network; further questions go unanswered */

struct round;

struct probes {
	struct bus *bus;
	struct attempts *attempts;
	const char *net;
	struct round *rounds;
	unsigned n_rounds;
};

struct probe_target {
	struct address address;
	uint16_t port;
	bool control; /* on a third node */
};

/*
 * @node: the silent one. @reply: where the answer goes, copied.
 * @targets: at most PROBES_TARGETS_MAX, and PROBES_CONTROLS_MAX controls; further ones are left out.
 * Return: 0, -ENOBUFS, -ENOMEM.
 */
must_check int probes_start(struct probes *probes, const char *node, const char *reply,
			    const struct probe_target *targets, size_t n_targets);
void probes_deinit(struct probes *probes); /* what is under way goes unanswered */
