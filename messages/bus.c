/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/bus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/conceal.h"
#include "base/require.h"
#include "base/uuid.h"
#include "messages/bus_private.h"

#define QUEUE 65536
/* Messages of one wake-up, and about how long they may take; then the loop has its turn. */
#define BUDGET           256
#define BUDGET_MS        50
#define TICK_MS          1000
#define REOPEN_MS        250
#define REOPEN_JITTER_MS 1000
#define HANG_MS          60000
#define SHUTDOWN_MS      10000 /* for libnats' threads, when the bus closes */

/*
 * Opening runs on a thread of its own, as natsConnection_Connect() tries all servers before it
 * returns. It is repeated from here, not by libnats (RetryOnFailedConnect), which then hides why a
 * server refused. Once connected, libnats reconnects by itself, until it gives up (CLOSED: two
 * refused logins, of which 1 in 256 is its own fault before 3.8.0): then all begins anew.
 */

const char *bus_event_name(enum bus_event event)
{
	switch (event) {
	case BUS_CONNECTED:
		return "connected";
	case BUS_DISCONNECTED:
		return "disconnected";
	case BUS_UNREACHED:
		return "unreached";
	case BUS_LAGGED:
		return "lagged";
	case BUS_REFUSED:
		return "refused";
	}
	return "?";
}

static void *open_connection(void *user)
{
	struct bus *bus = user;
	struct gate *gate = bus->gate;
	int fresh = GATE_STATE_NEW;
	natsStatus s;

	bus->opened = NULL;
	s = natsConnection_Connect(&bus->opened, bus->options);
	if (s == NATS_OK) { /* unless it is lost again already: then libnats has told so */
		(void)atomic_compare_exchange_strong(&gate->state, &fresh, GATE_STATE_UP);
		gate_raise(gate, GATE_OPENED, NULL);
	} else if (s == NATS_NO_SERVER) { /* nobody listens: that is no news every second */
		gate_raise(gate, GATE_OPENED, NULL);
	} else {
		const char *sentence = nats_GetLastError(NULL);

		gate_raise(gate, GATE_OPENED | GATE_REFUSED,
			   sentence && sentence[0] ? sentence : natsStatus_GetText(s));
	}
	nats_ReleaseThreadMemory();
	return NULL;
}

static void on_tick(uv_timer_t *tick);

/* The next tick opens; it comes a little later, so that a fleet does not come at once. */
static void open_soon(struct bus *bus)
{
	uint64_t ms = REOPEN_MS + arc4random_uniform(REOPEN_JITTER_MS);

	bus->open_pending = true;
	(void)uv_timer_start(&bus->tick, on_tick, ms, TICK_MS); /* fails only while closing */
}

static void start_opening(struct bus *bus)
{
	atomic_store(&bus->gate->attempt_ms, bus_now_ms());
	atomic_store(&bus->gate->state, GATE_STATE_NEW);
	bus->opening = pthread_create(&bus->opener, NULL, open_connection, bus) == 0;
	bus->open_pending = !bus->opening; /* else tried again with the next tick */
}

static void end_opening(struct bus *bus)
{
	require(pthread_join(bus->opener, NULL) == 0);
	bus->opening = false;
	bus->connection = bus->opened;
	if (bus->connection)
		return;
	open_soon(bus);
	if (!bus->closing)
		bus->on_event(bus->user, BUS_UNREACHED, "no server answers");
}

static void go_up(struct bus *bus)
{
	char url[256];

	bus->up = true;
	if (natsConnection_GetConnectedUrl(bus->connection, url, sizeof(url)) != NATS_OK)
		url[0] = '\0'; /* lost again; the event comes */
	conceal_passwords(url);
	subscriptions_attach(bus);
	tails_up(bus);
	version_ask(bus, url);
	bus->on_event(bus->user, BUS_CONNECTED, url);
}

static void go_down(struct bus *bus)
{
	bus->up = false;
	requests_lost(bus);
	tails_down(bus);
	bus->on_event(bus->user, BUS_DISCONNECTED, "reconnecting");
}

