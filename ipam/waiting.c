/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/waiting.h"

#include <stdarg.h>
#include <stdio.h>
#include <utlist.h>

#include "ipam/allocate.h"
#include "ipam/selector.h"
#include "ipam/state.h"

static void say(struct waiting *waiting, const char *reason, const char *format, ...)
	printf_like(3, 4);

static void say(struct waiting *waiting, const char *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(waiting->message, sizeof(waiting->message), format, args);
	va_end(args);
	waiting->reason = reason;
}

/* Who of the Network or of the Prefix has a part of the block that is wanted. */
static const struct object *find_holder(const struct catalog *catalog, const struct object *object,
					const struct space *space, const struct cidr *block)
{
	const struct net *net =
		object_addressing(object)
			? net_find(catalog, object->meta.name_space, object_network(object))
			: NULL;
	const struct entry *entry =
		net ? lease_table_holder(&net->addresses, &block->address) : NULL;
	const struct link *link;

	if (entry)
		return entry->object;
	DL_FOREACH(space->holders.first, link)
	{
		if (cidr_overlaps(&link->block, block))
			return link->entry->object;
	}
	return NULL;
}

static void explain_exact(const struct catalog *catalog, const struct object *object,
			  const struct space *space, const struct cidr *block,
			  struct waiting *waiting)
{
	const struct object *holder = find_holder(catalog, object, space, block);
	char wanted[CIDR_TEXT_MAX], has[CIDR_TEXT_MAX], who[768];

	cidr_format(block, wanted);
	if (!cidr_covers(pool_block(space->pool), block)) {
		say(waiting, "OutsidePrefix", "%s is outside of prefix %s, which is %s", wanted,
		    space->key, cidr_format(pool_block(space->pool), has));
	} else if (holder) {
		allocate_describe_holder(holder, &block->address, who, sizeof(who));
		say(waiting, "AddressInUse", "%s is in use by %s", wanted, who);
	} else {
		say(waiting, "Waiting", "%s of prefix %s is about to be given", wanted, space->key);
	}
}

static void explain_full(const struct object *object, const struct space *space, unsigned len,
			 bool can_be_served, struct waiting *waiting)
{
	unsigned largest = pool_largest_free(space->pool);

	if (can_be_served)
		say(waiting, "Waiting", "prefix %s has room; older objects are served first",
		    space->key);
	else if (object->kind != KIND_PREFIX && !pool_is_full(space->pool))
		say(waiting, "PrefixExhausted",
		    "every free address of prefix %s is in use in network %s/%s", space->key,
		    object->meta.name_space, object_network(object));
	else if (object->kind != KIND_PREFIX)
		say(waiting, "PrefixExhausted", "prefix %s has no free address", space->key);
	else if (largest == 255)
		say(waiting, "PrefixExhausted", "prefix %s has no free block", space->key);
	else
		say(waiting, "PrefixExhausted",
		    "prefix %s has no free block of /%u; the largest is /%u", space->key, len,
		    largest);
}

static void explain_space(const struct catalog *catalog, const struct object *object,
			  const struct space *space, const struct prefix_spec *wanted,
			  struct waiting *waiting)
{
	unsigned len = allocate_len(object, wanted);
	char has[CIDR_TEXT_MAX];

	cidr_format(pool_block(space->pool), has);
	if (pool_block(space->pool)->address.family != wanted->family)
		say(waiting, "FamilyMismatch", "prefix %s is %s, which has no %s addresses",
		    space->key, has, family_name(wanted->family));
	else if (len <= pool_block(space->pool)->len)
		say(waiting, "PrefixTooSmall",
		    "prefix %s is %s: a block of /%u cannot be part of it", space->key, has, len);
	else if (wanted->prefix.address.family != FAMILY_NONE)
		explain_exact(catalog, object, space, &wanted->prefix, waiting);
	else
		explain_full(object, space, len, allocate_could_serve(catalog, object, space),
			     waiting);
}

static void explain_parent(const struct catalog *catalog, const struct object *object,
			   const struct prefix_spec *wanted, struct waiting *waiting)
{
	const char *name_space = object->meta.name_space;
	const struct space *space = space_find(catalog, name_space, wanted->parent);

	if (!catalog_find(catalog, KIND_PREFIX, name_space, wanted->parent))
		say(waiting, "PrefixNotFound", "prefix %s/%s does not exist", name_space,
		    wanted->parent);
	else if (!space || !space->pool)
		say(waiting, "PrefixPending", "prefix %s/%s has no block itself yet", name_space,
		    wanted->parent);
	else
		explain_space(catalog, object, space, wanted, waiting);
}

static void explain_selector(const struct catalog *catalog, const struct object *object,
			     const struct prefix_spec *wanted, struct waiting *waiting)
{
	struct scope scope = scope_of_prefixes(object->meta.name_space);
	const struct chain *members = index_members(catalog, &scope, wanted->parent_selector);
	const struct link *link;
	size_t n = 0, n_allocated = 0;

	for (link = members ? members->first : NULL; link; link = link->next) {
		const struct object *prefix = link->entry->object;
		const struct space *space =
			space_find(catalog, prefix->meta.name_space, prefix->meta.name);

		if (prefix->prefix.family != wanted->family ||
		    !selector_matches(wanted->parent_selector, &prefix->meta.labels))
			continue;
		n++;
		n_allocated += space && space->pool;
	}
	if (!n)
		say(waiting, "PrefixNotFound", "no %s prefix of namespace %s matches the selector",
		    family_name(wanted->family), object->meta.name_space);
	else if (!n_allocated)
		say(waiting, "PrefixPending",
		    "%zu prefixes match the selector, none has a block itself yet", n);
	else
		say(waiting, "PrefixExhausted",
		    "%zu prefixes match the selector, none has room for a block of /%u", n,
		    allocate_len(object, wanted));
}

bool waiting_explain(const struct catalog *catalog, const struct object *object, size_t i,
		     struct waiting *ret_waiting)
{
	const struct prefix_spec *wanted = waits_for(object, i);

	if (!wanted)
		return false;
	if (wanted->parent)
		explain_parent(catalog, object, wanted, ret_waiting);
	else
		explain_selector(catalog, object, wanted, ret_waiting);
	return true;
}
