/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/decide.h"

#include <errno.h>
#include <stdio.h>

#include "base/array.h"
#include "ipam/decision.h"
#include "ipam/resolve.h"

const char *verdict_outcome_name(enum verdict_outcome outcome)
{
	switch (outcome) {
	case VERDICT_CREATED:
		return "created";
	case VERDICT_CONFIGURED:
		return "configured";
	case VERDICT_UNCHANGED:
		return "unchanged";
	case VERDICT_DELETING:
		return "deleting";
	case VERDICT_DELETED:
		return "deleted";
	case VERDICT_REFUSED:
		return "refused";
	}
	return "?";
}

void verdict_deinit(struct verdict *verdict)
{
	object_free(verdict->object);
	problems_deinit(&verdict->problems);
	*verdict = (struct verdict){};
}

void refuse(struct verdict *verdict, int code, struct problems *problems)
{
	*verdict =
		(struct verdict){.outcome = VERDICT_REFUSED, .code = code, .problems = *problems};
	*problems = (struct problems){};
}

void refuse_plainly(struct verdict *verdict, int code, const char *format, ...)
{
	struct problems problems = {};
	char text[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problems_add(&problems, PROBLEM_SYNTAX, 0, "", NULL, "%s", text);
	refuse(verdict, code, &problems);
}

/* The weight of the family that has more of it. */
static uint32_t total_weight(const struct desired_lb *lb)
{
	uint32_t ipv4 = 0, ipv6 = 0;

	ARRAY_FOREACH(destination, lb->destinations, lb->n_destinations) {
		if (destination->address.family == FAMILY_IPV4)
			ipv4 += destination->weight;
		else
			ipv6 += destination->weight;
	}
	return ipv4 > ipv6 ? ipv4 : ipv6;
}

static uint8_t size_for(uint32_t weight)
{
	static const uint16_t sizes[DESIRED_N_SIZES] = DESIRED_SIZES;
	uint8_t i = 0;

	while (i < DESIRED_N_SIZES - 1 && sizes[i] < (uint64_t)weight * DESIRED_SLOTS_PER_WEIGHT)
		i++;
	return i;
}

int wanted_size(const struct catalog *catalog, const struct object *lb, uint8_t *ret_size_index)
{
	auto_call(resolution_deinit) struct resolution resolution = {};
	uint8_t now = lb->lb_size_index, wanted;

	if (resolve_lb(catalog, lb, &resolution) < 0)
		return -ENOMEM;
	wanted = resolution.lb ? size_for(total_weight(resolution.lb)) : now;
	*ret_size_index = wanted > now || wanted + 2 <= now ? wanted : now;
	return 0;
}
