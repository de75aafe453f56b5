/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/allocate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/array.h"
#include "base/text.h"
#include "ipam/selector.h"

#define NUMBERS_AHEAD_MAX (1U << 20)

struct request {
	const struct catalog *catalog;
	const struct object *object;
	const struct net *net; /* NULL for a Prefix, and where nothing is in the Network */
};

unsigned allocate_len(const struct object *object, const struct prefix_spec *wanted)
{
	if (wanted->prefix.address.family != FAMILY_NONE)
		return wanted->prefix.len;
	if (object->kind != KIND_PREFIX)
		return family_bits(wanted->family);
	return wanted->length;
}

static bool is_held(const struct request *r, const struct address *address)
{
	return r->net && lease_table_holder(&r->net->addresses, address);
}

/* An exact block: it and nothing else. */
static bool find_exact(const struct request *r, const struct pool *pool,
		       const struct prefix_spec *wanted, struct cidr *ret_block)
{
	if (!pool_is_free(pool, &wanted->prefix) || is_held(r, &wanted->prefix.address))
		return false;
	*ret_block = wanted->prefix;
	return true;
}

/*
 * The lowest best-fit address that is free in the Network too. Walks the free blocks of the pool in
 * the order in which they would be used up, as if what the Network holds were taken there as well.
 */
static bool find_address(const struct request *r, const struct pool *pool, struct cidr *ret_block)
{
	unsigned len = family_bits(pool_block(pool)->address.family);
	struct cidr block = {};
	struct address address;

	while (pool_next_free(pool, len, &block)) {
		if (!r->net)
			address = block.address;
		else if (!lease_table_first_free(&r->net->addresses, &block, &address))
			continue;
		*ret_block = (struct cidr){address, (uint8_t)len};
		return true;
	}
	return false;
}

static bool find_in(const struct request *r, const struct space *space,
		    const struct prefix_spec *wanted, struct cidr *ret_block)
{
	unsigned len = allocate_len(r->object, wanted);

	if (!space || !space->pool || pool_block(space->pool)->address.family != wanted->family ||
	    len <= pool_block(space->pool)->len)
		return false;
	if (wanted->prefix.address.family != FAMILY_NONE)
		return find_exact(r, space->pool, wanted, ret_block);
	if (r->object->kind == KIND_PREFIX)
		return pool_find(space->pool, len, ret_block);
	return find_address(r, space->pool, ret_block);
}

static struct request request_of(const struct catalog *catalog, const struct object *object)
{
	return (struct request){
		.catalog = catalog,
		.object = object,
		.net = object_addressing(object)
			       ? net_find(catalog, object->meta.name_space, object_network(object))
			       : NULL,
	};
}

static const struct object *prefix_of(const struct catalog *catalog, const struct space *space)
{
	const char *slash = strchr(space->key, '/');
	char name_space[NAME_KEY_MAX];

	(void)snprintf(name_space, sizeof(name_space), "%.*s", (int)(slash - space->key),
		       space->key);
	return catalog_find(catalog, KIND_PREFIX, name_space, slash + 1);
}

bool allocate_could_serve(const struct catalog *catalog, const struct object *object,
			  const struct space *space)
{
	struct request r = request_of(catalog, object);
	const struct object *prefix = prefix_of(catalog, space);
	struct cidr block;

	for (size_t i = 0; prefix && i < object_n_sources(object); i++) {
		const struct prefix_spec *wanted = waits_for(object, i);
		bool here =
			wanted && (wanted->parent ? text_equal(wanted->parent, prefix->meta.name)
						  : selector_matches(wanted->parent_selector,
								     &prefix->meta.labels));

		if (here && find_in(&r, space, wanted, &block))
			return true;
	}
	return false;
}

static const struct object *oldest_of(const struct catalog *catalog, const struct chain *chain,
				      const struct space *space, const struct object *best)
{
	const struct link *link;

	if (!chain)
		return best;
	DL_FOREACH(chain->first, link)
	{ /* by age */
		const struct object *waiter = link->entry->object;

		if (best && !object_is_older(waiter, best))
			return best;
		if (allocate_could_serve(catalog, waiter, space))
			return waiter;
	}
	return best;
}

const struct object *allocate_oldest_waiter(const struct catalog *catalog,
					    const struct space *space)
{
	const struct object *prefix = prefix_of(catalog, space), *best;
	struct scope scope;

	if (!prefix || !space->pool || pool_is_full(space->pool))
		return NULL;
	scope = scope_of_prefixes(prefix->meta.name_space);
	best = oldest_of(catalog, &space->waiters, space, NULL);
	for (size_t i = 0; i <= prefix->meta.labels.n_items; i++)
		best = oldest_of(catalog, index_seekers(catalog, &scope, &prefix->meta.labels, i),
				 space, best);
	return best;
}

