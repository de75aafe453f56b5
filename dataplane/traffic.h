/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/auto.h"

/*
 * What the LoadBalancers of one Network's namespace carry: figures that only grow, but for those
 * called live. A snapshot, made by dataplane/accounting.
 */

enum traffic_direction { TRAFFIC_ORIGINAL, TRAFFIC_REPLY, TRAFFIC_N_DIRECTIONS };

struct traffic_sum {
	uint64_t packets, bytes; /* bytes of IP packets, headers included */
};

struct traffic_destination {
	struct address address;
	uint64_t live; /* connections that conntrack has now */
	struct traffic_sum sums[TRAFFIC_N_DIRECTIONS];
};

struct traffic_lb {
	char *name;           /* "namespace/name" */
	uint64_t connections; /* that were begun */
	uint64_t live;        /* that conntrack has now; where `has_live` */
	struct traffic_sum sums[TRAFFIC_N_DIRECTIONS];
	struct traffic_destination *destinations; /* by address; where `has_live` */
	size_t n_destinations;
};

struct traffic {
	char *net;
	struct traffic_lb *lbs;
	size_t n_lbs;
	bool offloads;     /* the namespace has a flowtable: sums are conntrack's */
	bool has_live;     /* conntrack was looked through */
	bool has_sums;     /* conntrack counts here, so sums of destinations are known */
	uint64_t n_missed; /* times that ends of connections were lost, and so what they carried */

	uint64_t conntrack_count, conntrack_max; /* 0 of 0 where unknown */
	uint64_t n_repairs;
};

void traffic_free(struct traffic *traffic);
AUTO_DEFINE(struct traffic, traffic_free);
