/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/top.h"
#include "base/array.h"
#include "base/text.h"

static uint64_t bytes_of(const struct traffic_lb *lb)
{
	return lb->sums[TRAFFIC_ORIGINAL].bytes + lb->sums[TRAFFIC_REPLY].bytes;
}

static int by_bytes(const void *a, const void *b)
{
	uint64_t x = bytes_of(a), y = bytes_of(b);

	return (x < y) - (x > y);
}

static void write_sums(const struct traffic_sum *sums, struct text *text)
{
	text_addf(text,
		  ",\"packets\":[%" PRIu64 ",%" PRIu64 "],\"bytes\":[%" PRIu64 ",%" PRIu64 "]",
		  sums[TRAFFIC_ORIGINAL].packets, sums[TRAFFIC_REPLY].packets,
		  sums[TRAFFIC_ORIGINAL].bytes, sums[TRAFFIC_REPLY].bytes);
}

static void write_destinations(const struct traffic_lb *lb, struct text *text)
{
	bool any = false;

	text_add(text, ",\"destinations\":[");
	ARRAY_FOREACH(destination, lb->destinations, lb->n_destinations) {
		char address[ADDRESS_TEXT_MAX];

		text_addf(text, "%s{\"address\":\"%s\",\"live\":%" PRIu64, any ? "," : "",
			  address_format(&destination->address, address), destination->live);
		write_sums(destination->sums, text);
		text_add(text, "}");
		any = true;
	}
	text_add(text, "]");
}

static void write_lb(const struct traffic_lb *lb, struct text *text)
{
	const char *slash = strchr(lb->name, '/');

	text_add(text, "{\"name\":");
	text_add_quoted(text, slash ? slash + 1 : lb->name);
	text_addf(text, ",\"connections\":%" PRIu64 ",\"live\":%" PRIu64, lb->connections,
		  lb->live);
	write_sums(lb->sums, text);
	write_destinations(lb, text);
	text_add(text, "}");
}

static bool is_wanted(const struct traffic_lb *lb, const char *only)
{
	const char *slash = strchr(lb->name, '/');

	return !only || text_equal(slash ? slash + 1 : lb->name, only);
}

void top_write(struct text *text, const char *node, struct traffic *traffic, const char *only,
	       uint64_t at_ms)
{
	size_t n_left_out = 0;
	bool any = false;

	if (traffic->n_lbs > 0)
		qsort(traffic->lbs, traffic->n_lbs, sizeof(*traffic->lbs), by_bytes);
	text_addf(text,
		  "{\"node\":\"%s\",\"net\":\"%s\",\"atMilliseconds\":%" PRIu64
		  ",\"destinationsCounted\":%s,\"loadBalancers\":[",
		  node, traffic->net, at_ms, traffic->has_sums ? "true" : "false");
	for (size_t i = 0; i < traffic->n_lbs; i++) {
		size_t len = text->len;

		if (!is_wanted(&traffic->lbs[i], only))
			continue;
		text_add(text, any ? "," : "");
		write_lb(&traffic->lbs[i], text);
		if (text->len > TOP_ANSWER_MAX) {
			text_cut(text, len);
			n_left_out++;
		} else {
			any = true;
		}
	}
	text_addf(text, "],\"leftOut\":%zu}", n_left_out);
}
