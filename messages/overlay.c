/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool fails_open(const struct desired_lb *lb, const bool *bad, uint8_t family)
{
	if (lb->when_all_unhealthy != ALL_UNHEALTHY_FAIL_OPEN)
		return false;
	for (size_t i = 0; i < lb->n_destinations; i++) {
		const struct desired_destination *destination = &lb->destinations[i];

		if (destination->address.family == family && destination->weight > 0 && !bad[i])
			return false;
	}
	return true;
}

bool overlay_apply(struct desired_lb *lb, const bool *bad)
{
	bool open4 = fails_open(lb, bad, FAMILY_IPV4), open6 = fails_open(lb, bad, FAMILY_IPV6);
	bool changed = false;

	for (size_t i = 0; i < lb->n_destinations; i++) {
		struct desired_destination *destination = &lb->destinations[i];
		bool open = destination->address.family == FAMILY_IPV4 ? open4 : open6;
		bool dead = bad[i] && !open;

		changed = changed || dead != destination->dead;
		destination->dead = dead;
	}
	return changed;
}

static int copy_text(const char *from, char **ret_copy)
{
	*ret_copy = from ? strdup(from) : NULL;
	return from && !*ret_copy ? -ENOMEM : 0;
}

/* The array `*items` of `copy` is still the original's: it gets its own. */
static int copy_array(void *items, size_t n, size_t size)
{
	void *from, *copy = calloc(n + 1, size);

	memcpy(&from, items, sizeof(from));
	if (copy && n > 0)
		memcpy(copy, from, n * size);
	memcpy(items, &copy, sizeof(copy));
	return copy ? 0 : -ENOMEM;
}

static int copy_destinations(const struct desired_lb *lb, struct desired_lb *copy)
{
	int r = 0;

	copy->destinations = calloc(lb->n_destinations + 1, sizeof(*copy->destinations));
	if (!copy->destinations)
		return -ENOMEM;
	while (copy->n_destinations < lb->n_destinations && r == 0) {
		size_t i = copy->n_destinations++;

		copy->destinations[i] = lb->destinations[i];
		r = copy_text(lb->destinations[i].node, &copy->destinations[i].node);
	}
	return r;
}

int overlay_copy(const struct desired_lb *lb, struct desired_lb **ret_copy)
{
	auto_call(desired_lb_freep) struct desired_lb *copy = malloc(sizeof(*copy));
	bool failed;

	if (!copy)
		return -ENOMEM;
	*copy = *lb;
	copy->destinations = NULL;
	copy->n_destinations = 0;
	failed = copy_text(lb->name, &copy->name) < 0;
	failed |= copy_text(lb->check.path, &copy->check.path) < 0;
	failed |= copy_array(&copy->ports, lb->n_ports, sizeof(*lb->ports)) < 0;
	failed |= copy_array(&copy->source_ranges, lb->n_source_ranges,
			     sizeof(*lb->source_ranges)) < 0;
	failed |= copy_destinations(lb, copy) < 0;
	if (failed)
		return -ENOMEM;
	*ret_copy = TAKE(copy);
	return 0;
}
