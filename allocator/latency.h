/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "monitor/exposition.h"

/*
 * How long what this replica publishes takes until nodes say that they have programmed it: one
 * clock, so no clocks need to agree. Pure. The last LATENCY_MAX changes are remembered, for a minute.
 */

#define LATENCY_MAX       1024
#define LATENCY_FORGET_MS 60000

struct latency {
	struct {
		uint64_t net; /* a hash of its token */
		uint64_t revision, at_ms;
	} items[LATENCY_MAX]; /* a ring */
	unsigned next;
	struct histogram histogram; /* a value for each change and node */
};

void latency_published(struct latency *latency, const char *net, uint64_t revision,
		       uint64_t now_ms);

/* A node said before that it had `before` of the Network, and now that it has `revision`. */
void latency_programmed(struct latency *latency, const char *net, uint64_t before,
			uint64_t revision, uint64_t now_ms);
