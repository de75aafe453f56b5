/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "ipam/catalog.h"
#include "messages/desired.h"
#include "messages/subjects.h"

/*
 * Each Network as its nodes are to have it: its revision, its digest, and what changed since they
 * were told last. Pure: gives deltas and snapshots, and sends none.
 *
 * A LoadBalancer that was touched counts as changed when its digest is another one, or when more
 * than one record touched it: a replica that saw the records one by one may have published a
 * version in between, which our delta must carry the end of.
 */

#define NETWORKS_PART_MAX (256U << 10) /* bytes of LoadBalancers in one message */

struct networks;

struct network {
	const char *token;
	uint64_t revision; /* of the last record that changed it, at least that of the load */
	uint64_t digest;
	bool since_load; /* unchanged since the load: its true revision may be older */
};

must_check int networks_new(const struct catalog *catalog, struct networks **ret_networks);
void networks_free(struct networks *networks);
AUTO_DEFINE(struct networks, networks_free);

/*
 * The LoadBalancer of that key may have changed.
 * @sequence: of the record that did it, perhaps not confirmed yet; 0: none, something was taken back.
 * Return: 0, -ENOMEM.
 */
must_check int networks_touch(struct networks *networks, const char *key, uint64_t sequence);
/* Records beyond `sequence` were taken back. Costs what is touched. */
void networks_undone(struct networks *networks, uint64_t sequence);
bool networks_is_touched(const struct networks *networks); /* anything, since the last settle */

/*
 * The catalog is confirmed as of `sequence`: works out what changed and gives a delta for each
 * changed Network, one whose LoadBalancers are too large for a message with `resync`.
 * @emit: NULL at load: nothing is told, all Networks begin at `sequence`.
 * Return: 0, -ENOMEM (what is left stays touched).
 */
typedef void networks_delta_fn(void *user, const struct desired *delta);
must_check int networks_settle(struct networks *networks, const struct uuid *epoch,
			       uint64_t sequence, networks_delta_fn *emit, void *user);

/* As of the last settle. A Network that has no LoadBalancer is known by its token alone. */
void networks_get(const struct networks *networks, const char *token, struct network *ret_network);
uint64_t networks_settled_at(const struct networks *networks);

/* The revision that a LoadBalancer's desired state is from; 0 when it has none. */
uint64_t networks_lb_revision(const struct networks *networks, const char *key);

/*
 * Calls `visit` with the key of each LoadBalancer of the Network whose desired state is from a
 * revision beyond `since`, the newest first. Costs what is visited.
 */
void networks_visit(const struct networks *networks, const char *token, uint64_t since,
		    void (*visit)(void *user, const char *key), void *user);

/*
 * All of a Network, in parts, as of the last settle.
 * @emit: called for each part, in order.
 * Return: 0, -ENOMEM, -EINVAL (no token of a Network).
 */
must_check int networks_snapshot(const struct networks *networks, const struct uuid *epoch,
				 const char *token, networks_delta_fn *emit, void *user);
