/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "allocator/call.h"
#include "allocator/journal.h"
#include "allocator/mirror.h"
#include "allocator/nodes.h"
#include "base/text.h"

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
	const struct request *request = &listing->call->request;
	struct roster_time time = world_time(listing->world);
	json_t *item;

	if (listing->is_full || (request->after && strcmp(node->name, request->after) <= 0))
		return;
	item = node_describe(node, request->name_space, &time, truth_of, listing->world);
	if (item && *request->name_space &&
	    json_array_size(json_object_get(item, "networks")) == 0) {
		json_decref(item);
		return;
	}
	if (listing->n == request->limit) {
		listing->is_full = true;
		json_decref(item);
		return;
	}
	if (!answer_add_item(&listing->call->answer, item)) {
		listing->is_full = true;
		return;
	}
	listing->n++;
	(void)snprintf(listing->last, sizeof(listing->last), "%s", node->name);
}

/* Nodes belong to no namespace, their Networks do: to who asks in one, a node is there as far as it
 * hosts Networks of that namespace. */
static void read_nodes(struct world *world, struct call *call)
{
	struct listing listing = {.world = world, .call = call};

	roster_visit(world->roster, on_node, &listing);
	answer_set(&call->answer, 200, "%zu node%s", listing.n, listing.n == 1 ? "" : "s");
	if (listing.is_full)
		call->answer.more = strdup(listing.last);
}

/* The address behind which a list goes on. */
static bool is_behind(const struct request *request, const struct address *address)
{
	struct address after;

	return !request->after || address_parse(request->after, &after) < 0 ||
	       address_compare(address, &after) > 0;
}

static void list_destination(struct listing *listing, const struct desired_lb *lb,
			     const struct desired_destination *destination,
			     const struct destinations_health *health)
{
	struct destination_finding finding;
	char address[ADDRESS_TEXT_MAX];

	if (listing->is_full || !is_behind(&listing->call->request, &destination->address))
		return;
	destination_find(lb, destination, health, &finding);
	if (listing->n == listing->call->request.limit ||
	    !answer_add_item(&listing->call->answer, destination_describe(destination, &finding))) {
		listing->is_full = true;
		return;
	}
	listing->n++;
	(void)snprintf(listing->last, sizeof(listing->last), "%s",
		       address_format(&destination->address, address));
}

static void list_destinations(struct listing *listing, const struct object *object)
{
	struct world *world = listing->world;
	struct resolution resolution = {};
	struct destinations_health health = {};
	char token[SUBJECT_TOKEN_MAX + 1];

	if (resolve_lb(world->catalog, object, &resolution) < 0) {
		listing->call->answer.failed = true;
		return;
	}
	if (subject_net_token(object->meta.name_space, object_network(object), token) == 0)
		health = world_health(world, token);
	for (size_t i = 0; resolution.lb && i < resolution.lb->n_destinations; i++)
		list_destination(listing, resolution.lb, &resolution.lb->destinations[i], &health);
	resolution_deinit(&resolution);
}

static void read_destinations(struct world *world, struct call *call)
{
	const struct request *request = &call->request;
	const struct object *lb =
		catalog_find(world->catalog, KIND_LOAD_BALANCER, request->name_space, request->lb);
	struct listing listing = {.world = world, .call = call};

	if (!lb) {
		answer_set(&call->answer, 404, "loadbalancer/%s not found in namespace %s",
			   request->lb, request->name_space);
		return;
	}
	list_destinations(&listing, lb);
	answer_set(&call->answer, 200, "%zu destination%s", listing.n, listing.n == 1 ? "" : "s");
	if (listing.is_full)
		call->answer.more = strdup(listing.last);
}

static bool on_journal(void *user, uint64_t sequence, const json_t *record)
{
	struct listing *listing = user;

	if (listing->n == listing->call->request.limit ||
	    !answer_add_item(&listing->call->answer, json_deep_copy(record))) {
		listing->is_full = true;
		return false;
	}
	listing->n++;
	(void)snprintf(listing->last, sizeof(listing->last), "%" PRIu64, sequence);
	return true;
}

/* In the order in which they happened; `continue` is a sequence of the journal's. */
static void read_events(struct world *world, struct call *call)
{
	const struct request *request = &call->request;
	struct listing listing = {.world = world, .call = call};
	uint64_t after = 0;

	if (request->after && text_parse_u64(request->after, UINT64_MAX, &after) < 0) {
		answer_set(&call->answer, 400, "continue: not a token of ours");
		return;
	}
	journal_list(world->journal, request->name_space, request->about, after, on_journal,
		     &listing);
	answer_set(&call->answer, 200, "%zu event%s", listing.n, listing.n == 1 ? "" : "s");
	if (listing.is_full)
		call->answer.more = strdup(listing.last);
}

void read_answer(struct world *world, struct call *call)
{
	answer_deinit(&call->answer);
	if (call->request.verb == API_GET)
		read_get(world, call);
	else if (call->request.list == LIST_EVENTS)
		read_events(world, call);
	else if (call->request.list == LIST_NODES)
		read_nodes(world, call);
	else if (call->request.list == LIST_DESTINATIONS)
		read_destinations(world, call);
	else
		read_list(world, call);
}
