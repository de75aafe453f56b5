/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <uthash.h>
#include <uv.h>

#include "agent/faults.h"
#include "agent/reconcile.h"
#include "agent/report.h"
#include "dataplane/worker.h"
#include "messages/bus.h"

/*
 * One Network that this node hosts: from the bus through reconcile to the kernel thread, and its
 * status back. One function per event; each ends by doing what is due.
 */

/* What all Networks of the node share; borrowed from the agent. */
struct network_context {
	uv_loop_t *loop;
	struct bus *bus;
	struct worker *worker;
	const char *node;
	struct faults faults;
};

enum network_stage {
	NETWORK_CLOSED,   /* the kernel thread does not serve it; tried again at `open_at` */
	NETWORK_OPENING,  /* it was told to */
	NETWORK_OPEN,     /* it serves it, and has nothing to do */
	NETWORK_APPLYING, /* it brings it to a new state */
	NETWORK_CLOSING,  /* it was told to end: the namespace is gone */
};

struct network {
	UT_hash_handle hh; /* by net; the agent's */
	char *net;
	struct network_context *context;
	uv_timer_t timer;
	struct bus_subscription *subscription;
	struct bus_request *request;
	struct reconcile reconcile;
	struct report report;

	enum network_stage stage;
	uint64_t open_at; /* when CLOSED */
	unsigned n_failures;
	bool handed; /* it was given state since it was opened: to lose it means to fetch all anew */

	struct desired *ready;   /* could not be handed over yet */
	uint64_t ready_at;       /* when it is tried again */
	struct uuid ready_epoch; /* of what is ready or being applied */
	uint64_t ready_digest;
	struct uuid applied_epoch;
	uint64_t applied_digest;

	bool leaving; /* the namespace is gone */
	bool returns; /* and another has its name already */
	bool left;    /* nothing of it is left: network_close() it */
};

/* Its namespace has appeared. Return: 0, -ENOMEM. */
must_check int network_new(struct network_context *context, const char *net,
			   struct network **ret_network, struct error *err);

/* Lets go of everything but the kernel's state; the memory goes with the loop's close callbacks. */
void network_close(struct network *network);

/* Its namespace is gone: `left` becomes true, at once or with a report of the kernel thread. */
void network_leave(struct network *network);

void network_on_report(struct network *network, struct worker_report *report);
void network_on_connected(struct network *network);

/* An allocator has compared what we have; `stale` is its answer for this Network. */
void network_on_sync(struct network *network, const struct sync *sync, bool stale);
