/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/uuid.h"

/*
 * What agents say: status of a Network on a node, heartbeats, and questions whether they are up to
 * date. Plain data, open structs; whoever built one frees it.
 */

#define STATUS_REFUSALS_MAX   1024 /* further ones are only counted */
#define STATUS_ADDRESSES_MAX  65536
#define STATUS_CONDITIONS_MAX 16
#define STATUS_SENTENCE_MAX   512 /* bytes; longer ones are cut by who writes them */
#define STATUS_REASON_MAX     64
#define STATUS_VERSION_MAX    64
#define ALIVE_NETWORKS_MAX    4096
#define SYNC_NETWORKS_MAX     256 /* of one request; an agent with more sends several */

/* A LoadBalancer that the node could not program. The others are not held back by it. */
struct status_refusal {
	struct uuid uid;
	char *sentence; /* what the kernel or we refused, and why */
};

/* Something about the node's Network that an operator should know or mend. */
struct status_condition {
	char *reason;   /* CamelCase, stable: "FlowtableUnsupported", "ForwardingDisabled" */
	char *sentence; /* with the remedy */
};

/* One Network on one node. Everything up to `revision` is in the kernel, but for `refusals`. */
struct status {
	char *node, *net;
	struct uuid epoch;
	uint64_t revision;
	uint64_t digest; /* sum of codec_digest() over the LoadBalancers applied or refused */
	struct address *addresses; /* VIPs that the node forwards, sorted */
	size_t n_addresses;
	struct status_refusal *refusals;
	size_t n_refusals;
	uint64_t n_refused; /* all of them, the ones beyond STATUS_REFUSALS_MAX too */
	struct status_condition *conditions;
	size_t n_conditions;
	uint64_t applied_at_ms; /* wall clock (Unix), when `revision` was applied */
};

/* Every second, from every agent. A new boot id means that the agent started anew. */
struct alive {
	char *node;
	struct uuid boot;
	char *version; /* of ilb */
	char **nets;   /* Networks whose namespaces the node has */
	size_t n_nets;
};

struct sync_net {
	char *net;
	uint64_t revision, digest;
	bool stale; /* in answers: ask for a snapshot */
};

/* A question "is this what you have?" and, with `stale` filled in, its answer. */
struct sync {
	char *node;
	struct uuid epoch;
	uint64_t revision; /* in answers: the log sequence that "not stale" is true at */
	struct sync_net *nets;
	size_t n_nets;
};

void status_free(struct status *status);
void alive_free(struct alive *alive);
void sync_free(struct sync *sync);
AUTO_DEFINE(struct status, status_free);
AUTO_DEFINE(struct alive, alive_free);
AUTO_DEFINE(struct sync, sync_free);
