/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "allocator/call.h"
#include "allocator/mirror.h"
#include "allocator/nodes.h"

static void read_get(struct world *world, struct call *call)
{
	const struct request *request = &call->request;
	struct answer *answer = &call->answer;
	size_t n_missing = 0;
	char title[320];

	for (size_t i = 0; i < request->n_targets; i++) {
		const struct request_target *target = &request->targets[i];
		const struct object *object = catalog_find(world->catalog, target->kind,
							   request->name_space, target->name);

		(void)snprintf(title, sizeof(title), "%s/%s", kind_token(target->kind),
			       target->name);
		if (object)
			(void)answer_add_item(answer, mirror_object(world->mirror, object));
		else if (n_missing++ == 0)
			answer_set(answer, 404, "%s not found in namespace %s", title,
				   request->name_space);
		if (!object && request->n_targets > 1)
			answer_add_result(answer, title, "not found", NULL);
	}
	if (n_missing)
		return;
	if (request->n_targets == 1)
		answer_set(answer, 200, "%s", title);
	else
		answer_set(answer, 200, "%zu objects", request->n_targets);
}

struct listing {
	struct world *world;
	struct call *call;
	size_t n;
	char last[DESIRED_NAME_MAX + 1];
	bool is_full;
};

static bool on_listed(void *user, const struct object *object)
{
	struct listing *listing = user;
	struct answer *answer = &listing->call->answer;

	if (listing->n == listing->call->request.limit ||
	    !answer_add_item(answer, mirror_object(listing->world->mirror, object))) {
		listing->is_full = true;
		return false;
	}
	listing->n++;
	(void)snprintf(listing->last, sizeof(listing->last), "%s", object->meta.name);
	return true;
}

static void read_list(struct world *world, struct call *call)
{
	const struct request *request = &call->request;
	struct listing listing = {.world = world, .call = call};

	catalog_list(world->catalog, request->kind, request->name_space, request->selector,
		     request->after, on_listed, &listing);
	answer_set(&call->answer, 200, "%zu %s%s", listing.n, kind_token(request->kind),
		   listing.n == 1                 ? ""
		   : request->kind == KIND_PREFIX ? "es"
						  : "s");
	if (listing.is_full) {
		call->answer.more = strdup(listing.last);
		call->answer.failed = call->answer.failed || !call->answer.more;
	}
}

static struct roster_truth truth_of(const void *world, const char *token)
{
	return world_truth(world, token);
}

static void on_node(void *user, const struct roster_node *node)
{
	struct listing *listing = user;
	struct roster_time time = world_time(listing->world);
	json_t *item;

	if (listing->call->request.after && strcmp(node->name, listing->call->request.after) <= 0)
		return;
	if (listing->n == listing->call->request.limit || listing->is_full) {
		listing->is_full = true;
		return;
	}
	item = node_describe(node, &time, truth_of, listing->world);
	if (!answer_add_item(&listing->call->answer, item)) {
		listing->is_full = true;
		return;
	}
	listing->n++;
	(void)snprintf(listing->last, sizeof(listing->last), "%s", node->name);
}

/* Nodes belong to no namespace. */
static void read_nodes(struct world *world, struct call *call)
{
	struct listing listing = {.world = world, .call = call};

	roster_visit(world->roster, on_node, &listing);
	answer_set(&call->answer, 200, "%zu node%s", listing.n, listing.n == 1 ? "" : "s");
	if (listing.is_full)
		call->answer.more = strdup(listing.last);
}

void read_answer(struct world *world, struct call *call)
{
	answer_deinit(&call->answer);
	if (call->request.verb == API_GET)
		read_get(world, call);
	else if (call->request.list == LIST_NODES)
		read_nodes(world, call);
	else
		read_list(world, call);
}
