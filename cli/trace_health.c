/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trace_health.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/answer.h"
#include "messages/overlay.h"

static int compare(const void *a, const void *b)
{
	const struct desired_destination *left = a, *right = b;

	return address_compare(&left->address, &right->address);
}

/* The destination that an item is about. Return: its index, or n_destinations. */
static size_t find(const struct desired_lb *lb, const json_t *item)
{
	struct desired_destination key = {}, *found = NULL;

	if (lb->n_destinations > 0 && address_parse(json_text(item, "address"), &key.address) == 0)
		found = bsearch(&key, lb->destinations, lb->n_destinations, sizeof(key), compare);
	return found ? (size_t)(found - lb->destinations) : lb->n_destinations;
}

/* What drains takes no flows, however it is; its state does not say how that is. */
static bool is_bad(const json_t *item)
{
	const char *state = json_text(item, "state");

	return text_equal(state, "Unhealthy") || text_equal(state, "Unknown");
}

static void write_one(const struct desired_destination *destination, const json_t *item,
		      struct text *text)
{
	bool unknown = text_equal(json_text(item, "state"), "Unknown");
	const char *reason = json_text(item, "reason");
	char address[ADDRESS_TEXT_MAX];

	text_addf(text, "health: %s %s%s%s, ", address_format(&destination->address, address),
		  unknown ? "unknown" : "unhealthy", *reason ? ": " : "", reason);
	if (!destination->dead)
		text_add(text, "kept: none is healthy, and whenAllUnhealthy is FailOpen\n");
	else if (unknown)
		text_add(text, "left out, but for a while by nodes that saw it healthy\n");
	else
		text_add(text, "left out\n");
}

/* @bad: for each destination what is bad about it, or NULL. */
static void write_all(const struct desired_lb *lb, enum family family, const json_t *const *bad,
		      struct text *text)
{
	size_t n = 0;

	for (size_t i = 0; i < lb->n_destinations; i++) {
		if (!bad[i] || lb->destinations[i].address.family != family)
			continue;
		if (n++ < TRACE_HEALTH_LINES_MAX)
			write_one(&lb->destinations[i], bad[i], text);
	}
	if (n > TRACE_HEALTH_LINES_MAX)
		text_addf(text, "health: and %zu more\n", n - TRACE_HEALTH_LINES_MAX);
	if (n == 0)
		text_addf(text, "health: no %s destination is unhealthy\n", family_name(family));
}

int trace_health_apply(struct desired_lb *lb, enum family family, const json_t *items,
		       struct text *text)
{
	auto_free const json_t **bad = calloc(lb->n_destinations + 1, sizeof(*bad));
	auto_free bool *is = calloc(lb->n_destinations + 1, sizeof(*is));

	if (!bad || !is)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		size_t at = find(lb, item); /* what belongs nowhere is behind the last */

		is[at] = is_bad(item);
		bad[at] = is[at] ? item : NULL;
	}
	(void)overlay_apply(lb, is); /* whether anything changed makes no difference */
	write_all(lb, family, bad, text);
	return 0;
}
