/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "messages/health.h"

/*
 * What the nodes of one Network say about its destinations: one table of verdicts for each node,
 * as it was heard last. Pure: time is handed in. Whoever has heard the same says the same: agents,
 * which forward by it, and allocators, which tell people.
 *
 * A destination that names its node is checked by that node alone; one that does not is checked by
 * the node that rendezvous hashing chooses among those that were heard lately.
 *
 * A verdict of the check HEALTH_CHECK_LINK is about the link that leads to a destination of the
 * node, and counts for every LoadBalancer, whatever it checks.
 */

#define VERDICTS_PEER_MS   25000 /* a node that says nothing for so long is not chosen */
#define VERDICTS_PEERS_MAX 4096
#define VERDICTS_MAX       1048576 /* of all nodes together */

struct verdicts;

enum health_state { HEALTH_UNKNOWN, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/* A verdict is there that was not, or says otherwise than before. */
typedef void verdicts_fn(void *user, const char *node, const struct health_verdict *verdict);

/*
 * @node:       our own name, borrowed; always heard. NULL: we check nothing.
 * @on_changed: NULL: nobody asks. Called from verdicts_take() alone.
 * Return: 0, -ENOMEM.
 */
must_check int verdicts_new(const char *node, verdicts_fn *on_changed, void *user,
			    struct verdicts **ret_verdicts);
void verdicts_free(struct verdicts *verdicts);
AUTO_DEFINE(struct verdicts, verdicts_free);

/*
 * @ret_new_peer: a node that was not heard lately, or whose agent started anew.
 * Return: 0, -ENOMEM, -E2BIG (more than VERDICTS_PEERS_MAX nodes; or more than VERDICTS_MAX verdicts:
 *         then all but the new ones that are too many was taken).
 */
must_check int verdicts_take(struct verdicts *verdicts, const struct health *health, uint64_t now,
			     bool *ret_new_peer);

/*
 * What somebody else remembers of a node: counts where we have heard nothing of it ourselves. The
 * node is not heard by it. Of our own node it is what we said before we were restarted: it counts
 * until we know better. Return: as verdicts_take().
 */
must_check int verdicts_recall(struct verdicts *verdicts, const struct health *health,
			       uint64_t now);

/* Nodes neither heard nor said to be dead since `before` are forgotten, with all that they said. */
void verdicts_forget(struct verdicts *verdicts, uint64_t before);
/* No new verdicts are taken beyond `max`, instead of VERDICTS_MAX. What is there stays. */
void verdicts_set_max(struct verdicts *verdicts, size_t max);
size_t verdicts_count(const struct verdicts *verdicts);  /* of all nodes */
bool verdicts_is_empty(const struct verdicts *verdicts); /* no node was heard */

/* Of our own check. Return: 0, -ENOMEM. */
must_check int verdicts_note(struct verdicts *verdicts, const struct health_verdict *verdict);
/* We check it no more. */
void verdicts_drop(struct verdicts *verdicts, const struct address *address, uint64_t check_id);

/* Whether an allocator said so, and neither it nor the node has said otherwise since. */
bool verdicts_is_dead(const struct verdicts *verdicts, const char *node);

/* @node: that the destination names, or NULL. */
enum health_state verdicts_find(const struct verdicts *verdicts, const char *node,
				const struct address *address, uint64_t check_id, uint64_t now);

/*
 * The verdict that counts, borrowed until the next change; NULL where nobody has said anything.
 * @ret_checker: the node that said it.
 */
const struct health_verdict *verdicts_look(const struct verdicts *verdicts, const char *node,
					   const struct address *address, uint64_t check_id,
					   uint64_t now, const char **ret_checker);

/* Whether `node` says that the link to its destination is down. @node: NULL: it cannot be. */
bool verdicts_is_cut(const struct verdicts *verdicts, const char *node,
		     const struct address *address);

/*
 * Calls `visit` for each node that was heard, with all that it said. Borrowed, and `full` is not
 * set: packed and sent it is what verdicts_recall() takes. Return: 0, -ENOMEM.
 */
typedef void verdicts_visit_fn(void *user, const struct health *health);
must_check int verdicts_visit(const struct verdicts *verdicts, verdicts_visit_fn *visit,
			      void *user);

/* Whether it is ours to check. */
bool verdicts_is_ours(const struct verdicts *verdicts, const char *node,
		      const struct address *address, uint64_t check_id, uint64_t now);

/* While this number and verdicts_peers() are the same, so is what everything here says. */
uint64_t verdicts_n_changes(const struct verdicts *verdicts);

/* Names the set of nodes that were heard lately: another number, another set. */
uint64_t verdicts_peers(const struct verdicts *verdicts, uint64_t now);
