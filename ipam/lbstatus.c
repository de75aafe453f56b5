/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/lbstatus.h"

#include <stdio.h>

#include "base/array.h"
#include "ipam/addressstatus.h"
#include "ipam/condition.h"
#include "ipam/destinations.h"
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

#define PROGRAMMED "Programmed"

/* They may forward or not: nobody waits for them, and nobody knows. */
static void silent_condition(const struct lb_report *report, struct conditions *conditions)
{
	char since[32], others[64] = "", ill[160] = "";

	if (!report->n_silent)
		return;
	if (report->n_silent > 1)
		(void)snprintf(others, sizeof(others), ", nor have %zu more", report->n_silent - 1);
	if (report->n_ill)
		(void)snprintf(
			ill, sizeof(ill),
			"; %zu of %zu nodes fell silent at once: it is the control plane that "
			"is ill, and no destination is taken out for it",
			report->n_ill, report->n_ill_of);
	conditions_add_unknown(conditions, "NodesReporting",
			       report->n_ill ? "MostNodesSilent" : "NodesSilent",
			       "%s has not reported since %s%s%s", report->silent,
			       conditions_format_time(report->silent_since_ms, since), others, ill);
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
	json_t *destinations;
	bool forwarded[2];

	forwarded_of(lb, resolution, report, forwarded);
	addresses_condition(catalog, lb, &conditions);
	destinations = destinations_status(lb, resolution, &report->health, &conditions);
	programmed_condition(lb, resolution, report, &conditions);
	silent_condition(report, &conditions);
	return json_pack("{sI so so so s{sI sI} so}", "observedGeneration",
			 (json_int_t)lb->meta.generation, "ips", forwarded_ips(lb, forwarded),
			 "addresses", addresses_status(catalog, lb, forwarded), "destinations",
			 destinations, "nodes", "total", (json_int_t)report->n_nodes, "programmed",
			 (json_int_t)report->n_programmed, "conditions",
			 conditions_take(&conditions));
}
