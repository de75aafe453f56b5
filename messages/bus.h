/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

/*
 * NATS, joined to a libuv loop. The files bus*.c are the only ones that see nats.c.
 *
 * libnats keeps its own threads; messages and events cross to the loop through one bounded
 * base/handoff, by pointer, and every callback below runs on the loop's thread. Nothing here blocks
 * the loop, but a publish may for WriteDeadline (2 s) when the server does not read.
 * Queue full: messages are dropped and BUS_LAGGED is raised; whoever needs to be complete asks
 * again (docs/wire.md).
 *
 * Works around four faults of libnats 3.4.1 (docs/decisions/): subscriptions are destroyed 10 s
 * after they end, a CLOSED connection is replaced by a new one with the same subscriptions, nkey
 * logins that fail are retried, and a connect that hangs for 60 s ends the process with
 * EXIT_BUS_HANGS for systemd to restart (forwarding is in the kernel and stays).
 */

#define EXIT_BUS_HANGS 75 /* EX_TEMPFAIL */

struct bus;
struct bus_subscription;

/* Names and environment variables are natscli's. All strings are borrowed for bus_new() only. */
struct bus_options {
	const char *servers; /* URLs, by commas; NULL: $NATS_URL or nats://127.0.0.1:4222 */
	const char *creds;   /* file with a user's JWT and seed */
	const char *nkey; /* file with a seed (S...), and its public key (U...) on another line */
	const char *tlsca, *tlscert, *tlskey;
	const char *name;         /* of the connection, shown by the server's monitoring */
	const char *inbox_prefix; /* e.g. "_INBOX_agent.node1"; NULL: libnats' own */
	uint32_t queue;   /* messages between libnats and the loop; 0: 65536, at most 2^20 */
	bool ask_version; /* for bus_server_version(): costs a TCP connection at each connect */
};

/*
 * The connection options that all three programs share, for their getopt_long tables.
 * bus_option() takes one option that bus_option_names[] has, "--<name> VALUE" on command lines.
 * Return: true when `name` was one of them.
 */
bool bus_option(struct bus_options *options, const char *name, const char *value);
extern const char *const bus_option_names[];                    /* "server", "creds", ... NULL */
void bus_options_from_environment(struct bus_options *options); /* fills what is still NULL */

enum bus_event {
	BUS_CONNECTED,    /* also after every reconnect: subscriptions stand again */
	BUS_DISCONNECTED, /* reconnecting by itself, for ever */
	BUS_UNREACHED,    /* an attempt at a first connection failed; repeated for ever */
	BUS_LAGGED,       /* messages were lost on our side */
	BUS_REFUSED, /* the server refused a subscription, publish or login; see the sentence */
};

const char *bus_event_name(enum bus_event event);

struct bus_header {
	const char *name, *value;
};

/* A message received. Valid during the callback only. */
struct bus_message {
	const char *subject;
	const char *reply; /* NULL: nobody waits for an answer, or not where one may be sent */
	const char *data;  /* not terminated */
	size_t len;
	void *native;       /* for bus_message_header() */
	uint64_t waited_ms; /* since it came from the server; 0 for answers */
};

/* The first value of a header, NULL when absent. Valid as long as the message. */
const char *bus_message_header(const struct bus_message *message, const char *name);

typedef void bus_event_fn(void *user, enum bus_event event, const char *sentence);
typedef void bus_message_fn(void *user, const struct bus_message *message);

/*
 * Starts connecting and returns at once; the first BUS_CONNECTED tells of success, however much
 * later. Return: 0, -EINVAL (options that cannot be, such as an unreadable creds file), -ENOMEM.
 */
must_check int bus_new(uv_loop_t *loop, const struct bus_options *options, bus_event_fn *on_event,
		       void *user, struct bus **ret_bus, struct error *err);

/*
 * Ends the connection and closes all loop handles; no callback comes afterwards. The memory goes
 * when the loop has run its close callbacks. May be called once, from the loop's thread; waits for
 * libnats' threads, up to 10 s, and then ends the process with EXIT_BUS_HANGS. Requests,
 * subscriptions and tails end with it: what points to them is void. NULL is fine.
 */
void bus_close(struct bus *bus);

bool bus_is_connected(const struct bus *bus);
/* Of the server last connected to, with options.ask_version; "" until known, soon after connecting. */
const char *bus_server_version(const struct bus *bus);

/*
 * @queue: queue group or NULL. Stands again after every reconnect by itself. May be called before
 *         the first connect.
 * Return: 0, -ENOMEM, -EINVAL (not a subject).
 */
must_check int bus_subscribe(struct bus *bus, const char *subject, const char *queue,
			     bus_message_fn *on_message, void *user,
			     struct bus_subscription **ret_subscription, struct error *err);

/* No callback comes afterwards, not even for messages already in the queue. NULL is fine. */
void bus_unsubscribe(struct bus_subscription *subscription);

/*
 * @reply:   subject for answers, or NULL.
 * @headers: may be NULL when n_headers is 0. Values must not hold line breaks (required).
 * Return: 0, -ENOTCONN (dropped: soft state is sent anew after BUS_CONNECTED), -EMSGSIZE (over the
 *         server's max_payload), -EIO.
 */
must_check int bus_publish(struct bus *bus, const char *subject, const char *reply,
			   const struct bus_header *headers, size_t n_headers, const void *data,
			   size_t len);

/*
 * Asks, and gives each answer to `on_reply`; through one inbox subscription for all requests.
 * `on_reply` gets message NULL and outcome once and last when no answer came:
 * -ETIMEDOUT, -ENOTCONN (nobody could be asked, or the connection was lost meanwhile), -ENOENT
 * (nobody serves the subject), or what else bus_publish() gave. With a message the outcome is 0;
 * return true to wait for more answers (the timeout starts anew), false when this was the last.
 * @ret_request: may be NULL; for bus_cancel().
 * Return: 0 (on_reply will be called), -ENOMEM. on_reply is never called from inside this function.
 */
typedef bool bus_reply_fn(void *user, int outcome, const struct bus_message *message);
struct bus_request;

must_check int bus_ask(struct bus *bus, const char *subject, const struct bus_header *headers,
		       size_t n_headers, const void *data, size_t len, uint64_t timeout_ms,
		       bus_reply_fn *on_reply, void *user, struct bus_request **ret_request);

/* on_reply will not be called any more. Only for requests that have not had their last call. */
void bus_cancel(struct bus_request *request);

/*
 * Follows a JetStream stream from sequence `first` on, in order and without gaps, for ever, by an
 * ordered consumer that is made anew where a gap, a reconnect or a lost consumer asks for it.
 * `on_record` gets each stored message; `n_pending` is how many are stored behind it: 0 means
 * caught up at that moment. The subject is the stored one. While the stream cannot be read,
 * nothing is called; it goes on from the last record when it can.
 * Return: 0, -ENOMEM.
 */
struct bus_tail;
typedef void bus_record_fn(void *user, const struct bus_message *message, uint64_t sequence,
			   uint64_t n_pending);

must_check int bus_tail(struct bus *bus, const char *stream, uint64_t first,
			bus_record_fn *on_record, void *user, struct bus_tail **ret_tail);
void bus_tail_stop(struct bus_tail *tail);
