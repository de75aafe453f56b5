/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/uuid.h"
#include "messages/desired.h"

/*
 * What a node has found out about the destinations that it checks in one Network. Soft state: said
 * at once when it changes, all of it again every few seconds, and never stored.
 */

#define HEALTH_VERDICTS_MAX 65536

/* No check of anybody's: the verdict is about the link that leads to the destination. */
#define HEALTH_CHECK_LINK UINT64_C(0)

struct health_verdict {
	struct address address;
	uint64_t check; /* health_check_id() */
	bool healthy;
	uint64_t since_ms;     /* wall clock (Unix) */
	uint64_t checked_ms;   /* the last check, as of the message; wall clock, 0: not known */
	char *reason;          /* for people: "ConnectionRefused", "HTTPStatus 503" */
	struct address source; /* where the check comes from; family none: not known */
};

struct health {
	char *node, *net;
	/* Of the agent: another one means that it started anew. None: an allocator speaks. */
	struct uuid boot;
	bool full; /* what is not named, the node does not check any more */
	bool dead; /* the node itself is; only allocators say so, or that it is not after all */
	struct health_verdict *verdicts;
	size_t n_verdicts;
};

void health_free(struct health *health);
AUTO_DEFINE(struct health, health_free);

/* Does anything of a silent node answer you? The counts are the answer's. */
struct probe {
	char *net, *node;
	uint32_t n_asked, n_answered;
};

void probe_free(struct probe *probe);
AUTO_DEFINE(struct probe, probe_free);

/*
 * Names what is checked and how: the same in every LoadBalancer and on every node that means the
 * same check. Never 0 for a check that is there; 0 for an absent one.
 */
uint64_t health_check_id(const struct desired_check *check);
