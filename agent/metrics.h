/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/counting.h"
#include "agent/network.h"
#include "monitor/scrape.h"

/*
 * The agent's metrics for Prometheus: docs/metrics.md says what each means. What the loop knows is
 * written on the loop; what LoadBalancers carry, which may be megabytes, on a thread of libuv's.
 */
struct metrics;

#define METRICS_NETWORKS_MAX 1024  /* with metrics of their own, of a node */
#define METRICS_LBS_MAX      10000 /* the same of all Networks together */

/* Borrowed, all of it. */
struct metrics_options {
	uv_loop_t *loop;
	struct scrape_place place;
	struct counting *counting;
	struct network *const *networks; /* the head of the agent's */
	const struct network_context *context;
};

/* Return: 0, or why nothing can be served there. */
must_check int metrics_new(const struct metrics_options *options, struct metrics **ret_metrics,
			   struct error *err);
void metrics_close(struct metrics *metrics); /* NULL is fine */

/* For metrics_traffic.c: what LoadBalancers carry. Pure. */
struct metrics_lb {
	char name_space[64], network[254], name[254];
	bool has_live;
	uint64_t connections, live;
	struct traffic_sum sums[TRAFFIC_N_DIRECTIONS];
};

struct metrics_traffic {
	struct metrics_lb *lbs;
	size_t n_lbs, n_left_out;
};

/* Return: 0, -ENOMEM. */
must_check int metrics_traffic_take(const struct worker_count *count,
				    struct metrics_traffic *ret_traffic);
void metrics_traffic_deinit(struct metrics_traffic *traffic);
void metrics_traffic_write(const struct metrics_traffic *traffic, struct text *text);
