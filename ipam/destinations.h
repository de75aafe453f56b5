/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ipam/condition.h"
#include "ipam/resolve.h"
#include "messages/verdicts.h"

/*
 * The destinations of a LoadBalancer with what nodes say about their health: what agents forward by,
 * worked out for people. Pure.
 */

/* What is heard in the LoadBalancer's Network. */
struct destinations_health {
	const struct verdicts *verdicts; /* NULL: nothing */
	uint64_t now_ms;                 /* of the clock that `verdicts` are kept by */
	bool pending; /* we have only begun to listen: what is not known was not said yet */
};

enum destination_state {
	DESTINATION_READY,
	DESTINATION_DRAINING, /* weight 0 */
	DESTINATION_UNHEALTHY,
	DESTINATION_UNKNOWN, /* nobody has checked it: it counts as unhealthy */
};
const char *destination_state_name(enum destination_state state); /* "Ready" ... */

struct destination_finding {
	enum destination_state state;
	const char *reason;            /* "ConnectionRefused", "LinkDown", "NodeDead" ...; "" */
	const char *checker;           /* the node that says so; "" */
	uint64_t since_ms, checked_ms; /* wall clock; 0: not known */
	struct address source;         /* that the check comes from; family none: not known */
};

/* Texts are borrowed from `health`. */
void destination_find(const struct desired_lb *lb, const struct desired_destination *destination,
		      const struct destinations_health *health,
		      struct destination_finding *ret_finding);

/* As one item of `list destinations`. NULL without memory. */
json_t *destination_describe(const struct desired_destination *destination,
			     const struct destination_finding *finding);

/* Adds the condition DestinationsAvailable. Return: the status' `destinations`, NULL: no memory. */
json_t *destinations_status(const struct object *lb, const struct resolution *resolution,
			    const struct destinations_health *health,
			    struct conditions *conditions);
