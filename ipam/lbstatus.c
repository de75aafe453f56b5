/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/lbstatus.h"

#include <stdio.h>

#include "base/array.h"
#include "ipam/addressstatus.h"
#include "ipam/condition.h"
#include "ipam/state.h"

/* The report counts VIPs of the resolution, which are the entries that have an address. */
static void forwarded_of(const struct object *lb, const struct resolution *resolution,
			 const struct lb_report *report, bool ret_forwarded[static 2])
{
	size_t vip = 0;

	for (size_t i = 0; i < 2; i++)
		ret_forwarded[i] = i < lb->lb.addressing.n_ips && object_lease(lb, i) &&
				   resolution->lb && vip < ARRAY_SIZE(report->forwarded) &&
				   report->forwarded[vip++];
}

static json_t *forwarded_ips(const struct object *lb, const bool forwarded[static 2])
{
	json_t *list = json_array();
	char address[ADDRESS_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < lb->lb.addressing.n_ips && i < 2; i++) {
		const struct lease *lease = object_lease(lb, i);

		if (lease && forwarded[i])
			r |= json_array_append_new(
				list, json_pack("{ss}", "ip",
						address_format(&lease->block.address, address)));
	}
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

struct counts {
	size_t ready, draining;
	bool has_ipv4, has_ipv6; /* among the ready */
};

static struct counts count_destinations(const struct resolution *resolution)
{
	struct counts counts = {};

	for (size_t i = 0; resolution->lb && i < resolution->lb->n_destinations; i++) {
		const struct desired_destination *d = &resolution->lb->destinations[i];

		if (!d->weight) {
			counts.draining++;
			continue;
		}
		counts.ready++;
		counts.has_ipv4 = counts.has_ipv4 || d->address.family == FAMILY_IPV4;
		counts.has_ipv6 = counts.has_ipv6 || d->address.family == FAMILY_IPV6;
	}
	return counts;
}

/* A VIP whose family has no destination refuses connections, while the other may serve. */
static const struct address *vip_without(const struct resolution *resolution,
					 const struct counts *counts)
{
	for (size_t i = 0; resolution->lb && i < resolution->lb->n_vips; i++) {
		const struct address *vip = &resolution->lb->vips[i];

		if (!(vip->family == FAMILY_IPV4 ? counts->has_ipv4 : counts->has_ipv6))
			return vip;
	}
	return NULL;
}

#define DESTINATIONS "DestinationsAvailable"

static void some_destinations(const struct resolution *resolution, const struct counts *counts,
			      struct conditions *conditions)
{
	const struct address *vip = vip_without(resolution, counts);
	char text[ADDRESS_TEXT_MAX];

	if (vip)
		conditions_add(conditions, DESTINATIONS, true, "NoDestinationsOfFamily",
			       "%s refuses connections: there is no %s destination",
			       address_format(vip, text), family_name(vip->family));
	else if (resolution->n_destinations > DESIRED_DESTINATIONS_MAX)
		conditions_add(conditions, DESTINATIONS, true, "TooManyDestinations",
			       "%zu destinations match; the first %d by address are used",
			       resolution->n_destinations, DESIRED_DESTINATIONS_MAX);
	else
		conditions_add(conditions, DESTINATIONS, true, DESTINATIONS, "%s", "");
}

static void destinations_condition(const struct object *lb, const struct resolution *resolution,
				   const struct counts *counts, struct conditions *conditions)
{
	if (counts->ready)
		some_destinations(resolution, counts, conditions);
	else if (resolution->no_routing)
		conditions_add(conditions, DESTINATIONS, false, "RoutingNotFound",
			       "there is no networkInterfaceSelector, and no LoadBalancerRouting "
			       "%s/%s for this network",
			       lb->meta.name_space, lb->meta.name);
	else if (counts->draining)
		conditions_add(conditions, DESTINATIONS, false, "AllDraining",
			       "all %zu destinations have weight 0", counts->draining);
	else if (!resolution->lb && resolution->n_destinations)
		conditions_add(conditions, DESTINATIONS, true, DESTINATIONS, "%s", "");
	else
		conditions_add(conditions, DESTINATIONS, false, "NoDestinations", "%s",
			       lb->lb.selector ? "no network interface with an address of the "
						 "load balancer's families matches the selector"
					       : "the LoadBalancerRouting names no address of the "
						 "load balancer's families");
}

#define PROGRAMMED "Programmed"

/* They may forward or not: nobody waits for them, and nobody knows. */
static void silent_condition(const struct lb_report *report, struct conditions *conditions)
{
	char since[32];

	if (!report->n_silent)
		return;
	conditions_format_time(report->silent_since_ms, since);
	if (report->n_silent == 1)
		conditions_add_unknown(conditions, "NodesReporting", "NodesSilent",
				       "%s has not reported since %s", report->silent, since);
	else
		conditions_add_unknown(conditions, "NodesReporting", "NodesSilent",
				       "%s has not reported since %s, nor have %zu more",
				       report->silent, since, report->n_silent - 1);
}

static void nodes_condition(const struct object *lb, const struct lb_report *report,
			    struct conditions *conditions)
{
	if (report->refusal[0])
		conditions_add(conditions, PROGRAMMED, false, "NodeRefused", "%s: %s",
			       report->refused_by, report->refusal);
	else if (!report->n_nodes)
		conditions_add(conditions, PROGRAMMED, false, "NoNodes",
			       "no live node has network %s/%s", lb->meta.name_space,
			       object_network(lb));
	else if (report->n_programmed >= report->n_nodes)
		conditions_add(conditions, PROGRAMMED, true, PROGRAMMED, "%s", "");
	else if (report->n_programmed + 1 == report->n_nodes)
		conditions_add(conditions, PROGRAMMED, false, "NodesPending", "waiting for %s",
			       report->waiting);
	else
		conditions_add(conditions, PROGRAMMED, false, "NodesPending",
			       "waiting for %s and %zu more nodes", report->waiting,
			       report->n_nodes - report->n_programmed - 1);
}

static void programmed_condition(const struct object *lb, const struct resolution *resolution,
				 const struct lb_report *report, struct conditions *conditions)
{
	if (lb->meta.deleting_ms)
		conditions_add(conditions, PROGRAMMED, false, "Deleting",
			       "being deleted; waiting for the nodes to let go");
	else if (resolution->network_missing)
		conditions_add(conditions, PROGRAMMED, false, "NetworkNotFound",
			       "network %s/%s does not exist", lb->meta.name_space,
			       object_network(lb));
	else if (!resolution->lb)
		conditions_add(conditions, PROGRAMMED, false, "NoAddress",
			       "no entry of spec.ips has an address yet");
	else
		nodes_condition(lb, report, conditions);
}

json_t *lb_status(const struct catalog *catalog, const struct object *lb,
		  const struct resolution *resolution, const struct lb_report *report,
		  const json_t *previous, int64_t now_ms)
{
	struct conditions conditions = {
		.previous = previous, .generation = lb->meta.generation, .now_ms = now_ms};
	struct counts counts = count_destinations(resolution);
	bool forwarded[2];

	forwarded_of(lb, resolution, report, forwarded);
	addresses_condition(catalog, lb, &conditions);
	destinations_condition(lb, resolution, &counts, &conditions);
	programmed_condition(lb, resolution, report, &conditions);
	silent_condition(report, &conditions);
	return json_pack("{sI so so s{sI sI sI} s{sI sI} so}", "observedGeneration",
			 (json_int_t)lb->meta.generation, "ips", forwarded_ips(lb, forwarded),
			 "addresses", addresses_status(catalog, lb, forwarded), "destinations",
			 "total", (json_int_t)resolution->n_destinations, "ready",
			 (json_int_t)counts.ready, "draining", (json_int_t)counts.draining, "nodes",
			 "total", (json_int_t)report->n_nodes, "programmed",
			 (json_int_t)report->n_programmed, "conditions",
			 conditions_take(&conditions));
}
