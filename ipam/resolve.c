/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/array.h"
#include "ipam/selector.h"
#include "ipam/state.h"

void resolution_deinit(struct resolution *resolution)
{
	desired_lb_free(resolution->lb);
	*resolution = (struct resolution){};
}

static bool has_family(const struct addressing *addressing, enum family family)
{
	for (size_t i = 0; i < addressing->n_families; i++) {
		if (addressing->families[i] == family)
			return true;
	}
	return false;
}

static int add_destination(struct desired_lb *desired, const struct address *address,
			   uint16_t weight, const char *node)
{
	struct desired_destination *destination =
		ARRAY_ADD(desired->destinations, desired->n_destinations);

	if (!destination)
		return -ENOMEM;
	destination->address = *address;
	destination->weight = weight;
	if (node && !(destination->node = strdup(node)))
		return -ENOMEM;
	return 0;
}

static int add_nic(struct desired_lb *desired, const struct object *lb, const struct object *nic)
{
	ARRAY_FOREACH(lease, nic->leases, nic->n_leases) {
		if (lease->releasing ||
		    !has_family(&lb->lb.addressing, lease->block.address.family))
			continue;
		if (add_destination(desired, &lease->block.address, object_weight(nic),
				    nic->nic.node) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_selected(const struct catalog *catalog, const struct object *lb,
			struct desired_lb *desired)
{
	struct scope scope = scope_of_nics(lb->meta.name_space, object_network(lb));
	const struct chain *members = index_members(catalog, &scope, lb->lb.selector);
	struct link *link;

	if (!members)
		return 0;
	DL_FOREACH(members->first, link)
	{
		const struct object *nic = link->entry->object;

		if (nic->meta.deleting_ms || !selector_matches(lb->lb.selector, &nic->meta.labels))
			continue;
		if (add_nic(desired, lb, nic) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The node of a routed address: of the interface that holds it, if one does. */
static const char *node_of(const struct catalog *catalog, const struct object *lb,
			   const struct address *address)
{
	const struct net *net = net_find(catalog, lb->meta.name_space, object_network(lb));
	const struct entry *holder = net ? lease_table_holder(&net->addresses, address) : NULL;

	return holder && holder->object->kind == KIND_NETWORK_INTERFACE ? holder->object->nic.node
									: NULL;
}

static int add_routed(const struct catalog *catalog, const struct object *lb,
		      const struct object *routing, struct desired_lb *desired)
{
	for (size_t i = 0; i < routing->routing.n_destinations; i++) {
		const struct routing_destination *d = &routing->routing.destinations[i];

		if (!has_family(&lb->lb.addressing, d->address.family))
			continue;
		if (add_destination(desired, &d->address, d->weight,
				    node_of(catalog, lb, &d->address)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_destinations(const void *a, const void *b)
{
	const struct desired_destination *x = a, *y = b;
	int order = address_compare(&x->address, &y->address);

	/* Of equal ones the heaviest stays: the choice must not depend on the order. */
	return order ? order : (int)y->weight - (int)x->weight;
}

/* Sorts, keeps one of each address, and no more than the limit. Gives the number before the limit. */
static size_t make_distinct(struct desired_lb *desired)
{
	struct desired_destination *items = desired->destinations;
	size_t n = 0, n_found;

	if (desired->n_destinations)
		qsort(items, desired->n_destinations, sizeof(*items), compare_destinations);
	for (size_t i = 0; i < desired->n_destinations; i++) {
		if (n && address_equal(&items[n - 1].address, &items[i].address))
			free(items[i].node);
		else
			items[n++] = items[i];
	}
	n_found = n;
	while (n > DESIRED_DESTINATIONS_MAX)
		free(items[--n].node);
	desired->n_destinations = n;
	return n_found;
}

static int add_destinations(const struct catalog *catalog, const struct object *lb,
			    struct resolution *resolution)
{
	const struct object *routing = catalog_find(catalog, KIND_LOAD_BALANCER_ROUTING,
						    lb->meta.name_space, lb->meta.name);
	int n = 0;

	if (routing && routing->routing.network &&
	    strcmp(routing->routing.network, object_network(lb)) != 0)
		routing = NULL; /* of another Network: its addresses mean others here */
	if (lb->lb.selector)
		n = add_selected(catalog, lb, resolution->lb);
	else if (routing)
		n = add_routed(catalog, lb, routing, resolution->lb);
	else
		resolution->no_routing = true;
	resolution->n_destinations = make_distinct(resolution->lb);
	return n;
}

static void add_vips(const struct object *lb, struct desired_lb *desired)
{
	for (size_t i = 0; i < lb->lb.addressing.n_ips; i++) {
		const struct lease *lease = object_lease(lb, i);

		if (lease && desired->n_vips < ARRAY_SIZE(desired->vips))
			desired->vips[desired->n_vips++] = lease->block.address;
	}
}

static int compare_ports(const void *a, const void *b)
{
	const struct desired_port *x = a, *y = b;

	if (x->protocol != y->protocol)
		return (int)x->protocol - (int)y->protocol;
	return (int)x->first - (int)y->first;
}

static void *copy_of(const void *items, size_t n, size_t size)
{
	void *copy = malloc(n ? n * size : 1);

	if (copy && n)
		memcpy(copy, items, n * size);
	return copy;
}

static int copy_listeners(const struct lb_spec *spec, struct desired_lb *desired)
{
	desired->ports = copy_of(spec->ports, spec->n_ports, sizeof(*spec->ports));
	desired->source_ranges =
		copy_of(spec->source_ranges, spec->n_source_ranges, sizeof(*spec->source_ranges));
	if (!desired->ports || !desired->source_ranges)
		return -ENOMEM;
	desired->n_ports = spec->n_ports;
	desired->n_source_ranges = spec->n_source_ranges;
	if (desired->n_ports)
		qsort(desired->ports, desired->n_ports, sizeof(*desired->ports), compare_ports);
	return 0;
}

static int describe(const struct object *lb, struct desired_lb *desired)
{
	const struct lb_spec *spec = &lb->lb;

	desired->uid = lb->meta.uid;
	desired->generation = lb->meta.generation;
	desired->number = lb->lb_number;
	desired->size_index = lb->lb_size_index;
	desired->algorithm = DESIRED_ALGORITHM;
	desired->affinity = spec->affinity;
	desired->check = spec->check;
	desired->check.path = NULL;
	desired->when_all_unhealthy = spec->when_all_unhealthy;
	desired->drain_s = spec->drain_s;
	if (asprintf(&desired->name, "%s/%s", lb->meta.name_space, lb->meta.name) < 0) {
		desired->name = NULL;
		return -ENOMEM;
	}
	if (spec->check.path && !(desired->check.path = strdup(spec->check.path)))
		return -ENOMEM;
	return copy_listeners(spec, desired);
}

int resolve_lb(const struct catalog *catalog, const struct object *lb,
	       struct resolution *ret_resolution)
{
	auto_call(resolution_deinit) struct resolution resolution = {};

	resolution.lb = calloc(1, sizeof(*resolution.lb));
	if (!resolution.lb)
		return -ENOMEM;
	resolution.network_missing =
		!catalog_find(catalog, KIND_NETWORK, lb->meta.name_space, object_network(lb));
	add_vips(lb, resolution.lb);
	if (describe(lb, resolution.lb) < 0 || add_destinations(catalog, lb, &resolution) < 0)
		return -ENOMEM;
	if (lb->meta.deleting_ms || resolution.network_missing || !resolution.lb->n_vips) {
		desired_lb_free(resolution.lb);
		resolution.lb = NULL;
	}
	*ret_resolution = resolution;
	resolution = (struct resolution){};
	return 0;
}
