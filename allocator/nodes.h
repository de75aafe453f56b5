/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "allocator/roster.h"

/*
 * A node as people see it, an item of `list nodes`. Pure.
 *	{"name": "node-1", "version": "0.1.0", "state": "Alive" or "Unknown", "lastHeard": TIME,
 *	 "networks": [{"name": TOKEN, "state": "Current", "Behind" or "Starting", "revision": 4711,
 *	               "newest": 4711, "addresses": 12, "refused": 0,
 *	               "conditions": [{"reason": "...", "message": "..."}]}]}
 * @name_space: only its Networks are told, as who asks may not know of others; "": those of all.
 * @truth_of: gives what is to be true on the nodes of a Network.
 * Return: a new reference; NULL without memory.
 */
typedef struct roster_truth node_truth_fn(const void *user, const char *token);
json_t *node_describe(const struct roster_node *node, const char *name_space,
		      const struct roster_time *time, node_truth_fn *truth_of, const void *user);