/* A Prefix that nobody looked at since something came free may owe it to an older object. */
static bool is_owed(const struct request *r, const struct space *space)
{
	const struct object *waiter;

	if (!space->is_dirty)
		return false;
	waiter = allocate_oldest_waiter(r->catalog, space);
	return waiter && object_is_older(waiter, r->object);
}

/* Of the Prefixes that match and have room the one with the most free addresses, ties by name. */
static const struct space *choose_space(const struct request *r, const struct prefix_spec *wanted)
{
	const char *name_space = r->object->meta.name_space;
	struct scope scope = scope_of_prefixes(name_space);
	const struct chain *members = index_members(r->catalog, &scope, wanted->parent_selector);
	const struct space *best = NULL;
	const struct link *link;
	struct cidr block;

	if (!members)
		return NULL;
	DL_FOREACH(members->first, link)
	{
		const struct meta *meta = &link->entry->object->meta;
		const struct space *space = space_find(r->catalog, name_space, meta->name);

		if (link->entry->object == r->object ||
		    !selector_matches(wanted->parent_selector, &meta->labels) ||
		    !find_in(r, space, wanted, &block) || is_owed(r, space))
			continue;
		if (!best || space_is_roomier(space, best))
			best = space;
	}
	return best;
}

static int add_lease(struct object *object, const struct cidr *block, const char *prefix, size_t i)
{
	struct lease *lease = ARRAY_ADD(object->leases, object->n_leases);

	if (!lease)
		return -ENOMEM;
	lease->block = *block;
	lease->index = i;
	if (prefix && !(lease->prefix = strdup(prefix)))
		return -ENOMEM;
	return 0;
}

static int allocate_ephemeral(const struct request *r, struct object *object,
			      const struct prefix_spec *wanted, size_t i)
{
	const struct space *space;
	struct cidr block;

	space = wanted->parent ? space_find(r->catalog, object->meta.name_space, wanted->parent)
			       : choose_space(r, wanted);
	if (!find_in(r, space, wanted, &block) || is_owed(r, space))
		return 0; /* it waits */
	return add_lease(object, &block, strchr(space->key, '/') + 1, i);
}

void allocate_describe_holder(const struct object *holder, const struct address *address,
			      char *text, size_t room)
{
	const char *leaving = holder->meta.deleting_ms ? ", which is being deleted" : "";

	ARRAY_FOREACH(lease, holder->leases, holder->n_leases) {
		if (lease->releasing && address_equal(&lease->block.address, address))
			leaving = ", which is giving it back";
	}
	(void)snprintf(text, room, "%s %s/%s%s", kind_name(holder->kind), holder->meta.name_space,
		       holder->meta.name, leaving);
}

/* A literal, or a template that names its address and no parent, which is as good as one. */
static int allocate_literal(const struct request *r, struct object *object,
			    const struct object *existing, const struct address *address, size_t i,
			    struct problems *problems)
{
	const struct entry *entry = r->net ? lease_table_holder(&r->net->addresses, address) : NULL;
	const struct object *holder = entry ? entry->object : NULL;
	struct cidr block = {*address, (uint8_t)family_bits(address->family)};
	char path[64], value[ADDRESS_TEXT_MAX + 2], text[ADDRESS_TEXT_MAX], who[768];

	if (!holder || holder == existing)
		return add_lease(object, &block, NULL, i);
	(void)snprintf(path, sizeof(path),
		       object_addressing(object)->ips[i].ephemeral
			       ? "spec.ips[%zu].ephemeral.prefixTemplate.spec.prefix"
			       : "spec.ips[%zu].ip",
		       i);
	(void)snprintf(value, sizeof(value), "\"%s\"", address_format(address, text));
	allocate_describe_holder(holder, address, who, sizeof(who));
	problems_add(problems, PROBLEM_INVALID, 0, path, value, "in use by %s", who);
	return 0;
}

static int allocate_source(const struct request *r, struct object *object,
			   const struct object *existing, size_t i, struct problems *problems)
{
	const struct ip_source *source = &object_addressing(object)->ips[i];

	if (!source->ephemeral)
		return allocate_literal(r, object, existing, &source->literal, i, problems);
	if (prefix_spec_is_root(&source->ephemeral->spec))
		return allocate_literal(r, object, existing,
					&source->ephemeral->spec.prefix.address, i, problems);
	return allocate_ephemeral(r, object, &source->ephemeral->spec, i);
}

static bool same_request(const struct prefix_spec *a, const struct prefix_spec *b)
{
	return a->family == b->family && cidr_equal(&a->prefix, &b->prefix) &&
	       text_equal(a->parent, b->parent) &&
	       selector_equal(a->parent_selector, b->parent_selector);
}

