/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "messages/desired.h"

/*
 * LoadBalancers for tests: random ones, and ones written down in a few lines.
 */

/*
 * Reads one from text, a line each; blank lines and '#' comments are skipped:
 *	name default/web
 *	number 1
 *	size 64                             slots; the smallest fitting size when left out
 *	vip 10.0.0.1
 *	port TCP 80                         or "TCP 8000-8100", or "TCP 80 to 8080"
 *	destination 10.1.0.1                or "... weight 2 node n1", in any order
 *	source 10.0.0.0/8
 *	affinity ClientIP
 *	drain 30
 * Destinations and ports are sorted as desired state wants them. Fails the test on a line that it
 * cannot read. The caller frees it.
 */
struct desired_lb *some_lb_parse(const char *text);

/* A random stream: the same seed, the same LoadBalancers. */
struct some {
	uint64_t state;
};

uint32_t some_number(struct some *some, uint32_t below);

/*
 * A random LoadBalancer: one or two VIPs, up to `max` destinations and ports, now and then none.
 * LoadBalancers of different numbers have different VIPs.
 */
struct desired_lb *some_lb(struct some *some, uint32_t number, uint32_t max);

/* Changes one to three things about it. */
void some_change(struct some *some, struct desired_lb *lb, uint32_t max);
