/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vitals.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/vitals_private.h"
#include "base/require.h"
#include "messages/subjects.h"

enum {
	TICK_MS = 1000,
	WORD_MS = 600000, /* a message of each to all, by nodes that have all come back */
	ROLL_MS = 1000,   /* to an allocator, by all nodes there are */
};

uint64_t vitals_now(const struct vitals *vitals)
{
	return uv_now(vitals->options.attempts->loop);
}

void vitals_act(struct vitals *vitals)
{
	if (vitals->full_at <= vitals_now(vitals)) {
		vitals_drop_news(vitals);
		vitals_send_all(vitals);
	}
	vitals_send_news(vitals);
	(void)vitals_share_out_all(vitals);
	vitals_judge_all(vitals);
}

static void on_soon(uv_timer_t *timer)
{
	vitals_act(timer->data);
}

void vitals_act_soon(struct vitals *vitals)
{
	if (!uv_is_active((uv_handle_t *)&vitals->soon))
		require(uv_timer_start(&vitals->soon, on_soon, VITALS_PAUSE_MS, 0) == 0);
}

static void on_tick(uv_timer_t *timer)
{
	struct vitals *vitals = timer->data;

	if (vitals_share_out_all(vitals) || vitals->restless ||
	    vitals->full_at <= vitals_now(vitals))
		vitals_act_soon(vitals);
}

void vitals_on_roll(struct vitals *vitals)
{
	vitals_send_all_within(vitals, arc4random_uniform(ROLL_MS));
}

void vitals_on_connected(struct vitals *vitals)
{
	if (vitals->grace_until == UINT64_MAX) {
		vitals->grace_until = vitals_now(vitals) + VITALS_YOUNG_MS;
		for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next)
			ward->patience_until = vitals_patience(vitals, ward);
	}
	/* Should somebody still take us for dead: allocators take that back, but they may be new. */
	vitals->word_at = vitals_now(vitals) + arc4random_uniform(WORD_MS);
	if (!vitals->informed)
		vitals_ask_for_memory(vitals);
	vitals_greet(vitals);
}

static void on_closed(uv_handle_t *handle)
{
	struct vitals *vitals = handle->data;

	if (--vitals->n_handles > 0)
		return;
	vitals_drop_news(vitals);
	free(vitals);
}

void vitals_close(struct vitals *vitals)
{
	struct ward *ward, *next;

	if (!vitals)
		return;
	bus_unsubscribe(TAKE(vitals->subscription));
	if (vitals->question)
		bus_cancel(TAKE(vitals->question));
	probes_deinit(&vitals->probes);
	HASH_ITER(hh, vitals->wards, ward, next)
	vitals_remove_ward(vitals, ward);
	checks_free(TAKE(vitals->checks));
	residents_free(TAKE(vitals->residents));
	verdicts_free(TAKE(vitals->verdicts));
	uv_close((uv_handle_t *)&vitals->tick, on_closed);
	uv_close((uv_handle_t *)&vitals->soon, on_closed);
}

int vitals_new(const struct vitals_options *options, struct vitals **ret_vitals, struct error *err)
{
	struct vitals *vitals = calloc(1, sizeof(*vitals));
	char subject[SUBJECT_MAX];
	int r;

	if (!vitals)
		return -ENOMEM;
	vitals->options = *options;
	vitals->probes = (struct probes){
		.bus = options->bus, .attempts = options->attempts, .net = options->net};
	vitals->born_ms = vitals_now(vitals);
	vitals->grace_until = UINT64_MAX;
	vitals->full_at = vitals->born_ms;
	vitals->word_at = UINT64_MAX;
	vitals->wait_until = vitals->born_ms + VITALS_ASK_MS;
	require(uv_timer_init(options->attempts->loop, &vitals->tick) == 0 &&
		uv_timer_init(options->attempts->loop, &vitals->soon) == 0);
	vitals->tick.data = vitals->soon.data = vitals;
	vitals->n_handles = 2;
	r = verdicts_new(options->node, NULL, NULL, &vitals->verdicts);
	if (r == 0)
		r = residents_new(&vitals->residents);
	if (r == 0)
		r = checks_new(options->attempts, options->net, vitals_on_verdict, vitals,
			       &vitals->checks);
	if (r == 0)
		r = bus_subscribe(options->bus, subject_health(subject, options->net, "*"), NULL,
				  vitals_on_message, vitals, &vitals->subscription, err);
	if (r < 0) {
		vitals_close(vitals);
		return r;
	}
	vitals->peers = verdicts_peers(vitals->verdicts, vitals->born_ms);
	require(uv_timer_start(&vitals->tick, on_tick, TICK_MS, TICK_MS) == 0);
	if (bus_is_connected(options->bus))
		vitals_on_connected(vitals);
	*ret_vitals = vitals;
	return 0;
}