/* Whether `lease` of the version before is what `source` asks for. */
static bool lease_suits(const struct object *existing, const struct lease *lease,
			const struct ip_source *source)
{
	const struct prefix_spec *wanted = source->ephemeral ? &source->ephemeral->spec : NULL;
	const struct addressing *before = object_addressing(existing);

	if (!wanted)
		return address_equal(&lease->block.address, &source->literal);
	if (prefix_spec_is_root(wanted))
		return address_equal(&lease->block.address, &wanted->prefix.address);
	if (!lease->prefix || lease->block.address.family != wanted->family ||
	    lease->index >= before->n_ips)
		return false;
	if (!lease->releasing && before->ips[lease->index].ephemeral &&
	    same_request(&before->ips[lease->index].ephemeral->spec, wanted))
		return true;
	/* Other words, or forgotten ones; but it is what these ask for. */
	return text_equal(lease->prefix, wanted->parent) &&
	       (wanted->prefix.address.family == FAMILY_NONE ||
		cidr_equal(&lease->block, &wanted->prefix));
}

static size_t entry_for(const struct object *object, const struct object *existing,
			const struct lease *lease)
{
	const struct addressing *now = object_addressing(object);
	size_t i = 0;

	while (i < now->n_ips &&
	       (object_lease(object, i) || !lease_suits(existing, lease, &now->ips[i])))
		i++;
	return i;
}

static int keep_lease(struct object *object, const struct object *existing,
		      const struct lease *lease)
{
	const struct addressing *now = object_addressing(object);
	size_t i = entry_for(object, existing, lease);
	bool is_kept = i < now->n_ips;
	bool is_literal = is_kept && (!now->ips[i].ephemeral ||
				      prefix_spec_is_root(&now->ips[i].ephemeral->spec));

	if (add_lease(object, &lease->block, is_literal ? NULL : lease->prefix, is_kept ? i : 0) <
	    0)
		return -ENOMEM;
	object->leases[object->n_leases - 1].releasing = !is_kept;
	return 0;
}

/*
 * Copies the leases that entries keep, and the rest as to be given back. Those in use choose first:
 * one that was already to be given back must not push them out.
 */
static int keep_leases(struct object *object, const struct object *existing)
{
	for (int releasing = 0; releasing <= 1; releasing++) {
		ARRAY_FOREACH(lease, existing->leases, existing->n_leases) {
			if (lease->releasing == releasing &&
			    keep_lease(object, existing, lease) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int allocate_addresses(const struct request *r, struct object *object,
			      const struct object *existing, struct problems *problems)
{
	const struct addressing *addressing = object_addressing(object);

	if (existing && keep_leases(object, existing) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < addressing->n_ips; i++) {
		if (!object_lease(object, i) &&
		    allocate_source(r, object, existing, i, problems) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int allocate_block(const struct request *r, struct object *object,
			  const struct object *existing)
{
	const struct lease *lease = existing ? object_lease(existing, 0) : NULL;

	if (lease)
		return add_lease(object, &lease->block, lease->prefix, 0);
	if (prefix_spec_is_root(&object->prefix))
		return 0;
	return allocate_ephemeral(r, object, &object->prefix, 0);
}

int allocate(const struct catalog *catalog, struct object *object, const struct object *existing,
	     struct problems *problems)
{
	struct request r = request_of(catalog, object);

	if (object->kind == KIND_PREFIX)
		return allocate_block(&r, object, existing);
	if (object_addressing(object))
		return allocate_addresses(&r, object, existing, problems);
	return 0;
}

/*
 * Whether the number given last is not behind us yet: a sequence goes on by one where a number was
 * in use, and numbers skip it. One that is far ahead is from a log that there was before.
 */
static bool is_ahead(uint32_t last, uint32_t number)
{
	uint32_t ahead = (last - number) & DESIRED_NUMBER_MAX;

	return last && ahead && ahead < NUMBERS_AHEAD_MAX;
}

uint32_t allocate_number(const struct catalog *catalog, const struct object *lb, uint64_t sequence)
{
	const struct net *net = net_find(catalog, lb->meta.name_space, object_network(lb));
	uint32_t number = sequence ? (sequence - 1) & DESIRED_NUMBER_MAX : 0;

	if (net && (!sequence || is_ahead(net->last_number, number)))
		number = net->last_number;
	for (uint32_t i = 0; i < DESIRED_NUMBER_MAX; i++) {
		number = number < DESIRED_NUMBER_MAX ? number + 1 : 1;
		if (!net || !flat_find(&net->numbers, (uint64_t[2]){number, 0}))
			return number;
	}
	return 0;
}
