/* SPDX-License-Identifier: Apache-2.0 */
#include "base/handoff.h"

#include <errno.h>
#include <pthread.h>

#include "base/require.h"

struct handoff {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	void (*wake)(void *user);
	void *user;
	bool armed; /* the consumer was woken and has not found the queue empty since */
	bool closed;
	uint64_t lost;
	size_t room, first, n_items;
	void *items[];
};

int handoff_new(size_t room, void (*wake)(void *user), void *user, struct handoff **ret_handoff)
{
	struct handoff *handoff;

	require(room >= 1 && room <= 1U << 20);
	handoff = calloc(1, sizeof(*handoff) + room * sizeof(handoff->items[0]));
	if (!handoff)
		return -ENOMEM;
	handoff->room = room;
	handoff->wake = wake;
	handoff->user = user;
	/* Neither can fail with default attributes on Linux. */
	require(pthread_mutex_init(&handoff->lock, NULL) == 0);
	require(pthread_cond_init(&handoff->filled, NULL) == 0);
	*ret_handoff = handoff;
	return 0;
}

static void lock(struct handoff *handoff)
{
	require(pthread_mutex_lock(&handoff->lock) == 0);
}

static void unlock(struct handoff *handoff)
{
	require(pthread_mutex_unlock(&handoff->lock) == 0);
}

/* With the lock held. */
static void *take_first(struct handoff *handoff)
{
	void *item;

	if (handoff->n_items == 0) {
		handoff->armed = false;
		return NULL;
	}
	item = handoff->items[handoff->first];
	handoff->first = (handoff->first + 1) % handoff->room;
	handoff->n_items--;
	return item;
}

void handoff_free(struct handoff *handoff, void (*discard)(void *item))
{
	void *item;

	if (!handoff)
		return;
	while ((item = take_first(handoff))) {
		if (discard)
			discard(item);
	}
	(void)pthread_cond_destroy(&handoff->filled);
	(void)pthread_mutex_destroy(&handoff->lock);
	free(handoff);
}

int handoff_put(struct handoff *handoff, void *item)
{
	bool wake = false;
	int r = 0;

	require(item);
	lock(handoff);
	if (handoff->closed || handoff->n_items == handoff->room) {
		handoff->lost++;
		r = -ENOBUFS;
	} else {
		handoff->items[(handoff->first + handoff->n_items++) % handoff->room] = item;
		require(pthread_cond_signal(&handoff->filled) == 0);
	}
	if (!handoff->armed) /* also when refused: the consumer must hear of the loss */
		wake = handoff->armed = true;
	unlock(handoff);
	if (wake && handoff->wake)
		handoff->wake(handoff->user);
	return r;
}

void *handoff_take(struct handoff *handoff)
{
	void *item;

	lock(handoff);
	item = take_first(handoff);
	unlock(handoff);
	return item;
}

void *handoff_wait(struct handoff *handoff)
{
	void *item;

	lock(handoff);
	while (!(item = take_first(handoff)) && !handoff->closed)
		require(pthread_cond_wait(&handoff->filled, &handoff->lock) == 0);
	unlock(handoff);
	return item;
}

void handoff_close(struct handoff *handoff)
{
	lock(handoff);
	handoff->closed = true;
	require(pthread_cond_broadcast(&handoff->filled) == 0);
	unlock(handoff);
}

uint64_t handoff_lost(struct handoff *handoff)
{
	uint64_t lost;

	lock(handoff);
	lost = handoff->lost;
	handoff->lost = 0;
	unlock(handoff);
	return lost;
}
