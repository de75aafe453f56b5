/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/array.h"
#include "ipam/state.h"

const struct lease *object_lease(const struct object *object, size_t i)
{
	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		if (!lease->releasing && lease->index == i)
			return lease;
	}
	return NULL;
}

const struct prefix_spec *waits_for(const struct object *object, size_t i)
{
	const struct addressing *addressing = object_addressing(object);
	const struct prefix_spec *wanted = NULL;

	if (object->meta.deleting_ms || object_lease(object, i))
		return NULL;
	if (object->kind == KIND_PREFIX)
		wanted = &object->prefix;
	else if (addressing && addressing->ips[i].ephemeral)
		wanted = &addressing->ips[i].ephemeral->spec;
	return wanted && !prefix_spec_is_root(wanted) ? wanted : NULL;
}

bool object_is_leaving(const struct object *object)
{
	if (object->meta.deleting_ms)
		return true;
	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		if (lease->releasing)
			return true;
	}
	return false;
}

static void conflict(struct catalog *catalog, struct entry *entry)
{
	entry->n_conflicts++;
	catalog->n_conflicts++;
}

/* Takes what the link holds out of the pool, if there is one. */
static int take_block(struct catalog *catalog, struct space *space, struct link *link)
{
	int n = space->pool ? pool_take(space->pool, &link->block) : 0;

	if (n == -ENOMEM)
		return n;
	link->taken = space->pool && n == 0;
	link->conflict = n < 0;
	if (link->conflict)
		conflict(catalog, link->entry);
	return 0;
}

static int attach_lease(struct catalog *catalog, struct entry *entry, const struct lease *lease)
{
	struct space *space = space_get(catalog, entry->object->meta.name_space, lease->prefix);
	struct link *link = space ? chain_add(&space->holders, entry, NULL) : NULL;

	if (!link)
		return -ENOMEM;
	link->block = lease->block;
	return take_block(catalog, space, link);
}

static int attach_leases(struct catalog *catalog, struct entry *entry, struct net *net)
{
	ARRAY_FOREACH(lease, entry->object->leases, entry->object->n_leases) {
		int n = net ? lease_table_take(&net->addresses, &lease->block.address, entry) : 0;

		if (n == -EEXIST)
			conflict(catalog, entry);
		if (n == -ENOMEM || (lease->prefix && attach_lease(catalog, entry, lease) < 0))
			return -ENOMEM;
	}
	return 0;
}

static int attach_waiter(struct catalog *catalog, struct entry *entry,
			 const struct prefix_spec *wanted)
{
	const char *name_space = entry->object->meta.name_space;
	struct scope scope = scope_of_prefixes(name_space);
	struct space *space;

	if (!wanted->parent)
		return index_add_seeker(catalog, &scope, wanted->parent_selector, entry,
					entry_is_older);
	space = space_get(catalog, name_space, wanted->parent);
	return space && chain_add(&space->waiters, entry, entry_is_older) ? 0 : -ENOMEM;
}

static int attach_waits(struct catalog *catalog, struct entry *entry, struct net *net)
{
	bool waits = false;

	for (size_t i = 0; i < object_n_sources(entry->object); i++) {
		const struct prefix_spec *wanted = waits_for(entry->object, i);

		if (wanted && attach_waiter(catalog, entry, wanted) < 0)
			return -ENOMEM;
		waits = waits || wanted;
	}
	if (waits && net && !chain_add(&net->waiters, entry, NULL))
		return -ENOMEM;
	if (waits)
		mark_awaited(catalog, entry->object);
	return 0;
}

/* The order in which objects are loaded hardly matters. */
static int attach_number(struct catalog *catalog, struct net *net, struct entry *entry)
{
	uint32_t number = entry->object->lb_number;
	uint64_t key[2] = {number, 0};

	if (!number)
		return 0;
	if (flat_find(&net->numbers, key)) {
		conflict(catalog, entry);
		return 0;
	}
	if (!net->last_number || number_is_behind(net->last_number, number))
		net->last_number = number;
	return flat_add(&net->numbers, key, (uintptr_t)entry);
}

static int attach_leaving(struct catalog *catalog, struct net *net, struct entry *entry)
{
	if (!object_is_leaving(entry->object))
		return 0;
	if (!net->leaving.n)
		DL_APPEND2(catalog->leaving, net, leaving_prev, leaving_next);
	if (chain_add(&net->leaving, entry, entry_is_stored_before))
		return 0;
	if (!net->leaving.n)
		DL_DELETE2(catalog->leaving, net, leaving_prev, leaving_next);
	return -ENOMEM;
}

