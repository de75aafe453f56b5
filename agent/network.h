/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <uthash.h>
#include <uv.h>

#include "agent/faults.h"
#include "agent/notes.h"
#include "agent/recall.h"
#include "agent/reconcile.h"
#include "agent/report.h"
#include "agent/top.h"
#include "agent/vitals.h"
#include "dataplane/worker.h"
#include "messages/bus.h"
#include "monitor/exposition.h"

/*
 * One Network that this node hosts: from the bus through reconcile to the kernel thread, and its
 * status back. One function per event; each ends by doing what is due.
 */

struct network;

/* What all Networks of the node share; borrowed from the agent. */
struct network_context {
	uv_loop_t *loop;
	struct bus *bus;
	struct worker *worker;
	struct counting *counting;
	struct top_counters top_counters;
	struct attempts attempts; /* checks of health */
	bool connecting;          /* for the first time, and the outcome is not known */
	const struct uuid *boot;  /* of the agent */
	const char *node;
	const char *state_dir;
	struct faults faults;
	struct histogram programmed; /* from a change's arrival until it is in the kernel */
	uint64_t n_disconnects, n_lags;
	/* Nothing of it is left after its namespace has gone: network_close() it. */
	void (*on_left)(void *user, struct network *network);
	/* It has state that an allocator should compare soon. */
	void (*on_unsure)(void *user);
	void *user;
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
	struct notes notes;
	struct top *top;
	struct vitals *vitals;
	bool attend_due; /* other destinations live here than the kernel thread was told */

	enum network_stage stage;
	uint64_t open_at; /* when CLOSED */
	unsigned n_failures;
	bool handed; /* it was given state since it was opened: to lose it means to fetch all anew */

	struct recall *recall;
	bool load_wanted, loading; /* state from disk, before anybody is asked */
	bool recalled;             /* what is served is from disk, and no allocator has seen it */
	uint64_t hold_until;       /* what is from disk is not programmed, if one can be asked */
	uint64_t mend_at; /* when a snapshot is fetched for a file that could not be written */

	struct desired *ready;   /* to be handed to the kernel thread */
	bool storing;            /* it is being written to disk first */
	uint64_t ready_at;       /* when it is handed over in any case */
	struct uuid ready_epoch; /* of what is ready or being applied */
	uint64_t ready_digest;
	uint64_t kept_digest;    /* of what went to disk, or came from there, last */
	uint64_t ready_revision; /* of what was handed over last */
	uint64_t arrived_at;     /* of the oldest news that is not handed over; 0: none */
	uint64_t handed_at;      /* the same of what is being applied */
	uint64_t n_stale;        /* comparisons that found it out of date */
	struct uuid applied_epoch;
	uint64_t applied_digest;

	bool leaving; /* the namespace is gone */
	bool returns; /* and another has its name already; the agent's */
};

/* Its namespace has appeared. Return: 0, -ENOMEM. */
must_check int network_new(struct network_context *context, const char *net,
			   struct network **ret_network, struct error *err);

/* Lets go of everything but the kernel's state; the memory goes with the loop's close callbacks. */
void network_close(struct network *network);

/* Its namespace is gone: leads to on_left(), perhaps from within this function. */
void network_leave(struct network *network);

/*
 * Something has happened to an object of the Network's namespace: told to the allocators.
 * @object: "loadbalancer/web"; NULL: the Network itself. @reason: a word. @sentence: for people.
 */
void network_note(struct network *network, bool warning, const char *object, const char *reason,
		  const char *sentence);

void network_on_report(struct network *network, struct worker_report *report);
void network_on_connected(struct network *network);

/* NATS cannot be reached now. */
void network_on_unreached(struct network *network);

/* An allocator asks whether anything of `node` answers us here; the answer goes to `reply`. */
void network_on_probe(struct network *network, const char *node, const char *reply);

/* Somebody wants to hear how it is: soon, as all nodes are asked at once. */
void network_on_roll(struct network *network);

/* An allocator has compared what we had when we asked; `net` is its answer for this Network. */
void network_on_sync(struct network *network, const struct sync *sync, const struct sync_net *net);
