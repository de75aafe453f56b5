/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/simulation/cluster.h"

/*
 * Compares what the kernels were told with the truth: each destination that a node takes out while
 * it answers is a mistake, and of each that does not answer it is noted when it was taken out.
 */

/* How long after something happened: one for each node that should know. */
struct delays {
	uint32_t *ms;
	size_t n;
	size_t n_missed; /* those that did not know in the end */
};

struct findings {
	struct delays by_probes; /* out: of machines whose node lost power */
	struct delays by_checks; /* out: of others that do not answer */
	struct delays back;      /* in again, after it answers again */
	size_t n_mistakes;       /* taken out, and it answered all the time */
	size_t n_forgotten;      /* answers for long, and is out still */
};
extern struct findings findings;

void watch_begin(void);
void watch_end(void); /* frees what was found */

/* What the node's kernel is told now. */
void watch_seat(struct seat *seat, const struct desired_lb *lb);
/* The node lost power: its kernel knows nothing any more. */
void watch_forget(struct seat *seat);
/* What nobody has noticed until now is missed. */
void watch_conclude(void);

/* @percent: 0..100; of the delays so far, in ms, 0 without any. Those missed do not count. */
uint32_t delays_percentile(const struct delays *delays, unsigned percent);
