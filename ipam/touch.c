/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <utlist.h>

#include "base/array.h"
#include "ipam/selector.h"
#include "ipam/state.h"

void touch_lb(struct catalog *catalog, struct entry *entry)
{
	if (!entry->is_touched)
		DL_APPEND2(catalog->touched, entry, touched_prev, touched_next);
	entry->is_touched = true;
	if (!entry->is_unsized)
		DL_APPEND2(catalog->unsized, entry, unsized_prev, unsized_next);
	entry->is_unsized = true;
}

void sized(struct catalog *catalog, struct entry *entry)
{
	if (entry->is_unsized)
		DL_DELETE2(catalog->unsized, entry, unsized_prev, unsized_next);
	entry->is_unsized = false;
}

static void touch_selecting(struct catalog *catalog, const struct object *nic)
{
	struct scope scope = scope_of_nics(nic->meta.name_space, object_network(nic));
	const struct labels *labels = &nic->meta.labels;

	for (size_t i = 0; i <= labels->n_items; i++) {
		const struct chain *seekers = index_seekers(catalog, &scope, labels, i);
		struct link *link;

		if (!seekers)
			continue;
		DL_FOREACH(seekers->first, link)
		{
			catalog->n_looked_at++;
			if (selector_matches(link->entry->object->lb.selector, labels))
				touch_lb(catalog, link->entry);
		}
	}
}

static void touch_network(struct catalog *catalog, const struct object *network)
{
	struct net *net = net_find(catalog, network->meta.name_space, network->meta.name);
	struct link *link;

	if (!net)
		return;
	DL_FOREACH(net->lbs.first, link)
	touch_lb(catalog, link->entry);
}

static void touch_routed(struct catalog *catalog, const struct object *routing)
{
	char key[OBJECT_KEY_MAX];
	struct entry *entry;

	object_key_of(KIND_LOAD_BALANCER, routing->meta.name_space, routing->meta.name, key);
	HASH_FIND_STR(catalog->entries, key, entry);
	if (entry && entry->object && !entry->object->lb.selector)
		touch_lb(catalog, entry);
}

/* A routed address has the node of the interface that holds it. */
static void touch_routed_to(struct catalog *catalog, const struct object *nic)
{
	ARRAY_FOREACH(lease, nic->leases, nic->n_leases) {
		const struct chain *routings =
			index_routes(catalog, nic->meta.name_space, &lease->block.address);
		struct link *link;

		if (!routings)
			continue;
		DL_FOREACH(routings->first, link)
		touch_routed(catalog, link->entry->object);
	}
}

void touch_concerned(struct catalog *catalog, const struct entry *entry)
{
	switch (entry->object->kind) {
	case KIND_NETWORK:
		touch_network(catalog, entry->object);
		break;
	case KIND_NETWORK_INTERFACE:
		touch_selecting(catalog, entry->object);
		touch_routed_to(catalog, entry->object);
		break;
	case KIND_LOAD_BALANCER_ROUTING:
		touch_routed(catalog, entry->object);
		break;
	case KIND_LOAD_BALANCER:
	case KIND_PREFIX:
	case KIND_N_KINDS:
		break;
	}
}

static void list_selecting(const struct catalog *catalog, const struct object *nic,
			   catalog_visit_fn *visit, void *user)
{
	struct scope scope = scope_of_nics(nic->meta.name_space, object_network(nic));
	const struct labels *labels = &nic->meta.labels;

	for (size_t i = 0; i <= labels->n_items; i++) {
		const struct chain *seekers = index_seekers(catalog, &scope, labels, i);
		struct link *link;

		if (!seekers)
			continue;
		DL_FOREACH(seekers->first, link)
		{
			if (selector_matches(link->entry->object->lb.selector, labels))
				(void)visit(user, link->entry->object);
		}
	}
}

static void list_routed(const struct catalog *catalog, const char *name_space,
			const struct address *address, catalog_visit_fn *visit, void *user)
{
	const struct chain *routings = index_routes(catalog, name_space, address);
	struct link *link;

	if (!routings)
		return;
	DL_FOREACH(routings->first, link)
	{
		const struct object *lb = catalog_find(catalog, KIND_LOAD_BALANCER, name_space,
						       link->entry->object->meta.name);

		if (lb && !lb->lb.selector)
			(void)visit(user, lb);
	}
}

void catalog_list_served(const struct catalog *catalog, const char *name_space, const char *network,
			 const struct address *address, catalog_visit_fn *visit, void *user)
{
	const struct net *net = net_find(catalog, name_space, network);
	const struct entry *holder = net ? lease_table_holder(&net->addresses, address) : NULL;

	if (holder && holder->object && holder->object->kind == KIND_NETWORK_INTERFACE)
		list_selecting(catalog, holder->object, visit, user);
	list_routed(catalog, name_space, address, visit, user);
}

void space_mark(struct catalog *catalog, struct space *space)
{
	if (!space->is_dirty)
		DL_APPEND2(catalog->dirty, space, dirty_prev, dirty_next);
	space->is_dirty = true;
}

void space_clear(struct catalog *catalog, struct space *space)
{
	if (space->is_dirty)
		DL_DELETE2(catalog->dirty, space, dirty_prev, dirty_next);
	space->is_dirty = false;
}

static void mark_selected(struct catalog *catalog, const char *name_space,
			  const struct selector *selector)
{
	struct scope scope = scope_of_prefixes(name_space);
	const struct chain *members = index_members(catalog, &scope, selector);
	struct link *link;

	if (!members)
		return;
	DL_FOREACH(members->first, link)
	{
		const struct meta *meta = &link->entry->object->meta;
		struct space *space = space_find(catalog, meta->name_space, meta->name);

		if (space && space->pool && !pool_is_full(space->pool) &&
		    selector_matches(selector, &meta->labels))
			space_mark(catalog, space);
	}
}

void mark_awaited(struct catalog *catalog, const struct object *waiter)
{
	const char *name_space = waiter->meta.name_space;

	for (size_t i = 0; i < object_n_sources(waiter); i++) {
		const struct prefix_spec *wanted = waits_for(waiter, i);
		struct space *space;

		if (!wanted)
			continue;
		if (!wanted->parent) {
			mark_selected(catalog, name_space, wanted->parent_selector);
			continue;
		}
		space = space_find(catalog, name_space, wanted->parent);
		if (space && space->pool && !pool_is_full(space->pool))
			space_mark(catalog, space);
	}
}

/* An address of a Network that is free again may be what an ephemeral one of it waits for. */
static void mark_freed_address(struct catalog *catalog, const struct net *net,
			       const struct address *address)
{
	struct link *link;

	if (!net || lease_table_holder(&net->addresses, address))
		return;
	DL_FOREACH(net->waiters.first, link)
	mark_awaited(catalog, link->entry->object);
}

void mark_freed(struct catalog *catalog, const struct object *old)
{
	const char *name_space = old->meta.name_space;
	const struct net *net =
		object_addressing(old) ? net_find(catalog, name_space, object_network(old)) : NULL;

	ARRAY_FOREACH(lease, old->leases, old->n_leases) {
		struct space *space =
			lease->prefix ? space_find(catalog, name_space, lease->prefix) : NULL;

		mark_freed_address(catalog, net, &lease->block.address);
		if (space && space->pool && pool_is_free(space->pool, &lease->block))
			space_mark(catalog, space);
	}
}
