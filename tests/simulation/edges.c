/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/hash.h"
#include "base/require.h"
#include "messages/subjects.h"
#include "tests/simulation/cluster.h"

/* What agents reach the world by: NATS, and the connections of checks. */

enum { LATENCY_MAX_MS = 20, ROUND_TRIP_MS = 1 };

unsigned latency(unsigned from, unsigned to)
{
	unsigned both[2] = {from, to};

	return 1 + (unsigned)(hash_bytes(both, sizeof(both)) % LATENCY_MAX_MS);
}

/* ---- messages ---- */

struct bus_subscription {
	struct seat *seat;
	bus_message_fn *on_message;
	void *user;
};

/* Shared by all that hear it. */
struct payload {
	char subject[SUBJECT_MAX];
	size_t len;
	unsigned n_users;
	char data[];
};

struct copy {
	struct payload *payload;
	struct seat *seat;
};

static void payload_drop(struct payload *payload)
{
	if (--payload->n_users == 0)
		free(payload);
}

static void on_arrival(void *user)
{
	auto_free struct copy *copy = user;
	const struct bus_subscription *subscription = copy->seat->subscription;
	const struct bus_message message = {
		.subject = copy->payload->subject,
		.data = copy->payload->data,
		.len = copy->payload->len,
	};

	if (subscription && copy->seat->node->connected && copy->seat->node->linked)
		subscription->on_message(subscription->user, &message);
	payload_drop(copy->payload);
}

void bus_spread(const struct net *net, unsigned from, const char *node, const void *data,
		size_t len)
{
	struct payload *payload = malloc(sizeof(*payload) + len);

	require(payload);
	(void)subject_health(payload->subject, net->token, node);
	memcpy(payload->data, data, len);
	payload->len = len;
	payload->n_users = 1;
	for (size_t i = 0; i < net->n_seats; i++) {
		struct seat *seat = net->seats[i];
		struct copy *copy;

		if (!seat->vitals || sim_chance(cluster.options.bus_loss))
			continue;
		copy = malloc(sizeof(*copy));
		require(copy);
		*copy = (struct copy){payload, seat};
		payload->n_users++;
		sim_after(latency(from, seat->node->number), on_arrival, copy);
	}
	payload_drop(payload);
}

bool bus_is_connected(const struct bus *bus)
{
	return bus->seat->node->connected;
}

int bus_publish(struct bus *bus, const char *subject, const char *reply,
		const struct bus_header *headers, size_t n_headers, const void *data, size_t len)
{
	const struct seat *seat = bus->seat;

	(void)reply;
	(void)headers;
	(void)n_headers;
	if (!seat->node->connected)
		return -ENOTCONN;
	if (!seat->node->linked)
		return 0; /* so it believes */
	if (strncmp(subject, "ilb.v1.health.", 14) == 0)
		bus_spread(seat->net, seat->node->number, seat->node->name, data, len);
	else
		controllers_answer(seat->node, subject, data, len);
	return 0;
}

int bus_subscribe(struct bus *bus, const char *subject, const char *queue,
		  bus_message_fn *on_message, void *user,
		  struct bus_subscription **ret_subscription, struct error *err)
{
	struct bus_subscription *subscription = calloc(1, sizeof(*subscription));

	(void)subject;
	(void)queue;
	(void)err;
	require(subscription);
	*subscription = (struct bus_subscription){bus->seat, on_message, user};
	bus->seat->subscription = subscription;
	*ret_subscription = subscription;
	return 0;
}

void bus_unsubscribe(struct bus_subscription *subscription)
{
	if (subscription)
		subscription->seat->subscription = NULL;
	free(subscription);
}

/* What allocators remember of others is not played: nobody answers an agent that starts. */
struct bus_request {
	bus_reply_fn *on_reply;
	void *user;
	uv_timer_t timer;
};

static void on_no_answer(uv_timer_t *timer)
{
	auto_free struct bus_request *request = timer->data;

	(void)request->on_reply(request->user, -ETIMEDOUT, NULL);
}

