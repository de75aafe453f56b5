/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

/*
 * The only way from one thread to another: a bounded queue of pointers. Any thread puts, one thread
 * takes. Ownership of what a pointer points at moves with it.
 *
 * The consumer is woken through `wake`, called at most once between two drains, from the thread
 * that put, without the queue's lock held: uv_async_send(), or nothing where the consumer waits
 * in handoff_wait().
 */
struct handoff;

/*
 * @room: how many pointers it holds at most; 1..2^20.
 * @wake: may be NULL.
 * Return: 0, -ENOMEM.
 */
must_check int handoff_new(size_t room, void (*wake)(void *user), void *user,
			   struct handoff **ret_handoff);

/* Pointers still inside are given to `discard`, which may be NULL. No other thread may use it now. */
void handoff_free(struct handoff *handoff, void (*discard)(void *item));

/*
 * Return: 0, -ENOBUFS when it is full or closed: the caller keeps the item. The consumer learns of
 * lost items from handoff_lost().
 */
must_check int handoff_put(struct handoff *handoff, void *item);

/* Takes the oldest item, NULL when there is none. Consumer only. */
void *handoff_take(struct handoff *handoff);

/* As handoff_take(), and sleeps until there is one. NULL once it is closed and empty. */
void *handoff_wait(struct handoff *handoff);

/* From now on nothing can be put; wakes handoff_wait(). */
void handoff_close(struct handoff *handoff);

/* How many puts were refused since it was last asked. Consumer only. */
uint64_t handoff_lost(struct handoff *handoff);
