/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "ipam/document.h"
#include "ipam/rules.h"
#include "ipam/schema.h"

/*
 * Rules that compare two versions of an object. What may not change is refused at the field
 * itself, where ironcore names the whole spec.
 */

#define IMMUTABLE "field is immutable; delete the object and create it anew"

static void refuse(struct judge *judge, const char *path, const char *detail)
{
	judge_refuse(judge, PROBLEM_FORBIDDEN, path, "%s", detail);
}

/* L22, N9 */
static void network_stays(struct judge *judge, const struct object *old, const struct object *new)
{
	if (old->kind != KIND_LOAD_BALANCER_ROUTING &&
	    !text_equal(object_network(old), object_network(new)))
		refuse(judge, "spec.networkRef", IMMUTABLE);
}

/* N9 */
static void nic_families_stay(struct judge *judge, const struct addressing *old,
			      const struct addressing *new)
{
	if (old->n_families != new->n_families ||
	    memcmp(old->families, new->families, sizeof(*old->families) * old->n_families) != 0)
		refuse(judge, "spec.ipFamilies", IMMUTABLE);
}

static void provider_is_set_once(struct judge *judge, const struct network_spec *old,
				 const struct network_spec *new)
{
	if (old->provider_id && !text_equal(old->provider_id, new->provider_id))
		refuse(judge, "spec.providerID", "field is immutable once it is set");
}

/* The block that a Prefix has or has asked for; that of the lease once there is one. */
static struct cidr block_of(const struct object *prefix)
{
	return prefix->n_leases ? prefix->leases[0].block : prefix->prefix.prefix;
}

static uint8_t length_of(const struct prefix_spec *spec)
{
	return spec->prefix.address.family ? spec->prefix.len : spec->length;
}

static const char *parent_of(const struct object *prefix)
{
	return prefix->n_leases && prefix->leases[0].prefix ? prefix->leases[0].prefix
							    : prefix->prefix.parent;
}

/*
 * P10: can be set once. Leaving it out again is no change while the length still says the same,
 * so that the manifest which made a child can be applied after the one that was read back.
 */
static void block_is_set_once(struct judge *judge, const struct object *old,
			      const struct object *new)
{
	struct cidr block = block_of(old);
	const struct cidr *wanted = &new->prefix.prefix;

	if (!block.address.family)
		return;
	if (wanted->address.family && !cidr_equal(wanted, &block))
		refuse(judge, "spec.prefix", "field is immutable once it is set or allocated");
	else if (!wanted->address.family && length_of(&new->prefix) != block.len)
		refuse(judge, "spec.prefixLength", IMMUTABLE);
}

/* P10, of a child that has no block yet. */
static void length_is_set_once(struct judge *judge, const struct object *old,
			       const struct object *new)
{
	uint8_t length = length_of(&old->prefix);

	if (!block_of(old).address.family && length && length_of(&new->prefix) != length)
		refuse(judge, "spec.prefixLength", IMMUTABLE);
}

/* P10: a root stays one; a child may name the parent that its selector found. */
static void parent_is_set_once(struct judge *judge, const struct object *old,
			       const struct object *new)
{
	const char *parent = parent_of(old);
	bool was_root = prefix_spec_is_root(&old->prefix);

	if (was_root != prefix_spec_is_root(&new->prefix))
		refuse(judge, "spec.prefixRef", IMMUTABLE);
	else if (new->prefix.parent && parent &&strcmp(new->prefix.parent, parent) != 0)
		refuse(judge, "spec.prefixRef", "field is immutable once it is set or allocated");
}

static bool is_same_selector(const struct selector *a, const struct selector *b)
{
	json_t *x = a ? schema_write(schema_selector, a) : json_null();
	json_t *y = b ? schema_write(schema_selector, b) : json_null();
	bool same = x && y && json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}

/* P10 */
static void selector_stays(struct judge *judge, const struct object *old, const struct object *new)
{
	if (!is_same_selector(old->prefix.parent_selector, new->prefix.parent_selector))
		refuse(judge, "spec.parentSelector", IMMUTABLE);
}

/* P10 */
static void family_stays(struct judge *judge, const struct object *old, const struct object *new)
{
	if (old->prefix.family != new->prefix.family)
		refuse(judge, "spec.ipFamily", IMMUTABLE);
}

static void check_prefix(struct judge *judge, const struct object *old, const struct object *new)
{
	family_stays(judge, old, new);
	block_is_set_once(judge, old, new);
	length_is_set_once(judge, old, new);
	parent_is_set_once(judge, old, new);
	selector_stays(judge, old, new);
}

void document_check_update(const struct object *old, const struct object *new,
			   struct problems *problems)
{
	struct judge judge = {.problems = problems, .kind = new->kind};

	switch (new->kind) {
	case KIND_NETWORK:
		provider_is_set_once(&judge, &old->network, &new->network);
		return;
	case KIND_NETWORK_INTERFACE:
		network_stays(&judge, old, new);
		nic_families_stay(&judge, &old->nic.addressing, &new->nic.addressing);
		return;
	case KIND_LOAD_BALANCER:
		network_stays(&judge, old, new);
		return;
	case KIND_PREFIX:
		check_prefix(&judge, old, new);
		return;
	case KIND_LOAD_BALANCER_ROUTING:
	case KIND_N_KINDS:
		return;
	}
}

/* The declared fields as JSON: of all, or without metadata. */
static json_t *declared(const struct object *object, bool meta)
{
	json_t *json = schema_write(schema_of(object->kind), object);

	if (json && !meta)
		(void)json_object_del(json, "metadata"); /* it was there */
	return json;
}

static bool compare(const struct object *a, const struct object *b, bool meta)
{
	json_t *x = declared(a, meta), *y = declared(b, meta);
	bool same = a->kind == b->kind && x && y && json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}

bool document_is_same(const struct object *a, const struct object *b)
{
	return compare(a, b, true);
}

bool document_is_same_spec(const struct object *a, const struct object *b)
{
	return compare(a, b, false);
}
