/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/loop.h"

#include <stdlib.h>

#include "base/require.h"

/* One thing to come. A timer's is pointed to by the timer, as it may be stopped. */
struct event {
	uint64_t at, order; /* of two at the same time the earlier made is first */
	sim_fn *fn;
	void *user;
	uv_timer_t *timer;
};

static struct {
	uint64_t now, order, random;
	struct event **heap;
	size_t n, room;
} sim;

/* ---- chance ---- */

/* Source: SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(void)
{
	uint64_t z = (sim.random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t sim_random(uint32_t below)
{
	return below ? (uint32_t)(next_random() % below) : 0;
}

bool sim_chance(unsigned percent)
{
	return sim_random(100) < percent;
}

/* The C library's, for the code under test. */
uint32_t arc4random_uniform(uint32_t below)
{
	return sim_random(below);
}

/* ---- the heap ---- */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(size_t a, size_t b)
{
	struct event *event = sim.heap[a];

	sim.heap[a] = sim.heap[b];
	sim.heap[b] = event;
}

static struct event *put(uint64_t ms)
{
	struct event *event = calloc(1, sizeof(*event));

	if (sim.n == sim.room) {
		sim.room = sim.room ? 2 * sim.room : 1024;
		sim.heap = realloc(sim.heap, sim.room * sizeof(struct event *));
	}
	require(event && sim.heap);
	event->at = sim.now + ms;
	event->order = sim.order++;
	sim.heap[sim.n++] = event;
	for (size_t i = sim.n - 1; i > 0 && is_before(sim.heap[i], sim.heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
	return event;
}

static struct event *pop(void)
{
	struct event *first = sim.heap[0];
	size_t at = 0;

	sim.heap[0] = sim.heap[--sim.n];
	for (;;) {
		size_t next = 2 * at + 1;

		if (next + 1 < sim.n && is_before(sim.heap[next + 1], sim.heap[next]))
			next++;
		if (next >= sim.n || !is_before(sim.heap[next], sim.heap[at]))
			return first;
		swap(at, next);
		at = next;
	}
}

/* ---- time ---- */

void sim_begin(uint64_t seed)
{
	sim.now = 1000000;
	sim.order = 0;
	sim.random = seed;
}

void sim_end(void)
{
	while (sim.n > 0)
		free(sim.heap[--sim.n]);
	free(sim.heap);
	sim.heap = NULL;
	sim.room = 0;
}

uint64_t sim_now(void)
{
	return sim.now;
}

void sim_after(uint64_t ms, sim_fn *fn, void *user)
{
	struct event *event = put(ms);

	event->fn = fn;
	event->user = user;
}

static void fire(struct event *event)
{
	uv_timer_t *timer = event->timer;
	uv_timer_cb on_time;

	if (!timer) {
		if (event->fn)
			event->fn(event->user);
		return;
	}
	on_time = timer->timer_cb;
	timer->heap_node[0] = NULL;
	if (timer->repeat)
		require(uv_timer_start(timer, on_time, timer->repeat, timer->repeat) == 0);
	on_time(timer);
}

void sim_run(uint64_t ms)
{
	uint64_t end = sim.now + ms;

	while (sim.n > 0 && sim.heap[0]->at <= end) {
		struct event *event = pop();

		sim.now = event->at;
		fire(event);
		free(event);
	}
	sim.now = end;
}

/* ---- libuv ---- */

uint64_t uv_now(const uv_loop_t *loop)
{
	(void)loop;
	return sim.now;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
	*timer = (uv_timer_t){.type = UV_TIMER, .loop = loop, .data = timer->data};
	return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
	struct event *event = timer->heap_node[0];

	if (event) {
		event->timer = NULL;
		timer->heap_node[0] = NULL;
	}
	return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb on_time, uint64_t ms, uint64_t repeat)
{
	struct event *event;

	(void)uv_timer_stop(timer);
	event = put(ms);
	event->timer = timer;
	timer->heap_node[0] = event;
	timer->timer_cb = on_time;
	timer->repeat = repeat;
	return 0;
}

int uv_is_active(const uv_handle_t *handle)
{
	return ((const uv_timer_t *)handle)->heap_node[0] != NULL;
}

/* Nobody here looks at a handle that it has closed, so there is nothing to wait for. */
void uv_close(uv_handle_t *handle, uv_close_cb on_close)
{
	(void)uv_timer_stop((uv_timer_t *)handle);
	if (on_close)
		on_close(handle);
}
