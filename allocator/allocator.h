/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "base/error.h"
#include "messages/bus.h"
#include "monitor/scrape.h"

/*
 * The allocator: one loop, and a function for each event that can happen to it. Everything here
 * runs on the loop's thread. What the events leave to be done is done in turns, each bounded:
 * decide what was asked for, settle and publish when nothing is under way, decide what has become
 * possible by itself, bring statuses up to date.
 */
struct allocator;

struct allocator_options {
	struct bus_options bus;
	unsigned replicas; /* of the buckets, when they are made */
	/* Where metrics are served; family none: nowhere. Where that fails, it is logged. */
	struct scrape_place metrics;
};

/* Starts everything; needs no server yet. Return: 0, -EINVAL, -ENOMEM, each with a sentence. */
must_check int allocator_new(uv_loop_t *loop, const struct allocator_options *options,
			     struct allocator **ret_allocator, struct error *err);

/* SIGTERM and SIGINT end everything: the loop then runs empty by itself. After that: */
void allocator_free(struct allocator *allocator);

/* What the process should end with: 0, or 75 when only a new start helps. */
int allocator_exit_code(const struct allocator *allocator);
