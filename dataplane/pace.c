/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/pace.h"

#include "base/auto.h"

#define REST_MS     100 /* at least: what one command does comes as several events */
#define REST_FACTOR 10  /* at least this many times what it took */

bool pace_begin(struct pace *pace, uint64_t now_ms)
{
	return pace->after_ms <= now_ms && TAKE(pace->due);
}

void pace_end(struct pace *pace, uint64_t now_ms, uint64_t took_ms)
{
	uint64_t rest_ms = REST_FACTOR * took_ms;

	pace->after_ms = now_ms + took_ms + (rest_ms > REST_MS ? rest_ms : REST_MS);
}

uint64_t pace_next_ms(const struct pace *pace)
{
	return pace->due ? pace->after_ms : UINT64_MAX;
}
