/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"
#include "ipam/rules.h"

/* Rules of a LoadBalancerRouting. */

static void network_is_named(struct judge *judge, const struct routing_spec *routing)
{
	rules_check_reference(judge, "networkRef.name", routing->network);
}

static void destination_can_be_a_host(struct judge *judge, const struct routing_destination *at,
				      size_t i)
{
	const char *why = at->address.family ? address_why_not_host(&at->address) : NULL;

	if (why)
		judge_refuse(judge, PROBLEM_INVALID, path_at("destinations[%zu].ip", i).text,
			     "must be the address of a host; this one is %s", why);
}

void rules_check_routing(struct judge *judge, const struct object *routing)
{
	network_is_named(judge, &routing->routing);
	for (size_t i = 0; i < routing->routing.n_destinations; i++) {
		destination_can_be_a_host(judge, &routing->routing.destinations[i], i);
		rules_check_reference(judge, path_at("destinations[%zu].targetRef.name", i).text,
				      routing->routing.destinations[i].target);
	}
}