static void reopen(struct bus *bus)
{
	subscriptions_detach(bus);
	natsConnection_Destroy(bus->connection);
	bus->connection = NULL;
	open_soon(bus);
}

static void handle_events(struct bus *bus)
{
	unsigned bits = atomic_exchange(&bus->gate->bits, 0);
	char sentence[sizeof(bus->gate->sentence)];

	if (bits & GATE_OPENED)
		end_opening(bus);
	if ((bits & GATE_DOWN) && bus->up)
		go_down(bus);
	if (bits & (GATE_REFUSED | GATE_CLOSED))
		gate_sentence(bus->gate, sentence, sizeof(sentence));
	if ((bits & (GATE_REFUSED | GATE_CLOSED)) && !bus->closing)
		bus->on_event(bus->user, BUS_REFUSED, sentence);
	if ((bits & GATE_CLOSED) && !bus->closing && bus->connection)
		reopen(bus);
	if ((bits & GATE_LAGGED) && !bus->closing)
		bus->on_event(bus->user, BUS_LAGGED, "libnats dropped messages");
	if (!bus->closing && !bus->up && bus->connection &&
	    atomic_load(&bus->gate->state) == GATE_STATE_UP)
		go_up(bus);
}

static void deliver(struct bus *bus)
{
	uint64_t begin_ms = bus_now_ms(), now_ms = begin_ms;
	struct delivery *delivery;

	for (unsigned n = 0; !bus->closing; n++) {
		struct bus_subscription *subscription;
		struct bus_message message;

		if (n == BUDGET || now_ms - begin_ms > BUDGET_MS) {
			(void)uv_async_send(&bus->wake); /* the rest in the loop's next round */
			return;
		}
		delivery = handoff_take(bus->gate->deliveries);
		if (!delivery)
			break;
		subscription = delivery->feed->owner;
		if (subscription) {
			message = bus_message_of(delivery->message);
			if (now_ms > delivery->heard_ms) /* or it came since we looked */
				message.waited_ms = now_ms - delivery->heard_ms;
			subscription->on_message(subscription->user, &message);
		}
		delivery_discard(delivery);
		now_ms = bus_now_ms();
	}
	if (!bus->closing)
		feeds_sweep(bus);
}

static void on_wake(uv_async_t *wake)
{
	struct bus *bus = wake->data;
	uint64_t n_lost = handoff_lost(bus->gate->deliveries);

	handle_events(bus);
	if (n_lost && !bus->closing) {
		char sentence[64];

		(void)snprintf(sentence, sizeof(sentence), "%llu messages dropped, queue full",
			       (unsigned long long)n_lost);
		bus->on_event(bus->user, BUS_LAGGED, sentence);
	}
	deliver(bus);
}

/*
 * libnats before 3.8.0 spins for ever in a connect whose server greets and then says nothing. There
 * is no way to end that thread but with the process.
 */
static void watch_for_hang(struct bus *bus)
{
	uint64_t last_ms = atomic_load(&bus->gate->attempt_ms), now_ms = bus_now_ms();
	bool is_connecting = bus->opening ||
			     (bus->connection && atomic_load(&bus->gate->state) != GATE_STATE_UP);

	if (!is_connecting || now_ms < last_ms + bus->hang_ms)
		return;
	bus->on_event(bus->user, BUS_REFUSED,
		      "libnats hangs in connecting: ending, to be started anew");
	_exit(EXIT_BUS_HANGS);
}

static void on_tick(uv_timer_t *tick)
{
	struct bus *bus = tick->data;

	if (bus->open_pending)
		start_opening(bus);
	watch_for_hang(bus);
	if (!bus->closing)
		deliver(bus); /* for feeds_sweep(), where no message wakes us */
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct bus *bus = handle->data;

	if (--bus->n_handles == 0)
		free(bus);
}

