/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "agent/counting.h"
#include "messages/bus.h"

/*
 * What the LoadBalancers of one Network carry on this node, told to whoever asks for the traffic of
 * its namespace: `ilb top`. docs/wire.md, "Traffic". Questions that come while the kernel thread is
 * being asked get the same answer.
 */
struct top;

#define TOP_WAITING_MAX 16           /* questions of one Network */
#define TOP_ANSWER_MAX  (384 * 1024) /* bytes; what does not fit is counted */

struct top_counters {
	uint64_t n_requests, n_errors;
};

/* All is borrowed. */
struct top_options {
	struct bus *bus;
	struct counting *counting;
	const char *node, *net;
	struct top_counters *counters; /* of the node */
};

/* A namespace that no Network can have is asked for by nobody: *ret_top becomes NULL. */
must_check int top_new(const struct top_options *options, struct top **ret_top, struct error *err);
void top_free(struct top *top); /* before counting_close(); NULL is fine */

/*
 * Writes the answer. Pure, but that it sorts: the busiest first.
 * @at_ms: wall clock (Unix).
 * @only: the name of one LoadBalancer, without namespace; NULL: all.
 */
struct text;
void top_write(struct text *text, const char *node, struct traffic *traffic, const char *only,
	       uint64_t at_ms);
