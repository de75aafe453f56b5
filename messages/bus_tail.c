/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "messages/bus_private.h"

/*
 * An ordered consumer by hand, through JetStream's API: an ephemeral push consumer without
 * acknowledgements, from the next sequence on, into an inbox of its own. Each attempt has a new
 * inbox, so nothing of an earlier one can be mistaken. A hole in the consumer's numbers, silence
 * for longer than its heartbeats, or a lost connection ends the attempt; the server deletes a
 * consumer that nobody listens to. libnats has the same, but blocks the caller.
 */
#define HEARTBEAT_MS 1000
#define SILENCE_MS   4000
#define RETRY_MS     500
#define CREATE_MS    5000

struct bus_tail {
	uv_timer_t timer; /* first: the tail is freed when it is closed */
	struct bus_tail *next, **link;
	struct bus *bus;
	char *stream;
	uint64_t first;    /* sequence that comes next, or later */
	uint64_t consumed; /* the consumer's own count */
	struct bus_subscription *inbox;
	struct bus_request *create;
	bus_record_fn *on_record;
	void *user;
};

static void on_timer(uv_timer_t *timer);

static void start_timer(struct bus_tail *tail, uint64_t ms)
{
	(void)uv_timer_start(&tail->timer, on_timer, ms, 0); /* fails only while closing */
}

static void end_attempt(struct bus_tail *tail)
{
	bus_unsubscribe(TAKE(tail->inbox));
	if (tail->create)
		bus_cancel(TAKE(tail->create));
	(void)uv_timer_stop(&tail->timer);
}

/* The numbers in the reply subject of a stored message. */
struct ack {
	uint64_t stream_sequence, consumer_sequence, n_pending;
};

/*
 * $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>, or, from
 * newer servers, with <domain>.<account> behind ACK and perhaps a token more at the end.
 * Source: ADR-15 of nats-architecture-and-design.
 */
static int parse_ack(const char *reply, struct ack *ret_ack)
{
	char copy[SUBJECT_MAX];
	const char *tokens[13];
	size_t n = 0, at;

	if (!reply || !text_starts(reply, "$JS.ACK.") || strlen(reply) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, reply, strlen(reply) + 1);
	for (char *next = copy, *token; n < 13 && (token = strsep(&next, "."));)
		tokens[n++] = token;
	if (n != 9 && n < 11)
		return -EINVAL;
	at = n == 9 ? 5 : 7;
	if (text_parse_u64(tokens[at], UINT64_MAX, &ret_ack->stream_sequence) < 0 ||
	    text_parse_u64(tokens[at + 1], UINT64_MAX, &ret_ack->consumer_sequence) < 0 ||
	    text_parse_u64(tokens[at + 3], UINT64_MAX, &ret_ack->n_pending) < 0)
		return -EINVAL;
	return 0;
}

static void attempt(struct bus_tail *tail);

/* Heartbeats and flow control. Return: false when messages are missing. */
static bool handle_status(struct bus_tail *tail, const struct bus_message *message)
{
	const char *stalled = bus_message_header(message, "Nats-Consumer-Stalled");
	const char *last = bus_message_header(message, "Nats-Last-Consumer");
	const char *answer = message->reply ? message->reply : stalled;
	uint64_t consumed;

	/* Lost with the connection, it is asked for again by the next heartbeat. Whoever may publish to
	 * our inbox may not publish elsewhere in our name. */
	if (answer && text_starts(answer, "$JS.FC.") &&
	    bus_publish(tail->bus, answer, NULL, NULL, 0, NULL, 0) < 0)
		return true;
	if (!last || text_parse_u64(last, UINT64_MAX, &consumed) < 0)
		return true;
	return consumed == tail->consumed;
}

static void on_message(void *user, const struct bus_message *message)
{
	struct bus_tail *tail = user;
	const char *status = bus_message_header(message, "Status");
	struct ack ack;

	start_timer(tail, SILENCE_MS);
	if (status && message->len == 0 && text_equal(status, "100")) {
		if (!handle_status(tail, message))
			attempt(tail);
		return;
	}
	if (parse_ack(message->reply, &ack) < 0)
		return; /* not from the consumer: anyone may publish to an inbox */
	if (ack.consumer_sequence != tail->consumed + 1) {
		attempt(tail);
		return;
	}
	tail->consumed++;
	if (ack.stream_sequence < tail->first)
		return;
	tail->first = ack.stream_sequence + 1;
	tail->on_record(tail->user, message, ack.stream_sequence, ack.n_pending);
}

