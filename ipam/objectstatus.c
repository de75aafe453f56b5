/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "ipam/addressstatus.h"
#include "ipam/condition.h"
#include "ipam/lbstatus.h"
#include "ipam/state.h"
#include "ipam/waiting.h"

/* Status of the kinds that no node reports about. */

static json_t *network_status(const struct catalog *catalog, const struct object *network)
{
	const struct net *net = net_find(catalog, network->meta.name_space, network->meta.name);
	size_t n_users = net ? net->users.n : 0, n_lbs = net ? net->lbs.n : 0;

	return json_pack("{ss sI sI}", "state", "Available", "networkInterfaces",
			 (json_int_t)(n_users - n_lbs), "loadBalancers", (json_int_t)n_lbs);
}

static json_t *held_ips(const struct object *nic)
{
	json_t *list = json_array();
	char address[ADDRESS_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < nic->nic.addressing.n_ips; i++) {
		const struct lease *lease = object_lease(nic, i);

		if (lease)
			r |= json_array_append_new(
				list, json_pack("{ss}", "ip",
						address_format(&lease->block.address, address)));
	}
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

static void network_condition(const struct catalog *catalog, const struct object *object,
			      struct conditions *conditions)
{
	const char *name_space = object->meta.name_space, *network = object_network(object);

	if (catalog_find(catalog, KIND_NETWORK, name_space, network))
		conditions_add(conditions, "NetworkAvailable", true, "Available", "%s", "");
	else
		conditions_add(conditions, "NetworkAvailable", false, "NetworkNotFound",
			       "network %s/%s does not exist", name_space, network);
}

static json_t *nic_status(const struct catalog *catalog, const struct object *nic,
			  struct conditions *conditions)
{
	const bool forwarded[2] = {};

	addresses_condition(catalog, nic, conditions);
	network_condition(catalog, nic, conditions);
	return json_pack("{sI ss so so so}", "observedGeneration", (json_int_t)nic->meta.generation,
			 "state", conditions->any_false ? "Pending" : "Available", "ips",
			 held_ips(nic), "addresses", addresses_status(catalog, nic, forwarded),
			 "conditions", conditions_take(conditions));
}

static json_t *routing_status(const struct catalog *catalog, const struct object *routing,
			      struct conditions *conditions)
{
	const struct meta *meta = &routing->meta;
	const struct object *lb =
		catalog_find(catalog, KIND_LOAD_BALANCER, meta->name_space, meta->name);

	if (!lb)
		conditions_add(conditions, "InUse", false, "LoadBalancerNotFound",
			       "load balancer %s/%s does not exist", meta->name_space, meta->name);
	else if (lb->lb.selector)
		conditions_add(conditions, "InUse", false, "SelectorDecides",
			       "load balancer %s/%s has a networkInterfaceSelector, which decides "
			       "instead",
			       meta->name_space, meta->name);
	else if (routing->routing.network &&
		 !text_equal(routing->routing.network, object_network(lb)))
		conditions_add(conditions, "InUse", false, "OtherNetwork",
			       "load balancer %s/%s is in network %s", meta->name_space, meta->name,
			       object_network(lb));
	else
		conditions_add(conditions, "InUse", true, "InUse", "%s", "");
	return json_pack("{sI so}", "observedGeneration", (json_int_t)meta->generation,
			 "conditions", conditions_take(conditions));
}

static void allocated_condition(const struct catalog *catalog, const struct object *prefix,
				struct conditions *conditions)
{
	struct waiting waiting;

	if (waiting_explain(catalog, prefix, 0, &waiting))
		conditions_add(conditions, "Allocated", false, waiting.reason, "%s",
			       waiting.message);
	else
		conditions_add(conditions, "Allocated", true, "Allocated", "%s", "");
}

static json_t *usage_status(const struct prefix_usage *usage)
{
	char largest[8] = "";

	if (usage->largest_free <= 128)
		(void)snprintf(largest, sizeof(largest), "/%u", usage->largest_free);
	return json_pack("{ss ss ss ss sI}", "size", usage->size, "used", usage->used, "free",
			 usage->free, "largestFree", largest, "waiters",
			 (json_int_t)usage->n_waiters);
}

static json_t *prefix_status(const struct catalog *catalog, const struct object *prefix,
			     struct conditions *conditions)
{
	struct prefix_usage usage = {};
	char block[CIDR_TEXT_MAX] = "";
	json_t *status;

	if (catalog_prefix_usage(catalog, prefix->meta.name_space, prefix->meta.name, &usage) < 0)
		return NULL;
	allocated_condition(catalog, prefix, conditions);
	status = json_pack("{sI ss so so}", "observedGeneration",
			   (json_int_t)prefix->meta.generation, "phase",
			   conditions->any_false ? "Pending" : "Allocated", "usage",
			   usage_status(&usage), "conditions", conditions_take(conditions));
	if (status && usage.block.address.family != FAMILY_NONE &&
	    json_object_set_new(status, "prefix", json_string(cidr_format(&usage.block, block))) <
		    0)
		json_decref(TAKE(status));
	return status;
}

json_t *object_status(const struct catalog *catalog, const struct object *object,
		      const json_t *previous, int64_t now_ms)
{
	struct conditions conditions = {
		.previous = previous, .generation = object->meta.generation, .now_ms = now_ms};

	switch (object->kind) {
	case KIND_NETWORK:
		return network_status(catalog, object);
	case KIND_NETWORK_INTERFACE:
		return nic_status(catalog, object, &conditions);
	case KIND_LOAD_BALANCER_ROUTING:
		return routing_status(catalog, object, &conditions);
	case KIND_PREFIX:
		return prefix_status(catalog, object, &conditions);
	case KIND_LOAD_BALANCER: /* lb_status() */
	case KIND_N_KINDS:
		break;
	}
	return json_object();
}
