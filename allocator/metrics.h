/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "allocator/api.h"
#include "allocator/publish.h"
#include "allocator/world.h"
#include "monitor/scrape.h"

/*
 * The allocator's metrics for Prometheus: docs/metrics.md says what each means. All that is written
 * is at hand, so it is written when somebody asks.
 */
struct metrics;

#define METRICS_PREFIXES_MAX 1024 /* with metrics of their own */

/* Borrowed, all of it. */
struct metrics_options {
	struct scrape_place place;
	const struct world *world;
	const struct api *api;
	struct publisher *publisher;
	const uint64_t *n_malformed; /* messages that the allocator itself refused */
};

/* Return: 0, or why nothing can be served there. */
must_check int metrics_new(const struct metrics_options *options, struct metrics **ret_metrics,
			   struct error *err);
void metrics_free(struct metrics *metrics); /* NULL is fine */
