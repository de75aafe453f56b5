/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dataplane/nft.h"
#include "dataplane/traffic.h"
#include "dataplane/watch.h"
#include "messages/desired.h"
#include "messages/status.h"

/*
 * One Network's namespace on this node, brought to what is desired and kept there. For the kernel
 * thread only. Times are milliseconds of one monotonic clock, the caller's.
 *
 * The table is there while the Network has LoadBalancers: with the last one go the table and all
 * routes, and nothing of ours is left.
 */
struct forwarder;

/*
 * @path: of the namespace's file.
 * @node: our name, copied.
 * @nft:  borrowed for the forwarder's life.
 * @account: what LoadBalancers carry is followed from the beginning; else only from
 *           forwarder_count() on, with a gap before it where there are flowtables.
 * Return: 0, -ENOMEM, or why the namespace cannot be served.
 */
must_check int forwarder_new(const char *path, const char *node, struct nft *nft, bool account,
			     uint64_t now_ms, struct forwarder **ret_forwarder, struct error *err);

/* Whether a table of ours was there, of a run before this one. */
bool forwarder_found_table(const struct forwarder *forwarder);

/* Nothing in the kernel is touched. */
void forwarder_free(struct forwarder *forwarder);
AUTO_DEFINE(struct forwarder, forwarder_free);

/*
 * Brings the namespace to the new state. LoadBalancers that are refused are in the status and hold
 * back no other.
 *
 * The first time, a table that carries the stamp of exactly this state is adopted as it is; any
 * other is replaced in one transaction.
 * Return: 0, or why nothing more can be done here: free the forwarder then.
 */
must_check int forwarder_apply(struct forwarder *forwarder, const struct desired *desired,
			       uint64_t now_ms, struct error *err);

/*
 * What its LoadBalancers carry, without net.
 * @destinations: also by destination, and for a minute ends of connections are followed.
 * Return: 0, -ENOMEM, or why it is not known now.
 */
must_check int forwarder_count(struct forwarder *forwarder, bool destinations, uint64_t now_ms,
			       struct traffic **ret_traffic, struct error *err);

/* What to publish; without node and net. Return: 0, -ENOMEM. */
must_check int forwarder_status(const struct forwarder *forwarder, struct status **ret_status);

/*
 * Watches the links that lead to these machines, and to no others, from the next step on.
 * @addresses: sorted and distinct. Return: 0, -ENOMEM.
 */
must_check int forwarder_attend(struct forwarder *forwarder, const struct address *addresses,
				size_t n_addresses);

/*
 * The machines whose links are down, when that is news; the caller frees them.
 * Return: whether it is.
 */
bool forwarder_take_absent(struct forwarder *forwarder, struct address **ret_absent,
			   size_t *ret_n_absent);

/*
 * Exchanges what is known of the machines: for another forwarder of the same namespace, which is the
 * one with the same inode.
 */
struct presence;
void forwarder_swap_presence(struct forwarder *forwarder, struct presence *presence);
uint64_t forwarder_inode(const struct forwarder *forwarder); /* 0: unknown */

/* Descriptors to poll for reading, for forwarder_step(); -1: none in this place at the moment. */
#define FORWARDER_N_FDS (WATCH_N_FDS + 1)
void forwarder_fds(const struct forwarder *forwarder, int ret_fds[static FORWARDER_N_FDS]);

/* When forwarder_step() has something to do next, also without a descriptor being ready. */
uint64_t forwarder_next_ms(const struct forwarder *forwarder);

/*
 * Does what is due: ends drains, repairs what others broke, follows links, routes and settings.
 * @ret_changed: there is another status to publish.
 * Return: as forwarder_apply().
 */
must_check int forwarder_step(struct forwarder *forwarder, uint64_t now_ms, bool *ret_changed,
			      struct error *err);