static int attach_lb(struct catalog *catalog, struct net *net, struct entry *entry)
{
	const struct object *lb = entry->object;
	struct scope scope = scope_of_nics(lb->meta.name_space, object_network(lb));

	if (!chain_add(&net->lbs, entry, NULL) || attach_number(catalog, net, entry) < 0)
		return -ENOMEM;
	return lb->lb.selector ? index_add_seeker(catalog, &scope, lb->lb.selector, entry, NULL)
			       : 0;
}

static int attach_addressed(struct catalog *catalog, struct entry *entry)
{
	const struct object *object = entry->object;
	struct scope scope = scope_of_nics(object->meta.name_space, object_network(object));
	struct net *net = net_get(catalog, object->meta.name_space, object_network(object));
	int n;

	if (!net || !chain_add(&net->users, entry, NULL))
		return -ENOMEM;
	n = object->kind == KIND_LOAD_BALANCER
		    ? attach_lb(catalog, net, entry)
		    : index_add_member(catalog, &scope, &object->meta.labels, entry);
	if (n < 0 || attach_leases(catalog, entry, net) < 0 ||
	    attach_leaving(catalog, net, entry) < 0)
		return -ENOMEM;
	return attach_waits(catalog, entry, net);
}

/* The block that a Prefix has, NULL while it has none. */
static const struct cidr *prefix_block(const struct object *prefix)
{
	const struct lease *lease = object_lease(prefix, 0);

	if (prefix_spec_is_root(&prefix->prefix))
		return &prefix->prefix.prefix;
	return lease ? &lease->block : NULL;
}

