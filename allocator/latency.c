/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/latency.h"

#include <string.h>

#include "base/array.h"
#include "base/hash.h"

void latency_published(struct latency *latency, const char *net, uint64_t revision, uint64_t now_ms)
{
	unsigned i = latency->next;

	latency->next = (i + 1) % LATENCY_MAX;
	latency->items[i].net = hash_bytes(net, strlen(net));
	latency->items[i].revision = revision;
	latency->items[i].at_ms = now_ms;
}

void latency_programmed(struct latency *latency, const char *net, uint64_t before,
			uint64_t revision, uint64_t now_ms)
{
	uint64_t hash = hash_bytes(net, strlen(net));

	if (revision <= before)
		return;
	ARRAY_FOREACH(item, latency->items, LATENCY_MAX) {
		if (item->net == hash && item->revision > before && item->revision <= revision &&
		    now_ms - item->at_ms <= LATENCY_FORGET_MS)
			histogram_note(&latency->histogram, now_ms - item->at_ms);
	}
}