static void name_inbox(struct bus *bus, const char *prefix)
{
	struct uuid uuid;
	char text[UUID_TEXT_MAX];

	uuid_random(&uuid);
	(void)snprintf(bus->inbox, sizeof(bus->inbox), "%s.%s", prefix ? prefix : "_INBOX",
		       uuid_format(&uuid, text));
}

static int check_options(const struct bus_options *options, struct error *err)
{
	if (options->inbox_prefix && strlen(options->inbox_prefix) > 80)
		return error_set(err, -EINVAL, "inbox prefix: longer than 80 bytes");
	if (options->queue > 1U << 20)
		return error_set(err, -EINVAL, "queue: at most %u", 1U << 20);
	return 0;
}

int bus_new(uv_loop_t *loop, const struct bus_options *options, bus_event_fn *on_event, void *user,
	    struct bus **ret_bus, struct error *err)
{
	auto_free struct bus *bus = calloc(1, sizeof(*bus));
	int r = check_options(options, err);

	if (!bus)
		return -ENOMEM;
	if (r == 0)
		r = gate_new(options->queue ? options->queue : QUEUE, &bus->wake, &bus->gate);
	if (r < 0)
		return r;
	gate_enter_library();
	r = bus_options_native(options, &bus->options, err);
	if (r == 0 && gate_set_callbacks(bus->options, bus->gate) != NATS_OK)
		r = -ENOMEM;
	if (r == 0)
		r = uv_async_init(loop, &bus->wake, on_wake);
	if (r < 0) {
		natsOptions_Destroy(bus->options);
		gate_retire(bus->gate);
		return r;
	}
	(void)uv_timer_init(loop, &bus->tick); /* cannot fail */
	(void)uv_timer_start(&bus->tick, on_tick, TICK_MS, TICK_MS);
	bus->wake.data = bus->tick.data = bus;
	bus->n_handles = 2;
	bus->loop = loop;
	bus->on_event = on_event;
	bus->user = user;
	bus->hang_ms = HANG_MS;
	bus->ask_version = options->ask_version;
	name_inbox(bus, options->inbox_prefix);
	start_opening(bus);
	*ret_bus = TAKE(bus);
	return 0;
}

/* On a thread of its own, as libnats may hang in it as it may in connecting. */
static void *close_connection(void *user)
{
	struct bus *bus = user;

	if (bus->opening)
		require(pthread_join(bus->opener, NULL) == 0);
	if (bus->opening)
		bus->connection = bus->opened;
	natsConnection_Close(bus->connection);
	gate_wait_for_feeds(bus->gate);
	for (struct bus_feed *feed = bus->gate->feeds; feed; feed = feed->next)
		natsSubscription_Destroy(feed->native); /* its connection's threads have ended */
	natsConnection_Destroy(bus->connection);
	natsOptions_Destroy(bus->options);
	nats_ReleaseThreadMemory();
	return NULL;
}

static void wait_for_close(struct bus *bus)
{
	struct timespec until;
	pthread_t closer;

	require(clock_gettime(CLOCK_REALTIME, &until) == 0);
	until.tv_sec += SHUTDOWN_MS / 1000;
	if (pthread_create(&closer, NULL, close_connection, bus) != 0)
		(void)close_connection(bus);
	else if (pthread_timedjoin_np(closer, NULL, &until) != 0)
		_exit(EXIT_BUS_HANGS);
}

void bus_close(struct bus *bus)
{
	struct delivery *delivery;

	if (!bus)
		return;
	bus->closing = true;
	bus->up = false;
	version_forget(bus);
	tails_free(bus);
	requests_free(bus);
	gate_shut(bus->gate);
	handoff_close(bus->gate->deliveries);
	wait_for_close(bus);
	subscriptions_free(bus);
	while ((delivery = handoff_take(bus->gate->deliveries)))
		delivery_discard(delivery);
	gate_retire(bus->gate);
	uv_close((uv_handle_t *)&bus->wake, on_handle_closed);
	uv_close((uv_handle_t *)&bus->tick, on_handle_closed);
}

bool bus_is_connected(const struct bus *bus)
{
	return bus->up;
}
