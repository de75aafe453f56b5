/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dataplane/nft.h"
#include "dataplane/traffic.h"
#include "messages/desired.h"
#include "messages/status.h"

/*
 * The kernel thread: everything that touches nftables, conntrack, links and namespaces happens on
 * it, one job after the other, never on the event loop. Jobs go in and reports come out through
 * base/handoff. The thread keeps what each Network's namespace holds, so a change costs what it
 * changes.
 */
struct worker;

struct worker_options {
	const char *node;      /* our name: destinations with this node are local; copied */
	const char *netns_dir; /* a Network's namespace is the file <netns_dir>/<net>; copied */
	/*
	 * Called from the kernel thread when there is something for worker_take_report(); must only
	 * wake the loop up (uv_async_send).
	 */
	void (*wake)(void *user);
	void *user;
	bool account; /* worker_count() will be called regularly: see forwarder_new() */
};

/* Return: 0, -ENOMEM, -EAGAIN (no thread). */
must_check int worker_new(const struct worker_options *options, struct worker **ret_worker,
			  struct error *err);

/* Finishes the jobs that were given, then ends the thread. What is in the kernel stays there. */
void worker_free(struct worker *worker);
AUTO_DEFINE(struct worker, worker_free);

/*
 * Starts to serve the Network's namespace: looks at what the kernel can do and at what of ours is
 * in the namespace already. Reported as WORKER_OPENED or WORKER_FAILED.
 * Return: 0, -ENOBUFS (too many jobs wait; try again after the next report), -ENOMEM.
 */
must_check int worker_open(struct worker *worker, const char *net);

/*
 * Brings the namespace to a new state, by difference; one job in flight per Network, later states
 * wait in the caller. Reported as WORKER_APPLIED with the status to publish (node and epoch are the
 * caller's to fill in).
 * @desired: a change or a whole snapshot (all parts joined, part 1 of 1). Taken in every case but
 *           -ENOBUFS and -ENOMEM.
 * Return: as worker_open().
 */
must_check int worker_apply(struct worker *worker, struct desired *desired);

/*
 * Watches the links that lead to these machines of the node, and to no others, from now on: reported
 * as WORKER_LINKS, soon and with each change. To be given again after each worker_open().
 * @addresses: sorted and distinct; copied.
 */
must_check int worker_attend(struct worker *worker, const char *net,
			     const struct address *addresses, size_t n_addresses);

/*
 * Ends serving the Network.
 * The namespace is gone, or hosts the Network no more: nothing in it is touched, connections
 * that exist go on. Reported as WORKER_CLOSED.
 */
must_check int worker_close(struct worker *worker, const char *net);

/*
 * What the LoadBalancers carry, of all Networks that are served. Reported as WORKER_COUNTED.
 * @net:          NULL, or the only one that is wanted; none where it is not served.
 * @destinations: see forwarder_count().
 * @token:        comes back with the report.
 */
must_check int worker_count(struct worker *worker, const char *net, bool destinations,
			    uint64_t token);

enum worker_outcome {
	WORKER_OPENED,
	WORKER_FAILED,  /* the namespace cannot be served now; `sentence` says why; not open */
	WORKER_APPLIED, /* `status` is set: some LoadBalancers may have been refused */
	WORKER_CHANGED, /* `status` is set: something of ours was repaired, or a condition changed */
	WORKER_LINKS,   /* `absent` are the machines whose link is down or gone */
	WORKER_CLOSED,
	WORKER_COUNTED, /* no Network's: `count` is set */
};

struct worker_count {
	uint64_t token;
	struct traffic **networks;
	size_t n_networks;
	uint64_t
		n_unknown; /* Networks that could not be looked at now, or for which time was short */
	struct nft_counts nft;
};

struct worker_report {
	char *net; /* NULL for WORKER_COUNTED */
	enum worker_outcome outcome;
	bool empty; /* OPENED: no table of ours forwards there, as on a machine that boots */
	struct status *status;
	struct worker_count *count;
	char sentence[STATUS_SENTENCE_MAX];
	struct address *absent; /* sorted */
	size_t n_absent;
};

/* The oldest report, NULL when there is none. The caller frees it. Event loop's thread only. */
struct worker_report *worker_take_report(struct worker *worker);
void worker_report_free(struct worker_report *report);
AUTO_DEFINE(struct worker_report, worker_report_free);
