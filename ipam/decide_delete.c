/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/text.h"
#include "ipam/decide.h"
#include "ipam/decision.h"
#include "ipam/state.h"

#define HOLDERS_NAMED 10

/* Who keeps a Network or a Prefix from being deleted; NULL: nobody. */
static const struct chain *holders_of(const struct catalog *catalog, const struct object *object)
{
	const char *name_space = object->meta.name_space, *name = object->meta.name;
	const struct net *net;
	const struct space *space;

	switch (object->kind) {
	case KIND_NETWORK:
		net = net_find(catalog, name_space, name);
		return net && net->users.n ? &net->users : NULL;
	case KIND_PREFIX:
		space = space_find(catalog, name_space, name);
		return space && space->holders.n ? &space->holders : NULL;
	case KIND_NETWORK_INTERFACE:
	case KIND_LOAD_BALANCER:
	case KIND_LOAD_BALANCER_ROUTING:
	case KIND_N_KINDS:
		break;
	}
	return NULL;
}

static void refuse_held(struct verdict *verdict, const struct object *object,
			const struct chain *holders)
{
	auto_call(text_deinit) struct text text = {};
	const struct link *link;
	size_t n = 0;

	DL_FOREACH(holders->first, link)
	{
		const struct object *holder = link->entry->object;

		if (n++ == HOLDERS_NAMED)
			break;
		text_addf(&text, "%s%s %s/%s", n > 1 ? ", " : "", kind_name(holder->kind),
			  holder->meta.name_space, holder->meta.name);
	}
	if (holders->n > HOLDERS_NAMED)
		text_addf(&text, " and %zu more", holders->n - HOLDERS_NAMED);
	refuse_plainly(verdict, 409, "%s \"%s/%s\" is in use by %s; delete those first",
		       kind_token(object->kind), object->meta.name_space, object->meta.name,
		       text.bytes ? text.bytes : "other objects");
}

/* Gives false and the refusal. */
static bool check(const struct catalog *catalog, const struct object *object,
		  uint64_t resource_version, struct verdict *verdict)
{
	const struct chain *holders = holders_of(catalog, object);

	if (resource_version && resource_version != object->meta.resource_version) {
		refuse_plainly(verdict, 409,
			       "%s \"%s/%s\" has been modified: its resourceVersion is %" PRIu64
			       ", not %" PRIu64,
			       kind_token(object->kind), object->meta.name_space, object->meta.name,
			       object->meta.resource_version, resource_version);
		return false;
	}
	if (holders)
		refuse_held(verdict, object, holders);
	return !holders;
}

int decide_delete(const struct catalog *catalog, enum kind kind, const char *name_space,
		  const char *name, uint64_t resource_version, const struct moment *moment,
		  struct verdict *ret_verdict)
{
	const struct object *object = catalog_find(catalog, kind, name_space, name);
	struct verdict verdict = {.outcome = VERDICT_DELETED};

	if (!object) {
		refuse_plainly(ret_verdict, 404, "%s \"%s/%s\" not found", kind_token(kind),
			       name_space, name);
		return 0;
	}
	if (!check(catalog, object, resource_version, ret_verdict))
		return 0;
	if (object_copy(object, &verdict.object) < 0)
		return -ENOMEM;
	if (object_addressing(object)) { /* nodes forward it: gone once they have let go */
		verdict.outcome = object->meta.deleting_ms ? VERDICT_UNCHANGED : VERDICT_DELETING;
		if (!object->meta.deleting_ms)
			verdict.object->meta.deleting_ms = moment->now_ms;
	}
	*ret_verdict = verdict;
	return 0;
}