static bool on_created(void *user, int outcome, const struct bus_message *message)
{
	struct bus_tail *tail = user;

	tail->create = NULL;
	if (outcome < 0 ||
	    memmem(message->data, message->len, "\"error\":", strlen("\"error\":"))) {
		end_attempt(tail);
		start_timer(tail, RETRY_MS);
	} else {
		start_timer(tail, SILENCE_MS);
	}
	return false;
}

static int ask_for_consumer(struct bus_tail *tail, const char *inbox)
{
	auto_free char *body = NULL;
	char subject[SUBJECT_MAX];
	struct text text = {};
	size_t len;
	int r;

	(void)snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.CREATE.%s", tail->stream);
	text_addf(&text,
		  "{\"stream_name\":\"%s\",\"config\":{\"deliver_subject\":\"%s\","
		  "\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":%" PRIu64 ","
		  "\"ack_policy\":\"none\",\"max_deliver\":1,\"replay_policy\":\"instant\","
		  "\"flow_control\":true,\"idle_heartbeat\":%" PRIu64 ","
		  "\"mem_storage\":true,\"num_replicas\":1}}",
		  tail->stream, inbox, tail->first, (uint64_t)HEARTBEAT_MS * 1000000);
	r = text_take(&text, &body, &len);
	if (r < 0)
		return r;
	return bus_ask(tail->bus, subject, NULL, 0, body, len, CREATE_MS, on_created, tail,
		       &tail->create);
}

/* Begins anew from where we are. */
static void attempt(struct bus_tail *tail)
{
	char inbox[SUBJECT_MAX];
	int r;

	end_attempt(tail);
	tail->consumed = 0;
	if (!tail->bus->up)
		return; /* tails_up() comes */
	(void)bus_new_inbox(tail->bus, inbox);
	r = bus_subscribe(tail->bus, inbox, NULL, on_message, tail, &tail->inbox, NULL);
	if (r == 0)
		r = ask_for_consumer(tail, inbox);
	if (r < 0)
		start_timer(tail, RETRY_MS);
}

static void on_timer(uv_timer_t *timer)
{
	attempt(timer->data);
}

int bus_tail(struct bus *bus, const char *stream, uint64_t first, bus_record_fn *on_record,
	     void *user, struct bus_tail **ret_tail)
{
	struct bus_tail *tail = calloc(1, sizeof(*tail));

	if (!tail)
		return -ENOMEM;
	tail->stream = strdup(stream);
	if (!tail->stream) {
		free(tail);
		return -ENOMEM;
	}
	tail->bus = bus;
	tail->first = first ? first : 1;
	tail->on_record = on_record;
	tail->user = user;
	(void)uv_timer_init(bus->loop, &tail->timer); /* cannot fail */
	tail->timer.data = tail;
	tail->next = bus->tails;
	tail->link = &bus->tails;
	if (tail->next)
		tail->next->link = &tail->next;
	bus->tails = tail;
	attempt(tail);
	*ret_tail = tail;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct bus_tail *tail = handle->data;

	free(tail->stream);
	free(tail);
}

void bus_tail_stop(struct bus_tail *tail)
{
	if (!tail)
		return;
	end_attempt(tail);
	*tail->link = tail->next;
	if (tail->next)
		tail->next->link = tail->link;
	uv_close((uv_handle_t *)&tail->timer, on_timer_closed);
}

void tails_up(struct bus *bus)
{
	for (struct bus_tail *tail = bus->tails; tail; tail = tail->next)
		attempt(tail);
}

void tails_down(struct bus *bus)
{
	for (struct bus_tail *tail = bus->tails; tail; tail = tail->next)
		end_attempt(tail);
}

void tails_free(struct bus *bus)
{
	while (bus->tails)
		bus_tail_stop(bus->tails);
}
