/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "messages/health.h"

/*
 * What the nodes of one Network say about its destinations: one table of verdicts for each node,
 * as it was heard last. Pure: time is handed in. Nodes that have heard the same say the same.
 *
 * A destination that names its node is checked by that node alone; one that does not is checked by
 * the node that rendezvous hashing chooses among those that were heard lately.
 */

#define VERDICTS_PEER_MS   25000 /* a node that says nothing for so long is not chosen */
#define VERDICTS_PEERS_MAX 4096

struct verdicts;

enum verdict { VERDICT_UNKNOWN, VERDICT_HEALTHY, VERDICT_UNHEALTHY };

/* @node: our own name, borrowed; always heard. Return: 0, -ENOMEM. */
must_check int verdicts_new(const char *node, struct verdicts **ret_verdicts);
void verdicts_free(struct verdicts *verdicts);
AUTO_DEFINE(struct verdicts, verdicts_free);

/*
 * @ret_new_peer: a node that was not heard lately, or whose agent started anew.
 * Return: 0, -ENOMEM, -E2BIG (more than VERDICTS_PEERS_MAX nodes).
 */
must_check int verdicts_take(struct verdicts *verdicts, const struct health *health, uint64_t now,
			     bool *ret_new_peer);

/* Of our own check. Return: 0, -ENOMEM. */
must_check int verdicts_note(struct verdicts *verdicts, const struct health_verdict *verdict);
/* We check it no more. */
void verdicts_drop(struct verdicts *verdicts, const struct address *address, uint64_t check_id);

/* Whether an allocator said so, and the node has not spoken since. */
bool verdicts_is_dead(const struct verdicts *verdicts, const char *node);

/* @node: that the destination names, or NULL. */
enum verdict verdicts_find(const struct verdicts *verdicts, const char *node,
			   const struct address *address, uint64_t check_id, uint64_t now);

/* Whether it is ours to check. */
bool verdicts_is_ours(const struct verdicts *verdicts, const char *node,
		      const struct address *address, uint64_t check_id, uint64_t now);

/* Names the set of nodes that were heard lately: another number, another set. */
uint64_t verdicts_peers(const struct verdicts *verdicts, uint64_t now);
