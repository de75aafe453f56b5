/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/array.h"
#include "base/text.h"
#include "ipam/allocate.h"
#include "ipam/decide.h"
#include "ipam/decision.h"
#include "ipam/document.h"

/* Conflicts: the object is not in the state that the writer thinks. Gives false and the refusal. */
static bool check_state(const struct object *existing, const struct object *wanted,
			struct verdict *verdict)
{
	const struct meta *meta = &wanted->meta;
	const char *kind = kind_token(wanted->kind);

	if (existing && existing->meta.deleting_ms) {
		refuse_plainly(verdict, 409,
			       "%s \"%s/%s\" is being deleted; apply it again when it is gone",
			       kind, meta->name_space, meta->name);
	} else if (meta->resource_version && !existing) {
		refuse_plainly(verdict, 409,
			       "%s \"%s/%s\" does not exist, but metadata.resourceVersion asks for "
			       "an update; leave it out to create the object",
			       kind, meta->name_space, meta->name);
	} else if (meta->resource_version &&
		   meta->resource_version != existing->meta.resource_version) {
		refuse_plainly(
			verdict, 409,
			"%s \"%s/%s\" has been modified: metadata.resourceVersion is %" PRIu64
			", not %" PRIu64 "; get it again and repeat the change",
			kind, meta->name_space, meta->name, existing->meta.resource_version,
			meta->resource_version);
	} else {
		return true;
	}
	return false;
}

/* What a Prefix was given stays: naming it is fine, naming another is a change. */
static void check_block(const struct object *existing, const struct object *wanted,
			struct problems *problems)
{
	const struct lease *lease = object_lease(existing, 0);
	char text[CIDR_TEXT_MAX];

	if (!lease || wanted->kind != KIND_PREFIX)
		return;
	if (wanted->prefix.prefix.address.family != FAMILY_NONE &&
	    !cidr_equal(&wanted->prefix.prefix, &lease->block))
		problems_add(problems, PROBLEM_FORBIDDEN, 0, "spec.prefix", NULL,
			     "field is immutable: the Prefix was given %s",
			     cidr_format(&lease->block, text));
	if (wanted->prefix.parent && !text_equal(wanted->prefix.parent, lease->prefix))
		problems_add(problems, PROBLEM_FORBIDDEN, 0, "spec.prefixRef.name", NULL,
			     "field is immutable: the Prefix was cut from \"%s\"", lease->prefix);
}

/* A block that overlaps what others hold of the parent will never be had: say so at once. */
static void check_overlap(const struct catalog *catalog, const struct object *object,
			  struct problems *problems)
{
	const struct prefix_spec *wanted = waits_for(object, 0);
	const struct space *space;
	const struct link *link;
	char value[CIDR_TEXT_MAX + 2], block[CIDR_TEXT_MAX], text[CIDR_TEXT_MAX];

	if (object->kind != KIND_PREFIX || !wanted || !wanted->parent ||
	    wanted->prefix.address.family == FAMILY_NONE)
		return;
	space = space_find(catalog, object->meta.name_space, wanted->parent);
	if (!space)
		return;
	DL_FOREACH(space->holders.first, link)
	{
		const struct object *holder = link->entry->object;

		if (!cidr_overlaps(&link->block, &wanted->prefix))
			continue;
		(void)snprintf(value, sizeof(value), "\"%s\"", cidr_format(&wanted->prefix, text));
		problems_add(problems, PROBLEM_INVALID, 0, "spec.prefix", value,
			     "overlaps %s of %s %s/%s", cidr_format(&link->block, block),
			     kind_name(holder->kind), holder->meta.name_space, holder->meta.name);
		return;
	}
}

static void fill_meta(struct object *object, const struct object *existing,
		      const struct moment *moment)
{
	struct meta *meta = &object->meta;

	meta->resource_version = existing ? existing->meta.resource_version : 0;
	meta->uid = existing ? existing->meta.uid : moment->fresh_uid;
	meta->created_ms = existing ? existing->meta.created_ms : moment->now_ms;
	meta->generation = existing ? existing->meta.generation : 1;
	meta->deleting_ms = 0;
	if (existing && !document_is_same_spec(existing, object))
		meta->generation++;
}

