/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocator/networks.h"
#include "ipam/lbstatus.h"
#include "messages/status.h"

/*
 * The nodes: who is alive, who hosts which Network, and what each has applied. Soft state, built
 * from heartbeats and statuses alone, and pure: time is handed in.
 *
 * A node is alive while something was heard from it within ROSTER_ALIVE_MS. One that is not stops
 * holding anything up, and is remembered as silent for ROSTER_SILENT_MS, or for so long after it was
 * found dead last (liveness.h). Whoever could not listen
 * (just started, cut off from NATS, stopped) cannot tell a dead node from a live one: until
 * ROSTER_ALIVE_MS after roster_listen() nobody is dead and nothing is confirmed.
 */

#define ROSTER_ALIVE_MS  5000
#define ROSTER_SILENT_MS 3600000
#define ROSTER_NODES_MAX 65536

struct roster_time {
	uint64_t now_ms; /* the loop's clock */
	int64_t unix_ms;
};

/*
 * Called for each Network of which nodes say something else now.
 * @since: only what is said about LoadBalancers whose desired state is from a later revision has
 *         changed; 0: of all of them.
 */
typedef void roster_changed_fn(void *user, const char *token, uint64_t since);

struct roster;

must_check int roster_new(roster_changed_fn *on_changed, void *user, struct roster **ret_roster);
void roster_free(struct roster *roster);
AUTO_DEFINE(struct roster, roster_free);

/* From now on we hear what is said. */
void roster_listen(struct roster *roster, const struct roster_time *time);
/*
 * Every 100 ms or so. When it comes late, or there is no connection, what was not heard may have
 * been said: we listen anew.
 */
void roster_tick(struct roster *roster, const struct roster_time *time, bool connected);
bool roster_is_sure(const struct roster *roster, const struct roster_time *time);

/* Return: 0, -ENOMEM, -E2BIG (more than ROSTER_NODES_MAX nodes; ignored). */
must_check int roster_on_alive(struct roster *roster, const struct alive *alive,
			       const struct roster_time *time);
/* Takes the status in any case. */
must_check int roster_on_status(struct roster *roster, struct status *status,
				const struct roster_time *time);
bool roster_hosts(const struct roster *roster, const char *node, const char *net);
void roster_expire(struct roster *roster, const struct roster_time *time); /* every second or so */

/* What is to be true on the nodes: the Network, and where the log stood when that was worked out. */
struct roster_truth {
	struct uuid epoch;
	uint64_t settled_at;
	struct network network;
};

/*
 * The log sequence that all live nodes which host the Network have applied; 0 while that is not
 * known, or while one refuses something; UINT64_MAX when none hosts it. A node that has the Network's
 * last change has everything up to `settled_at`.
 */
uint64_t roster_confirmed(const struct roster *roster, const struct roster_truth *truth,
			  const struct roster_time *time);

/* All that the nodes of a Network say, ordered so that each LoadBalancer's share is found fast. */
struct roster_view;
must_check int roster_view_new(const struct roster *roster, const struct roster_truth *truth,
			       struct roster_view **ret_view);
void roster_view_free(struct roster_view *view);
AUTO_DEFINE(struct roster_view, roster_view_free);

/* @revision: that the LoadBalancer's desired state is from. @vips: of its resolution. */
void roster_view_report(const struct roster_view *view, const struct uuid *uid, uint64_t revision,
			const struct address *vips, size_t n_vips, struct lb_report *ret_report);

/* For people. */
struct node;
struct roster_node {
	const char *name, *version;
	bool alive;
	bool twins; /* two agents say that they are this node, and each undoes what the other says */
	uint64_t heard_ms; /* the loop's clock */
	size_t n_networks;
	const struct node *node; /* for roster_visit_networks() */
};
void roster_visit(struct roster *roster, void (*visit)(void *user, const struct roster_node *node),
		  void *user);
/* @status: what the node said last of the Network; NULL while it has said nothing. */
typedef void roster_network_fn(void *user, const char *token, const struct status *status);
void roster_visit_networks(const struct roster_node *node, roster_network_fn *visit, void *user);
/* The log sequence that who says so has applied of the Network; 0: of another epoch. */
uint64_t roster_applied(const struct status *status, const struct roster_truth *truth);
/* What the node said last that it has of the Network: its revision; 0: nothing, or of another epoch. */
uint64_t roster_said(const struct roster *roster, const char *node, const char *net,
		     const struct uuid *epoch);
size_t roster_count_alive(const struct roster *roster);
