/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/counting.h"

#include <errno.h>
#include <stdlib.h>

#include "base/require.h"

struct question {
	bool pending;          /* the kernel thread has not answered: the place is taken */
	counting_fn *on_count; /* NULL: nobody waits any more */
	void *user;
	uint64_t token, until_ms;
};

struct counting {
	uv_timer_t timer;
	struct worker *worker;
	struct question questions[COUNTING_MAX];
	uint64_t token;
};

static void answer(struct question *question, const struct worker_count *count)
{
	counting_fn *on_count = TAKE(question->on_count); /* which may ask anew */

	on_count(question->user, count);
}

static void on_timer(uv_timer_t *timer)
{
	struct counting *counting = timer->data;
	uint64_t now_ms = uv_now(timer->loop);
	bool any = false;

	for (unsigned i = 0; i < COUNTING_MAX; i++) {
		struct question *question = &counting->questions[i];

		if (question->on_count && question->until_ms <= now_ms)
			answer(question, NULL);
		any = any || question->on_count;
	}
	if (!any)
		(void)uv_timer_stop(timer); /* never fails */
}

int counting_new(uv_loop_t *loop, struct worker *worker, struct counting **ret_counting)
{
	struct counting *counting = calloc(1, sizeof(*counting));

	if (!counting)
		return -ENOMEM;
	counting->worker = worker;
	require(uv_timer_init(loop, &counting->timer) == 0);
	counting->timer.data = counting;
	*ret_counting = counting;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void counting_close(struct counting *counting)
{
	if (counting)
		uv_close((uv_handle_t *)&counting->timer, on_closed);
}

/* NULL: none is free, or the last question of `user` is still to be answered. */
static struct question *find_place(struct counting *counting, const void *user)
{
	struct question *place = NULL;

	for (unsigned i = 0; i < COUNTING_MAX; i++) {
		struct question *question = &counting->questions[i];

		if (question->pending && question->user == user)
			return NULL;
		if (!question->pending && !question->on_count)
			place = question;
	}
	return place;
}

int counting_ask(struct counting *counting, const char *net, bool destinations,
		 counting_fn *on_count, void *user)
{
	struct question *question = find_place(counting, user);
	int r;

	if (!question)
		return -ENOBUFS;
	r = worker_count(counting->worker, net, destinations, ++counting->token);
	if (r < 0)
		return r;
	*question = (struct question){
		.pending = true,
		.on_count = on_count,
		.user = user,
		.token = counting->token,
		.until_ms = uv_now(counting->timer.loop) + COUNTING_PATIENCE_MS,
	};
	if (!uv_is_active((uv_handle_t *)&counting->timer))
		require(uv_timer_start(&counting->timer, on_timer, COUNTING_PATIENCE_MS,
				       COUNTING_PATIENCE_MS / 8) == 0);
	return 0;
}

void counting_forget(struct counting *counting, const void *user)
{
	for (unsigned i = 0; i < COUNTING_MAX; i++) {
		struct question *question = &counting->questions[i];

		if (question->user != user)
			continue;
		question->on_count = NULL;
		question->user = NULL; /* another may come to have the same address */
	}
}

void counting_on_report(struct counting *counting, const struct worker_count *count)
{
	for (unsigned i = 0; i < COUNTING_MAX; i++) {
		struct question *question = &counting->questions[i];

		if (!question->pending || question->token != count->token)
			continue;
		question->pending = false;
		if (question->on_count)
			answer(question, count);
		return;
	}
}