static int fill_lb(const struct catalog *catalog, struct object *lb, const struct object *existing,
		   const struct moment *moment, struct problems *problems)
{
	if (lb->kind != KIND_LOAD_BALANCER)
		return 0;
	lb->lb_number =
		existing ? existing->lb_number : allocate_number(catalog, lb, moment->sequence);
	lb->lb_size_index = existing ? existing->lb_size_index : 0;
	if (!lb->lb_number)
		problems_add(problems, PROBLEM_FORBIDDEN, 0, "spec.networkRef", NULL,
			     "the Network has %u load balancers, and no number for another",
			     DESIRED_NUMBER_MAX);
	return wanted_size(catalog, lb, &lb->lb_size_index);
}

static bool same_lease(const struct lease *a, const struct lease *b)
{
	return cidr_equal(&a->block, &b->block) && text_equal(a->prefix, b->prefix) &&
	       a->index == b->index && a->releasing == b->releasing;
}

static bool has_lease(const struct object *object, const struct lease *lease)
{
	ARRAY_FOREACH(mine, object->leases, object->n_leases) {
		if (same_lease(mine, lease))
			return true;
	}
	return false;
}

/* Same words, same holdings: nothing to store. */
static bool is_unchanged(const struct object *existing, const struct object *object)
{
	if (!document_is_same(existing, object) || existing->n_leases != object->n_leases ||
	    existing->lb_size_index != object->lb_size_index)
		return false;
	ARRAY_FOREACH(lease, existing->leases, existing->n_leases) {
		if (!has_lease(object, lease))
			return false;
	}
	return true;
}

static void drop_leases(struct object *object)
{
	ARRAY_FOREACH(lease, object->leases, object->n_leases)
		free(lease->prefix);
	free(TAKE(object->leases));
	object->n_leases = 0;
}

/* Who renames addresses faster than nodes let go of them has to wait. */
static void check_leases(const struct object *object, struct problems *problems)
{
	if (object->n_leases > LEASES_MAX)
		problems_add(problems, PROBLEM_FORBIDDEN, 0, "spec.ips", NULL,
			     "%zu addresses are held or still to be given back; try again when the "
			     "nodes have let go of those",
			     object->n_leases);
}

static int build(const struct catalog *catalog, const struct object *wanted,
		 const struct object *existing, const struct moment *moment,
		 struct problems *problems, struct object **ret_object)
{
	auto_call(object_freep) struct object *object = NULL;

	if (object_copy(wanted, &object) < 0)
		return -ENOMEM;
	drop_leases(
		object); /* a manifest has none; whoever hands in a stored object gets no more */
	fill_meta(object, existing, moment);
	if (allocate(catalog, object, existing, problems) < 0 ||
	    fill_lb(catalog, object, existing, moment, problems) < 0)
		return -ENOMEM;
	check_overlap(catalog, object, problems);
	check_leases(object, problems);
	*ret_object = TAKE(object);
	return 0;
}

int decide_apply(const struct catalog *catalog, const struct object *wanted,
		 const struct moment *moment, struct verdict *ret_verdict)
{
	const struct object *existing =
		catalog_find(catalog, wanted->kind, wanted->meta.name_space, wanted->meta.name);
	auto_call(problems_deinit) struct problems problems = {};
	auto_call(verdict_deinit) struct verdict verdict = {.outcome = VERDICT_UNCHANGED};

	if (!check_state(existing, wanted, ret_verdict))
		return 0;
	if (existing) {
		document_check_update(existing, wanted, &problems);
		check_block(existing, wanted, &problems);
	}
	if (!problems_any(&problems) &&
	    build(catalog, wanted, existing, moment, &problems, &verdict.object) < 0)
		return -ENOMEM;
	if (problems_any(&problems)) {
		refuse(ret_verdict, 422, &problems);
		return 0;
	}
	if (!existing)
		verdict.outcome = VERDICT_CREATED;
	else if (!is_unchanged(existing, verdict.object))
		verdict.outcome = VERDICT_CONFIGURED;
	*ret_verdict = verdict;
	verdict = (struct verdict){};
	return 0;
}
