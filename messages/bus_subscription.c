/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "messages/bus_private.h"

/*
 * A subscription is ours and may come and go at any time; a feed is libnats' part of it, for one
 * connection. libnats before 3.6.1 writes into freed memory when a subscription is destroyed while
 * a message for it arrives, so feeds are destroyed some time after they ended.
 */
#define DESTROY_AFTER_MS 10000
#define UNTIL_UP         UINT64_MAX /* as destroy_ms: to be unsubscribed when the bus is up */

static bool is_subject(const char *subject)
{
	const char *at = subject;

	if (!subject || !subject[0] || strlen(subject) >= SUBJECT_MAX)
		return false;
	for (; *at; at++) {
		bool begins = at == subject || at[-1] == '.';

		if (*at <= ' ' || *at > '~' || (*at == '.' && (begins || !at[1])))
			return false;
	}
	return true;
}

static void subscription_free(struct bus_subscription *subscription)
{
	free(subscription->subject);
	free(subscription->queue);
	free(subscription);
}

/* Failing leaves it without a feed: it is attached with the next connection. */
static void attach(struct bus_subscription *subscription)
{
	struct bus *bus = subscription->bus;
	struct bus_feed *feed = calloc(1, sizeof(*feed));
	natsStatus s;

	if (!feed)
		return;
	feed->gate = bus->gate;
	if (subscription->queue)
		s = natsConnection_QueueSubscribe(&feed->native, bus->connection,
						  subscription->subject, subscription->queue,
						  gate_on_message, feed);
	else
		s = natsConnection_Subscribe(&feed->native, bus->connection, subscription->subject,
					     gate_on_message, feed);
	if (s != NATS_OK) {
		free(feed);
		return;
	}
	atomic_fetch_add(&bus->gate->n_feeding, 1);
	if (natsSubscription_SetOnCompleteCB(feed->native, gate_on_feed_end, bus->gate) != NATS_OK)
		gate_on_feed_end(bus->gate); /* it has ended already */
	feed->owner = subscription;
	feed->next = bus->gate->feeds;
	bus->gate->feeds = feed;
	subscription->feed = feed;
}

static void detach(struct bus_subscription *subscription)
{
	struct bus_feed *feed = subscription->feed;

	subscription->feed = NULL;
	feed->owner = NULL;
	feed->destroy_ms = bus_now_ms() + DESTROY_AFTER_MS;
}

/* Failing means that the connection is closed, and with it the subscription. */
static void unsubscribe(struct bus_feed *feed)
{
	(void)natsSubscription_Unsubscribe(feed->native);
	feed->destroy_ms = bus_now_ms() + DESTROY_AFTER_MS;
}

int bus_subscribe(struct bus *bus, const char *subject, const char *queue,
		  bus_message_fn *on_message, void *user,
		  struct bus_subscription **ret_subscription, struct error *err)
{
	struct bus_subscription *subscription;

	if (!is_subject(subject) || (queue && !is_subject(queue)))
		return error_set(err, -EINVAL, "'%s' is not a subject", subject ? subject : "");
	subscription = calloc(1, sizeof(*subscription));
	if (!subscription)
		return -ENOMEM;
	subscription->subject = strdup(subject);
	subscription->queue = queue ? strdup(queue) : NULL;
	if (!subscription->subject || (queue && !subscription->queue)) {
		subscription_free(subscription);
		return -ENOMEM;
	}
	subscription->bus = bus;
	subscription->on_message = on_message;
	subscription->user = user;
	subscription->next = bus->subscriptions;
	subscription->link = &bus->subscriptions;
	if (subscription->next)
		subscription->next->link = &subscription->next;
	bus->subscriptions = subscription;
	if (bus->up)
		attach(subscription);
	*ret_subscription = subscription;
	return 0;
}

void bus_unsubscribe(struct bus_subscription *subscription)
{
	struct bus *bus;

	if (!subscription)
		return;
	bus = subscription->bus;
	if (subscription->feed) {
		struct bus_feed *feed = subscription->feed;

		detach(subscription);
		if (bus->up)
			unsubscribe(feed);
		else /* libnats would wait for the lock that it holds while it connects */
			feed->destroy_ms = UNTIL_UP;
	}
	*subscription->link = subscription->next;
	if (subscription->next)
		subscription->next->link = subscription->link;
	subscription_free(subscription);
}

void subscriptions_attach(struct bus *bus)
{
	for (struct bus_feed *feed = bus->gate->feeds; feed; feed = feed->next) {
		if (feed->destroy_ms == UNTIL_UP)
			unsubscribe(feed);
	}
	for (struct bus_subscription *s = bus->subscriptions; s; s = s->next) {
		if (!s->feed)
			attach(s);
	}
}

void subscriptions_detach(struct bus *bus)
{
	for (struct bus_subscription *s = bus->subscriptions; s; s = s->next) {
		if (s->feed)
			detach(s);
	}
}

void subscriptions_free(struct bus *bus)
{
	while (bus->subscriptions) {
		struct bus_subscription *subscription = bus->subscriptions;

		bus->subscriptions = subscription->next;
		if (subscription->feed)
			detach(subscription);
		subscription_free(subscription);
	}
}

/* Only while no delivery is queued, as it would name a feed that is gone. */
void feeds_sweep(struct bus *bus)
{
	uint64_t now_ms = bus_now_ms();

	for (struct bus_feed **link = &bus->gate->feeds; *link;) {
		struct bus_feed *feed = *link;

		if (!feed->destroy_ms || now_ms < feed->destroy_ms) {
			link = &feed->next;
			continue;
		}
		*link = feed->next;
		natsSubscription_Destroy(feed->native);
		free(feed);
	}
}

void feeds_free(struct gate *gate)
{
	while (gate->feeds) {
		struct bus_feed *feed = gate->feeds;

		gate->feeds = feed->next;
		free(feed);
	}
}
