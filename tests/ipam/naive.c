/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ipam/naive.h"

#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"
#include "ipam/selector.h"
#include "tests/support/cmocka.h"

static bool add(void *user, const struct object *object)
{
	struct naive *naive = user;

	require(naive->n_objects < ARRAY_SIZE(naive->objects));
	naive->objects[naive->n_objects++] = object;
	return true;
}

void naive_load(struct naive *naive, const struct catalog *catalog)
{
	naive->n_objects = 0;
	for (enum kind kind = 0; kind < KIND_N_KINDS; kind++)
		catalog_list(catalog, kind, NULL, NULL, NULL, add, naive);
}

#define FOREACH_OBJECT(variable, naive)                                              \
	for (size_t _i = 0; _i < (naive)->n_objects; _i++)                           \
		for (const struct object *variable = (naive)->objects[_i]; variable; \
		     variable = NULL)

/* The last byte of an address, and how many of them a block has. */
static unsigned low(const struct cidr *block)
{
	return block->address.bytes[block->address.family == FAMILY_IPV4 ? 3 : 15];
}

static unsigned width(const struct cidr *block)
{
	unsigned bits = family_bits(block->address.family) - block->len;

	require(bits <= 8);
	return 1U << bits;
}

static const struct cidr *block_of(const struct object *prefix)
{
	if (prefix_spec_is_root(&prefix->prefix))
		return &prefix->prefix.prefix;
	return prefix->n_leases ? &prefix->leases[0].block : NULL;
}

static const struct object *prefix_named(const struct naive *naive, const char *name)
{
	FOREACH_OBJECT(object, naive)
	{
		if (object->kind == KIND_PREFIX && strcmp(object->meta.name, name) == 0)
			return object;
	}
	return NULL;
}

static void mark_taken(const struct naive *naive, const struct object *prefix, bool taken[256])
{
	memset(taken, 0, 256 * sizeof(*taken));
	FOREACH_OBJECT(object, naive)
	{
		ARRAY_FOREACH(lease, object->leases, object->n_leases) {
			if (text_equal(lease->prefix, prefix->meta.name))
				memset(taken + low(&lease->block), true, width(&lease->block));
		}
	}
}

static bool is_free(const bool taken[256], unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		if (taken[i])
			return false;
	}
	return true;
}

static const struct object *holder_of(const struct naive *naive, const struct object *asker,
				      const char *network, const struct address *address)
{
	FOREACH_OBJECT(object, naive)
	{
		if (!object_addressing(object) || object == asker ||
		    !text_equal(object_network(object), network))
			continue;
		ARRAY_FOREACH(lease, object->leases, object->n_leases) {
			if (address_equal(&lease->block.address, address))
				return object;
		}
	}
	return NULL;
}

const struct object *naive_holder(const struct naive *naive, const struct object *object,
				  const struct address *address)
{
	FOREACH_OBJECT(other, naive)
	{
		bool is_self = other->kind == object->kind &&
			       strcmp(other->meta.name, object->meta.name) == 0;

		if (is_self)
			return holder_of(naive, other, object_network(object), address);
	}
	return holder_of(naive, NULL, object_network(object), address);
}

static const struct prefix_spec *request_of(const struct object *object, size_t i)
{
	const struct addressing *addressing = object_addressing(object);
	const struct prefix_spec *spec = object->kind == KIND_PREFIX ? &object->prefix : NULL;

	if (addressing && addressing->ips[i].ephemeral)
		spec = &addressing->ips[i].ephemeral->spec;
	return spec && !prefix_spec_is_root(spec) ? spec : NULL;
}

static struct cidr part_of(const struct cidr *block, unsigned first, unsigned len)
{
	struct cidr part = *block;

	part.address.bytes[part.address.family == FAMILY_IPV4 ? 3 : 15] = (uint8_t)first;
	part.len = (uint8_t)len;
	return part;
}

/* In a free block: the first part for a Prefix, the first address that the Network has free. */
static bool fit_into(const struct naive *naive, const struct object *object,
		     const struct cidr *free, unsigned len, struct cidr *ret_block)
{
	unsigned step = 1U << (family_bits(free->address.family) - len);

	for (unsigned at = low(free); at < low(free) + width(free); at += step) {
		struct cidr part = part_of(free, at, len);

		if (object->kind != KIND_PREFIX &&
		    holder_of(naive, NULL, object_network(object), &part.address))
			continue;
		*ret_block = part;
		return true;
	}
	return false;
}

static bool fit_exact(const struct naive *naive, const struct object *object,
		      const struct cidr *block, const bool taken[256], const struct cidr *wanted)
{
	return cidr_covers(block, wanted) && is_free(taken, low(wanted), width(wanted)) &&
	       (object->kind == KIND_PREFIX ||
		!holder_of(naive, NULL, object_network(object), &wanted->address));
}