int bus_ask(struct bus *bus, const char *subject, const struct bus_header *headers,
	    size_t n_headers, const void *data, size_t len, uint64_t timeout_ms,
	    bus_reply_fn *on_reply, void *user, struct bus_request **ret_request)
{
	struct bus_request *request = calloc(1, sizeof(*request));

	(void)bus;
	(void)subject;
	(void)headers;
	(void)n_headers;
	(void)data;
	(void)len;
	require(request);
	request->on_reply = on_reply;
	request->user = user;
	request->timer.data = request;
	require(uv_timer_start(&request->timer, on_no_answer, timeout_ms, 0) == 0);
	*ret_request = request;
	return 0;
}

void bus_cancel(struct bus_request *request)
{
	(void)uv_timer_stop(&request->timer);
	free(request);
}

const char *bus_message_header(const struct bus_message *message, const char *name)
{
	(void)message;
	(void)name;
	return NULL;
}

/* ---- connections ---- */

struct attempt {
	struct attempts *attempts;
	struct machine *machine;
	unsigned timeout_ms;
	attempt_fn *on_done;
	void *user;
	bool running;
	struct attempt_result result;
	uv_timer_t timer;
	struct attempt *prev, *next; /* in line */
};

static void run_next(struct attempts *attempts);

static void release(struct attempt *attempt)
{
	if (attempt->running)
		attempt->attempts->n_running--;
	else
		DL_DELETE(attempt->attempts->waiting, attempt);
	(void)uv_timer_stop(&attempt->timer);
}

void attempt_cancel(struct attempt *attempt)
{
	if (!attempt)
		return;
	release(attempt);
	run_next(attempt->attempts);
	free(attempt);
}

static void on_end(uv_timer_t *timer)
{
	struct attempt *attempt = timer->data;
	struct attempts *attempts = attempt->attempts;

	release(attempt);
	attempt->on_done(attempt->user, &attempt->result);
	free(attempt);
	run_next(attempts);
}

/* A packet there and one back; TCP sends the first again after 1 and 3 s. */
static bool gets_through(const struct attempt *attempt)
{
	unsigned loss = cluster.options.packet_loss;

	for (unsigned at = 0; at < attempt->timeout_ms; at = 2 * at + 1000) {
		bool arrived = !sim_chance(loss), answered = !sim_chance(loss);

		if (arrived && answered)
			return true;
	}
	return false;
}

static const struct node *prober_of(const struct attempt *attempt)
{
	return (const struct node *)((const char *)attempt->attempts -
				     offsetof(struct node, attempts));
}

static bool is_reached(const struct attempt *attempt)
{
	const struct node *from = prober_of(attempt), *to = attempt->machine->node;

	if (from == to)
		return true;
	return from->uplink && to->power && to->uplink && gets_through(attempt);
}

static void run(struct attempt *attempt)
{
	struct attempt_result *result = &attempt->result;
	bool reached = is_reached(attempt);
	const char *reason = !reached                   ? "Timeout"
			     : attempt->machine->serves ? "Connected"
							: "ConnectionRefused";

	attempt->running = true;
	attempt->attempts->n_running++;
	result->outcome = reached && attempt->machine->serves ? ATTEMPT_SUCCEEDED : ATTEMPT_FAILED;
	(void)snprintf(result->reason, sizeof(result->reason), "%s", reason);
	result->source = (struct address){.family = FAMILY_IPV4, .bytes = {10, 255, 0, 1}};
	require(uv_timer_start(&attempt->timer, on_end,
			       reached ? ROUND_TRIP_MS : attempt->timeout_ms, 0) == 0);
}

static void run_next(struct attempts *attempts)
{
	struct attempt *attempt = attempts->waiting;

	if (!attempt || attempts->n_running >= ATTEMPTS_MAX)
		return;
	DL_DELETE(attempts->waiting, attempt);
	run(attempt);
}

int attempt_start(struct attempts *attempts, const char *net, const struct address *address,
		  const struct desired_check *check, attempt_fn *on_done, void *user,
		  struct attempt **ret_attempt)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	(void)net;
	require(attempt);
	attempt->attempts = attempts;
	attempt->machine = machine_at(address);
	attempt->timeout_ms = check->timeout_s * 1000U;
	attempt->on_done = on_done;
	attempt->user = user;
	attempt->timer.data = attempt;
	DL_APPEND(attempts->waiting, attempt);
	*ret_attempt = attempt;
	run_next(attempts);
	return 0;
}
