/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dataplane/worker.h"

/*
 * Questions to the kernel thread about what LoadBalancers carry, and its answers to whoever asked.
 * It may be busy for seconds with a large load: then there is no answer in time. The question still
 * waits for it then: it keeps its place, and whoever asked it cannot ask another one, so that
 * counting, which is work too, never piles up before what is to be programmed.
 */
struct counting;

#define COUNTING_PATIENCE_MS 4000
#define COUNTING_MAX         32 /* questions that wait for the kernel thread */

/* @count: NULL: there is no answer, or none in time. Valid during the call. */
typedef void counting_fn(void *user, const struct worker_count *count);

/* @worker: borrowed. Return: 0, -ENOMEM. */
must_check int counting_new(uv_loop_t *loop, struct worker *worker, struct counting **ret_counting);
/* on_count is called for nobody any more. The memory goes with the loop's close callbacks. */
void counting_close(struct counting *counting);

/*
 * @net, @destinations: of worker_count().
 * on_count is called once, not from within.
 * Return: 0, -ENOBUFS (too many wait, or one of `user`), -ENOMEM.
 */
must_check int counting_ask(struct counting *counting, const char *net, bool destinations,
			    counting_fn *on_count, void *user);

/* Nobody calls back `user` any more. */
void counting_forget(struct counting *counting, const void *user);

/* The kernel thread has answered. */
void counting_on_report(struct counting *counting, const struct worker_count *count);