bool naive_fit(const struct naive *naive, const struct object *object, size_t i,
	       const struct object *prefix, struct cidr *ret_block)
{
	const struct cidr *block = block_of(prefix);
	const struct prefix_spec *wanted = request_of(object, i);
	bool taken[256], is_exact = wanted->prefix.address.family != FAMILY_NONE;
	unsigned len = is_exact                      ? wanted->prefix.len
		       : object->kind == KIND_PREFIX ? wanted->length
						     : family_bits(wanted->family);

	if (!block || block->address.family != wanted->family || len <= block->len)
		return false;
	mark_taken(naive, prefix, taken);
	if (is_exact) {
		*ret_block = wanted->prefix;
		return fit_exact(naive, object, block, taken, &wanted->prefix);
	}
	for (unsigned l = len; l >= block->len; l--) {
		unsigned n = 1U << (family_bits(wanted->family) - l);

		for (unsigned at = low(block); at < low(block) + width(block); at += n) {
			bool is_maximal =
				is_free(taken, at, n) &&
				(l == block->len || !is_free(taken, at & ~(2 * n - 1), 2 * n));
			struct cidr free = part_of(block, at, l);

			if (is_maximal && fit_into(naive, object, &free, len, ret_block))
				return true;
		}
	}
	return false;
}

bool naive_waits_for(const struct object *object, size_t i, const struct object *prefix)
{
	const struct prefix_spec *wanted = request_of(object, i);

	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		if (!lease->releasing && lease->index == i)
			return false;
	}
	if (!wanted || object->meta.deleting_ms)
		return false;
	if (wanted->parent)
		return strcmp(wanted->parent, prefix->meta.name) == 0;
	return selector_matches(wanted->parent_selector, &prefix->meta.labels);
}

static size_t n_entries(const struct object *object)
{
	const struct addressing *addressing = object_addressing(object);

	return addressing ? addressing->n_ips : object->kind == KIND_PREFIX;
}

bool naive_is_older(const struct object *a, const struct object *b)
{
	if (a->meta.created_ms != b->meta.created_ms)
		return a->meta.created_ms < b->meta.created_ms;
	return uuid_compare(&a->meta.uid, &b->meta.uid) < 0;
}

const struct object *naive_oldest_waiter(const struct naive *naive, const struct object *prefix)
{
	const struct object *oldest = NULL;
	struct cidr block;

	FOREACH_OBJECT(object, naive)
	{
		for (size_t i = 0; i < n_entries(object); i++) {
			if (naive_waits_for(object, i, prefix) &&
			    (!oldest || naive_is_older(object, oldest)) &&
			    naive_fit(naive, object, i, prefix, &block))
				oldest = object;
		}
	}
	return oldest;
}

size_t naive_n_used(const struct naive *naive, const struct object *prefix)
{
	bool taken[256];
	size_t n = 0;

	mark_taken(naive, prefix, taken);
	for (size_t i = 0; i < 256; i++)
		n += taken[i];
	return n;
}

static bool may_take(const struct naive *naive, const struct object *object, size_t i,
		     const struct object *prefix, struct cidr *ret_block)
{
	const struct object *oldest;

	if (!naive_fit(naive, object, i, prefix, ret_block))
		return false;
	oldest = naive_oldest_waiter(naive, prefix);
	return !oldest || !naive_is_older(oldest, object);
}

const struct object *naive_choose(const struct naive *naive, const struct object *object, size_t i,
				  struct cidr *ret_block)
{
	const struct prefix_spec *wanted = request_of(object, i);
	const struct object *best = NULL;
	size_t best_free = 0;
	struct cidr block;

	if (wanted->parent) {
		best = prefix_named(naive, wanted->parent);
		return best && may_take(naive, object, i, best, ret_block) ? best : NULL;
	}
	FOREACH_OBJECT(prefix, naive)
	{ /* by name: the first of equals is the one */
		size_t n_free;

		if (prefix->kind != KIND_PREFIX ||
		    !selector_matches(wanted->parent_selector, &prefix->meta.labels) ||
		    !may_take(naive, object, i, prefix, &block))
			continue;
		n_free = width(block_of(prefix)) - naive_n_used(naive, prefix);
		if (best && n_free <= best_free)
			continue;
		best = prefix;
		best_free = n_free;
		*ret_block = block;
	}
	return best;
}

static void check_lease(const struct naive *naive, const struct object *object,
			const struct lease *lease)
{
	const struct object *prefix = lease->prefix ? prefix_named(naive, lease->prefix) : NULL;

	if (lease->prefix &&
	    (!prefix || !block_of(prefix) || !cidr_covers(block_of(prefix), &lease->block)))
		fail_msg("%s holds a lease outside of prefix %s", object->meta.name, lease->prefix);
	FOREACH_OBJECT(other, naive)
	{
		ARRAY_FOREACH(its, other->leases, other->n_leases) {
			bool same_net = object_addressing(object) && object_addressing(other) &&
					text_equal(object_network(object), object_network(other));

			if (its == lease || !cidr_overlaps(&its->block, &lease->block))
				continue;
			if (same_net || (its->prefix && text_equal(its->prefix, lease->prefix)))
				fail_msg("%s and %s hold the same", object->meta.name,
					 other->meta.name);
		}
	}
}

void naive_check(const struct naive *naive)
{
	FOREACH_OBJECT(object, naive)
	{
		ARRAY_FOREACH(lease, object->leases, object->n_leases)
			check_lease(naive, object, lease);
	}
}
