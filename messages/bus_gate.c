/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/require.h"
#include "messages/bus_private.h"

#define RECONNECT_MS        250
#define RECONNECT_JITTER_MS 1000
#define LIBRARY_CLOSE_MS    5000
#define FEEDS_END_MS        2000

/*
 * libnats is one for the whole process: it has threads that serve all connections, and says nothing
 * about when one of them has left the last callback of a connection that was closed. It does when
 * the library is closed. So gates are kept until the last bus closes.
 */
static struct {
	pthread_mutex_t lock;
	unsigned n_users;
	struct gate *retired;
} library = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint64_t bus_now_ms(void)
{
	return uv_hrtime() / 1000000;
}

static void wake_loop(void *user)
{
	struct gate *gate = user;

	require(pthread_mutex_lock(&gate->lock) == 0);
	if (gate->wake)
		(void)uv_async_send(gate->wake); /* fails only for what is no async handle */
	require(pthread_mutex_unlock(&gate->lock) == 0);
}

int gate_new(size_t room, uv_async_t *wake, struct gate **ret_gate)
{
	auto_free struct gate *gate = calloc(1, sizeof(*gate));
	int r;

	if (!gate)
		return -ENOMEM;
	r = handoff_new(room, wake_loop, gate, &gate->deliveries);
	if (r < 0)
		return r;
	require(pthread_mutex_init(&gate->lock, NULL) == 0);
	gate->wake = wake;
	*ret_gate = TAKE(gate);
	return 0;
}

static void gate_free(struct gate *gate)
{
	feeds_free(gate);
	handoff_free(gate->deliveries, delivery_discard);
	(void)pthread_mutex_destroy(&gate->lock);
	free(gate);
}

void gate_enter_library(void)
{
	require(pthread_mutex_lock(&library.lock) == 0);
	library.n_users++;
	require(pthread_mutex_unlock(&library.lock) == 0);
}

void gate_retire(struct gate *gate)
{
	require(pthread_mutex_lock(&library.lock) == 0);
	gate->next_retired = library.retired;
	library.retired = gate;
	/* Threads that do not end in time may be in a callback: their gates are leaked. */
	if (--library.n_users == 0 && nats_CloseAndWait(LIBRARY_CLOSE_MS) == NATS_OK) {
		while (library.retired) {
			gate = library.retired;
			library.retired = gate->next_retired;
			gate_free(gate);
		}
	}
	require(pthread_mutex_unlock(&library.lock) == 0);
}

void gate_shut(struct gate *gate)
{
	require(pthread_mutex_lock(&gate->lock) == 0);
	gate->wake = NULL;
	require(pthread_mutex_unlock(&gate->lock) == 0);
}

void gate_raise(struct gate *gate, unsigned bits, const char *sentence)
{
	if (sentence) {
		require(pthread_mutex_lock(&gate->lock) == 0);
		(void)snprintf(gate->sentence, sizeof(gate->sentence), "%s", sentence);
		require(pthread_mutex_unlock(&gate->lock) == 0);
	}
	atomic_fetch_or(&gate->bits, bits);
	wake_loop(gate);
}

void gate_sentence(struct gate *gate, char *text, size_t room)
{
	require(pthread_mutex_lock(&gate->lock) == 0);
	(void)snprintf(text, room, "%s", gate->sentence);
	require(pthread_mutex_unlock(&gate->lock) == 0);
}

void delivery_discard(void *item)
{
	struct delivery *delivery = item;

	natsMsg_Destroy(delivery->message);
	free(delivery);
}

void gate_on_message(natsConnection *connection, natsSubscription *native, natsMsg *message,
		     void *user)
{
	struct bus_feed *feed = user;
	struct delivery *delivery = malloc(sizeof(*delivery));

	(void)connection;
	(void)native;
	if (delivery) {
		*delivery = (struct delivery){feed, message, bus_now_ms()};
		if (handoff_put(feed->gate->deliveries, delivery) < 0)
			delivery_discard(delivery); /* and the loop learns that it was lost */
		return;
	}
	natsMsg_Destroy(message);
	gate_raise(feed->gate, GATE_LAGGED, NULL);
}

void gate_on_feed_end(void *user)
{
	struct gate *gate = user;

	atomic_fetch_sub(&gate->n_feeding, 1);
}

/* What libnats has queued when the library is closed is leaked. */
void gate_wait_for_feeds(struct gate *gate)
{
	for (unsigned waited_ms = 0; atomic_load(&gate->n_feeding); waited_ms++) {
		if (waited_ms == FEEDS_END_MS)
			return;
		nats_Sleep(1);
	}
}

static void on_up(natsConnection *connection, void *user)
{
	struct gate *gate = user;

	(void)connection;
	atomic_store(&gate->state, GATE_STATE_UP);
	gate_raise(gate, GATE_UP, NULL);
}

static void on_down(natsConnection *connection, void *user)
{
	struct gate *gate = user;

	(void)connection;
	atomic_store(&gate->attempt_ms, bus_now_ms());
	atomic_store(&gate->state, GATE_STATE_DOWN);
	gate_raise(gate, GATE_DOWN, NULL);
}

static void on_closed(natsConnection *connection, void *user)
{
	struct gate *gate = user;
	const char *sentence = NULL;

	(void)natsConnection_GetLastError(connection, &sentence); /* gives the status back */
	atomic_store(&gate->attempt_ms, bus_now_ms());
	atomic_store(&gate->state, GATE_STATE_DOWN);
	gate_raise(gate, GATE_DOWN | GATE_CLOSED, sentence && sentence[0] ? sentence : NULL);
}

/* `native` may be freed already (libnats before 3.7.0): it is not looked at. */
static void on_error(natsConnection *connection, natsSubscription *native, natsStatus status,
		     void *user)
{
	struct gate *gate = user;
	const char *sentence = NULL;

	(void)native;
	if (status == NATS_SLOW_CONSUMER) {
		gate_raise(gate, GATE_LAGGED, NULL);
		return;
	}
	(void)natsConnection_GetLastError(connection, &sentence);
	gate_raise(gate, GATE_REFUSED,
		   sentence && sentence[0] ? sentence : natsStatus_GetText(status));
}

/* Also the sign that connecting does not hang: libnats asks after each round of servers. */
static int64_t reconnect_delay_ms(natsConnection *connection, int attempts, void *user)
{
	struct gate *gate = user;

	(void)connection;
	(void)attempts;
	atomic_store(&gate->attempt_ms, bus_now_ms());
	return RECONNECT_MS + (int64_t)arc4random_uniform(RECONNECT_JITTER_MS);
}

natsStatus gate_set_callbacks(natsOptions *options, struct gate *gate)
{
	natsStatus s = natsOptions_SetReconnectedCB(options, on_up, gate);

	if (s == NATS_OK)
		s = natsOptions_SetDisconnectedCB(options, on_down, gate);
	if (s == NATS_OK)
		s = natsOptions_SetClosedCB(options, on_closed, gate);
	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(options, on_error, gate);
	if (s == NATS_OK)
		s = natsOptions_SetCustomReconnectDelay(options, reconnect_delay_ms, gate);
	return s;
}
