/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "base/error.h"
#include "messages/bus.h"
#include "monitor/scrape.h"

/*
 * The agent of a node: all its Networks, their namespaces, the bus and the kernel thread, on one
 * loop. Whatever is not there yet is waited for.
 */
struct agent;

/* All strings are borrowed for the agent's life. */
struct agent_options {
	struct bus_options bus; /* name and inbox prefix are set by agent_new() */
	const char *node;       /* a token, messages/subjects.h */
	const char *netns_dir;
	const char *state_dir; /* made if it is not there */
	/* Where metrics are served; family none: nowhere. Where that fails, it is logged. */
	struct scrape_place metrics;
};

/* Return: 0, or why it cannot run at all. */
must_check int agent_new(uv_loop_t *loop, const struct agent_options *options,
			 struct agent **ret_agent, struct error *err);

/*
 * Ends everything but what is in the kernel; waits for jobs of the kernel thread that run. The loop
 * ends, and the memory goes, when the close callbacks have run.
 */
void agent_close(struct agent *agent);