/* Objects may have been loaded before the Prefix that their leases were cut from. */
static int open_space(struct catalog *catalog, struct space *space, const struct cidr *block)
{
	struct link *link;

	if (pool_new(block, &space->pool) < 0)
		return -ENOMEM;
	DL_FOREACH(space->holders.first, link)
	{
		if (take_block(catalog, space, link) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void close_space(struct catalog *catalog, struct space *space)
{
	struct link *link;

	DL_FOREACH(space->holders.first, link)
	{
		catalog->n_conflicts -= link->conflict;
		link->entry->n_conflicts -= link->conflict;
		link->taken = link->conflict = false;
	}
	pool_free(TAKE(space->pool));
}

void close_prefix(struct catalog *catalog, const struct object *prefix)
{
	struct space *space = space_find(catalog, prefix->meta.name_space, prefix->meta.name);

	if (space && space->pool)
		close_space(catalog, space);
	if (space)
		space_drop_unused(catalog, space);
}

/* The pool of the version before stays when it is the same: filling it costs all that it holds. */
static int attach_space(struct catalog *catalog, const struct object *prefix)
{
	const struct cidr *block = prefix_block(prefix);
	struct space *space;

	if (!block) {
		close_prefix(catalog, prefix);
		return 0;
	}
	space = space_get(catalog, prefix->meta.name_space, prefix->meta.name);
	if (!space)
		return -ENOMEM;
	if (space->pool && !cidr_equal(pool_block(space->pool), block))
		close_space(catalog, space);
	if (!space->pool && open_space(catalog, space, block) < 0)
		return -ENOMEM;
	space_mark(catalog, space); /* new, or with other labels */
	return 0;
}

static int attach_prefix(struct catalog *catalog, struct entry *entry)
{
	const struct meta *meta = &entry->object->meta;
	struct scope scope = scope_of_prefixes(meta->name_space);

	if (attach_space(catalog, entry->object) < 0 ||
	    index_add_member(catalog, &scope, &meta->labels, entry) < 0 ||
	    attach_leases(catalog, entry, NULL) < 0)
		return -ENOMEM;
	return attach_waits(catalog, entry, NULL);
}

static int attach_routing(struct catalog *catalog, struct entry *entry)
{
	const struct routing_spec *routing = &entry->object->routing;

	ARRAY_FOREACH(destination, routing->destinations, routing->n_destinations) {
		if (index_add_route(catalog, entry->object->meta.name_space, &destination->address,
				    entry) < 0)
			return -ENOMEM;
	}
	return 0;
}

int attach(struct catalog *catalog, struct entry *entry)
{
	switch (entry->object->kind) {
	case KIND_NETWORK_INTERFACE:
	case KIND_LOAD_BALANCER:
		return attach_addressed(catalog, entry);
	case KIND_PREFIX:
		return attach_prefix(catalog, entry);
	case KIND_LOAD_BALANCER_ROUTING:
		return attach_routing(catalog, entry);
	case KIND_NETWORK:
	case KIND_N_KINDS:
		break;
	}
	return 0;
}

/* Blocks go back first: the links that say what was taken are about to go. */
static void release_blocks(struct catalog *catalog, struct entry *entry)
{
	ARRAY_FOREACH(lease, entry->object->leases, entry->object->n_leases) {
		struct space *space =
			lease->prefix
				? space_find(catalog, entry->object->meta.name_space, lease->prefix)
				: NULL;

		for (struct link *link = entry->links; space && link; link = link->of_entry) {
			if (link->chain != &space->holders || !link->taken)
				continue;
			/* Without memory it stays taken, until the Prefix is loaded anew. */
			if (pool_release(space->pool, &link->block) == -ENOMEM)
				catalog->n_conflicts++;
			link->taken = false;
		}
	}
}

static void release_number(struct net *net, const struct entry *entry)
{
	uint64_t key[2] = {entry->object->lb_number, 0};
	uint64_t *holder = flat_find(&net->numbers, key);

	if (holder && *holder == (uintptr_t)entry)
		flat_remove(&net->numbers, holder);
}

static void unlink_all(struct catalog *catalog, struct entry *entry)
{
	while (entry->links) {
		struct link *link = entry->links;

		entry->links = link->of_entry;
		chain_remove(link);
	}
	catalog->n_conflicts -= entry->n_conflicts;
	entry->n_conflicts = 0;
}

static void drop_unused_spaces(struct catalog *catalog, const struct object *object)
{
	const char *name_space = object->meta.name_space;
	struct scope scope = scope_of_prefixes(name_space);
	struct space *space;

	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		space = lease->prefix ? space_find(catalog, name_space, lease->prefix) : NULL;
		if (space)
			space_drop_unused(catalog, space);
	}
	for (size_t i = 0; i < object_n_sources(object); i++) {
		const struct prefix_spec *wanted = waits_for(object, i);

		space = wanted && wanted->parent ? space_find(catalog, name_space, wanted->parent)
						 : NULL;
		if (space)
			space_drop_unused(catalog, space);
		if (wanted && !wanted->parent)
			index_drop_seeker(catalog, &scope, wanted->parent_selector);
	}
}

static void detach_addressed(struct catalog *catalog, struct entry *entry)
{
	const struct object *object = entry->object;
	struct scope scope = scope_of_nics(object->meta.name_space, object_network(object));
	struct net *net = net_find(catalog, object->meta.name_space, object_network(object));
	bool was_leaving = net && net->leaving.n;

	if (!net)
		return;
	if (object->kind == KIND_LOAD_BALANCER)
		release_number(net, entry);
	release_blocks(catalog, entry);
	ARRAY_FOREACH(lease, object->leases, object->n_leases)
		lease_table_release(&net->addresses, &lease->block.address, entry);
	unlink_all(catalog, entry);
	if (was_leaving && !net->leaving.n)
		DL_DELETE2(catalog->leaving, net, leaving_prev, leaving_next);
	index_drop_unused(catalog, &scope, &object->meta.labels);
	if (object->kind == KIND_LOAD_BALANCER && object->lb.selector)
		index_drop_seeker(catalog, &scope, object->lb.selector);
	net_drop_unused(catalog, net);
}

static void detach_prefix(struct catalog *catalog, struct entry *entry)
{
	struct scope scope = scope_of_prefixes(entry->object->meta.name_space);

	release_blocks(catalog, entry);
	unlink_all(catalog, entry);
	index_drop_unused(catalog, &scope, &entry->object->meta.labels);
	drop_unused_spaces(catalog, entry->object);
}

static void detach_routing(struct catalog *catalog, struct entry *entry)
{
	const struct routing_spec *routing = &entry->object->routing;

	unlink_all(catalog, entry);
	ARRAY_FOREACH(destination, routing->destinations, routing->n_destinations)
		index_drop_route(catalog, entry->object->meta.name_space, &destination->address);
}

void detach(struct catalog *catalog, struct entry *entry)
{
	switch (entry->object->kind) {
	case KIND_NETWORK_INTERFACE:
	case KIND_LOAD_BALANCER:
		detach_addressed(catalog, entry);
		drop_unused_spaces(catalog, entry->object);
		break;
	case KIND_PREFIX:
		detach_prefix(catalog, entry);
		break;
	case KIND_LOAD_BALANCER_ROUTING:
		detach_routing(catalog, entry);
		break;
	case KIND_NETWORK:
	case KIND_N_KINDS:
		break;
	}
}
