/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/handoff.h"
#include "messages/bus.h"
#include "messages/subjects.h"

/*
 * Shared by the files bus*.c, and by nothing else.
 *
 *	bus.c               the loop's side: opening, events, deliveries, closing
 *	bus_gate.c          libnats' side: every callback that runs on one of its threads
 *	bus_options.c       options to natsOptions
 *	bus_subscription.c  subscriptions, and their native ones
 *	bus_publish.c       messages out, headers
 *	bus_request.c       questions with answers
 *	bus_tail.c          a stream, followed
 *	bus_version.c       which version the server has
 *
 * libnats holds the lock of a connection while it connects, up to a timeout for each server. So
 * nothing here calls it unless the connection is up: subscriptions wait for that, too.
 */

/* What libnats' threads tell the loop, as bits: told twice is told once. */
enum gate_bit {
	GATE_OPENED = 1,  /* natsConnection_Connect() has returned */
	GATE_UP = 2,      /* connected again; gate.state decides */
	GATE_DOWN = 4,    /* the connection was lost, if only for a moment */
	GATE_CLOSED = 8,  /* libnats gave it up for good */
	GATE_LAGGED = 16, /* messages were dropped */
	GATE_REFUSED = 32 /* gate.sentence says what */
};

enum gate_state { GATE_STATE_NEW, GATE_STATE_UP, GATE_STATE_DOWN };

/*
 * All that libnats' threads may touch. It outlives the bus until no such thread can be in a
 * callback any more.
 */
struct gate {
	struct handoff *deliveries; /* of struct delivery */
	pthread_mutex_t lock;       /* of the next two */
	uv_async_t *wake;           /* NULL once the bus closes */
	char sentence[256];
	atomic_uint bits;
	atomic_int state;
	_Atomic uint64_t attempt_ms; /* when connecting last gave a sign of life */
	atomic_uint n_feeding;       /* feeds that libnats may still have messages for */
	struct bus_feed *feeds;      /* loop only */
	struct gate *next_retired;
};

struct delivery {
	struct bus_feed *feed;
	natsMsg *message;
	uint64_t heard_ms;
};

/* One native subscription, until ten seconds after its end. */
struct bus_feed {
	struct bus_feed *next;
	struct gate *gate;
	struct bus_subscription *owner; /* NULL once it ended; loop only */
	natsSubscription *native;
	uint64_t destroy_ms; /* 0 while it is in use */
};

struct bus_subscription {
	struct bus_subscription *next, **link;
	struct bus *bus;
	char *subject, *queue;
	bus_message_fn *on_message;
	void *user;
	struct bus_feed *feed; /* NULL while there is none */
};

struct bus {
	uv_loop_t *loop;
	uv_async_t wake;
	uv_timer_t tick;
	unsigned n_handles; /* that are not closed yet */
	bool closing;
	bus_event_fn *on_event;
	void *user;

	struct gate *gate;
	natsOptions *options;
	natsConnection *connection;
	pthread_t opener; /* runs while `opening` */
	bool opening, up, open_pending;
	natsConnection *opened; /* written by the opener before GATE_OPENED */
	uint64_t hang_ms;

	struct bus_subscription *subscriptions;
	char inbox[128];
	struct bus_subscription *answers;
	struct bus_request **requests; /* by slot; NULL where free */
	size_t n_requests;
	uint32_t n_asked;
	struct bus_tail *tails;

	bool ask_version;
	char version[32];
	struct version_probe *probe; /* NULL while none is under way */
};

uint64_t bus_now_ms(void); /* monotonic; on every thread */

/* bus_gate.c */
must_check int gate_new(size_t room, uv_async_t *wake, struct gate **ret_gate);
void gate_raise(struct gate *gate, unsigned bits, const char *sentence); /* sentence may be NULL */
void gate_sentence(struct gate *gate, char *text, size_t room);
void gate_shut(struct gate *gate); /* nothing wakes the loop from now on */
/*
 * Gives the gate up; with the last one the library is closed, which waits for its threads, and all
 * gates are freed.
 */
void gate_retire(struct gate *gate);
void gate_enter_library(void); /* one for each gate_retire() */
void gate_on_message(natsConnection *connection, natsSubscription *native, natsMsg *message,
		     void *user);
void gate_on_feed_end(void *user);           /* a struct gate */
void gate_wait_for_feeds(struct gate *gate); /* after the connection was closed */
natsStatus gate_set_callbacks(natsOptions *options, struct gate *gate);
void delivery_discard(void *item);

/* bus_options.c */
must_check int bus_options_native(const struct bus_options *options, natsOptions **ret_native,
				  struct error *err);

/* bus_subscription.c */
void subscriptions_attach(struct bus *bus); /* all that have no feed, once the bus is up */
void subscriptions_detach(struct bus *bus); /* the connection is gone for good */
void subscriptions_free(struct bus *bus);
void feeds_sweep(struct bus *bus);
void feeds_free(struct gate *gate);

/* bus_request.c */
void requests_lost(struct bus *bus); /* the connection: nobody will answer */
void requests_free(struct bus *bus);
const char *bus_new_inbox(struct bus *bus, char subject[static SUBJECT_MAX]);

/* bus_tail.c */
void tails_up(struct bus *bus);
void tails_down(struct bus *bus);
void tails_free(struct bus *bus);

/* bus_version.c */
void version_ask(struct bus *bus, const char *url);
void version_forget(struct bus *bus);

/* bus_publish.c */
struct bus_message bus_message_of(natsMsg *native);
