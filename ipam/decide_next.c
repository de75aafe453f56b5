/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/array.h"
#include "base/require.h"
#include "ipam/allocate.h"
#include "ipam/decide.h"
#include "ipam/decision.h"

static void key_names(const char *key, char ret_namespace[static NAME_KEY_MAX],
		      const char **ret_name)
{
	const char *slash = strchr(key, '/');

	(void)snprintf(ret_namespace, NAME_KEY_MAX, "%.*s", (int)(slash - key), key);
	*ret_name = slash + 1;
}

static void forget_releasing(struct object *object)
{
	size_t n = 0;

	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		if (lease->releasing)
			free(lease->prefix);
		else
			object->leases[n++] = *lease;
	}
	object->n_leases = n;
}

static int let_go(const struct object *object, struct verdict *verdict)
{
	if (object_copy(object, &verdict->object) < 0)
		return -ENOMEM;
	verdict->outcome = object->meta.deleting_ms ? VERDICT_DELETED : VERDICT_CONFIGURED;
	forget_releasing(verdict->object);
	return 1;
}

/* One whose nodes have all confirmed. The chains are in the order of the log. */
static int next_leaving(const struct catalog *catalog, confirmed_fn *confirmed, void *user,
			struct verdict *verdict)
{
	const struct net *net;

	DL_FOREACH2(catalog->leaving, net, leaving_next)
	{
		char name_space[NAME_KEY_MAX];
		const char *name;
		uint64_t up_to;
		const struct link *link;

		key_names(net->key, name_space, &name);
		up_to = confirmed(user, name_space, name);
		DL_FOREACH(net->leaving.first, link)
		{
			const struct object *object = link->entry->object;

			if (object->meta.resource_version > up_to)
				break;
			if (object->meta.resource_version) /* 0: not stored yet */
				return let_go(object, verdict);
		}
	}
	return 0;
}

static int serve(const struct catalog *catalog, const struct object *waiter,
		 struct verdict *verdict)
{
	auto_call(problems_deinit) struct problems problems = {};
	auto_call(object_freep) struct object *object = NULL;

	if (object_copy(waiter, &object) < 0)
		return -ENOMEM;
	ARRAY_FOREACH(lease, object->leases, object->n_leases)
		free(lease->prefix);
	free(TAKE(object->leases));
	object->n_leases = 0;
	if (allocate(catalog, object, waiter, &problems) < 0)
		return -ENOMEM;
	/* It could be served, and nothing else about it has changed. */
	require(!problems_any(&problems) && object->n_leases > waiter->n_leases);
	verdict->object = TAKE(object);
	verdict->outcome = VERDICT_CONFIGURED;
	return 1;
}

/* A Prefix stays marked while it has somebody to serve: a verdict may fail to be committed. */
static int next_waiter(struct catalog *catalog, struct verdict *verdict)
{
	while (catalog->dirty) {
		const struct object *waiter = allocate_oldest_waiter(catalog, catalog->dirty);

		if (waiter)
			return serve(catalog, waiter, verdict);
		space_clear(catalog, catalog->dirty);
	}
	return 0;
}

static int next_unsized(struct catalog *catalog, struct verdict *verdict)
{
	while (catalog->unsized) {
		struct entry *entry = catalog->unsized;
		uint8_t size;

		if (wanted_size(catalog, entry->object, &size) < 0)
			return -ENOMEM;
		if (size != entry->object->lb_size_index) {
			if (object_copy(entry->object, &verdict->object) < 0)
				return -ENOMEM;
			verdict->object->lb_size_index = size;
			verdict->outcome = VERDICT_CONFIGURED;
			return 1;
		}
		sized(catalog, entry);
	}
	return 0;
}

int decide_next(struct catalog *catalog, confirmed_fn *confirmed, void *user,
		const struct moment *moment, struct verdict *ret_verdict)
{
	struct verdict verdict = {};
	int n;

	(void)moment;
	n = next_leaving(catalog, confirmed, user, &verdict);
	if (n == 0)
		n = next_waiter(catalog, &verdict);
	if (n == 0)
		n = next_unsized(catalog, &verdict);
	if (n == 1)
		*ret_verdict = verdict;
	else
		verdict_deinit(&verdict);
	return n;
}
