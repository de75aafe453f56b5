/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/roster.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "allocator/roster_private.h"
#include "base/hash.h"
#include "base/text.h"

#define TWINS_MS 10000 /* after both were heard: agents are heard every second */

int roster_new(roster_changed_fn *on_changed, void *user, struct roster **ret_roster)
{
	struct roster *roster = calloc(1, sizeof(*roster));

	if (!roster)
		return -ENOMEM;
	roster->on_changed = on_changed;
	roster->user = user;
	*ret_roster = roster;
	return 0;
}

static void member_free(struct roster *roster, struct member *member)
{
	struct place *place = member->place;

	DL_DELETE2(member->node->members, member, n_prev, n_next);
	DL_DELETE2(place->members, member, p_prev, p_next);
	roster->on_changed(roster->user, place->token, 0);
	if (!place->members) {
		HASH_DEL(roster->places, place);
		free(place);
	}
	status_free(member->status);
	free(member);
}

static void node_free(struct roster *roster, struct node *node)
{
	while (node->members)
		member_free(roster, node->members);
	HASH_DEL(roster->nodes, node);
	roster->n_recalled -= node->recalled;
	free(node->name);
	free(node->version);
	free(node);
}

static void nobody_changed(void *user, const char *token, uint64_t since)
{
	(void)user;
	(void)token;
	(void)since;
}

void roster_free(struct roster *roster)
{
	struct node *node, *next;

	if (!roster)
		return;
	roster->on_changed = nobody_changed;
	HASH_ITER(hh, roster->nodes, node, next)
	node_free(roster, node);
	free(roster);
}

static void node_changed(struct roster *roster, const struct node *node)
{
	const struct member *member;

	DL_FOREACH2(node->members, member, n_next)
	roster->on_changed(roster->user, member->place->token, 0);
}

void roster_listen(struct roster *roster, const struct roster_time *time)
{
	struct node *node, *next;

	roster->sure_from_ms = time->now_ms + ROSTER_ALIVE_MS;
	HASH_ITER(hh, roster->nodes, node, next)
	{
		if (node->alive)
			node->heard_ms = time->now_ms;
	}
}

void roster_tick(struct roster *roster, const struct roster_time *time, bool connected)
{
	if (time->now_ms - roster->ticked_at_ms > ROSTER_ALIVE_MS / 4 || !connected)
		roster_listen(roster, time);
	roster->ticked_at_ms = time->now_ms;
}

bool roster_is_sure(const struct roster *roster, const struct roster_time *time)
{
	return roster->sure_from_ms && time->now_ms >= roster->sure_from_ms;
}

int roster_new_node(struct roster *roster, const char *name, struct node **ret_node)
{
	struct node *node;

	if (HASH_COUNT(roster->nodes) >= ROSTER_NODES_MAX)
		return -E2BIG;
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->name = strdup(name);
	if (!node->name) {
		free(node);
		return -ENOMEM;
	}
	node->seed = hash_bytes(name, strlen(name));
	HASH_ADD_KEYPTR(hh, roster->nodes, node->name, strlen(node->name), node);
	*ret_node = node;
	return 0;
}

struct node *roster_find_node(const struct roster *roster, const char *name)
{
	struct node *node;

	HASH_FIND_STR(roster->nodes, name, node);
	return node;
}

/* The node of that name, heard now. */
static int node_hear(struct roster *roster, const char *name, const struct roster_time *time,
		     struct node **ret_node)
{
	struct node *node = roster_find_node(roster, name);
	int r = 0;

	if (!node)
		r = roster_new_node(roster, name, &node);
	if (r < 0)
		return r;
	node->heard_ms = time->now_ms;
	roster->n_recalled -= TAKE(node->recalled);
	if (!node->alive) {
		node->alive = true;
		node->silent_since_ms = 0;
		node_changed(roster, node);
	}
	*ret_node = node;
	return 0;
}

static struct member *member_find(const struct node *node, const char *token)
{
	struct member *member;

	DL_FOREACH2(node->members, member, n_next)
	{
		if (strcmp(member->place->token, token) == 0)
			return member;
	}
	return NULL;
}

struct member *member_find_named(const struct roster *roster, const char *net, const char *name)
{
	const struct node *node = roster_find_node(roster, name);

	return node ? member_find(node, net) : NULL;
}

bool roster_hosts(const struct roster *roster, const char *node, const char *net)
{
	return member_find_named(roster, net, node);
}

static struct place *place_get(struct roster *roster, const char *token)
{
	struct place *place;

	HASH_FIND_STR(roster->places, token, place);
	if (place)
		return place;
	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	(void)strncpy(place->token, token, sizeof(place->token) - 1);
	HASH_ADD_STR(roster->places, token, place);
	return place;
}

struct member *roster_get_member(struct roster *roster, struct node *node, const char *token)
{
	struct member *member = member_find(node, token);
	struct place *place;

	if (member)
		return member;
	place = place_get(roster, token);
	member = place ? calloc(1, sizeof(*member)) : NULL;
	if (!member)
		return NULL;
	member->node = node;
	member->place = place;
	DL_APPEND2(node->members, member, n_prev, n_next);
	DL_APPEND2(place->members, member, p_prev, p_next);
	roster->on_changed(roster->user, place->token, 0);
	return member;
}

/* Another boot id: the agent started anew, and what it said before does not count any more. */
static void on_boot(struct roster *roster, struct node *node, const struct uuid *boot)
{
	struct member *member;
	struct uuid none = {};

	if (uuid_compare(&node->boot, boot) == 0)
		return;
	if (uuid_compare(&node->boot, &none) != 0) {
		if (uuid_compare(&node->boot_before, boot) == 0)
			node->twins_ms = node->heard_ms;
		node->boot_before = node->boot;
		DL_FOREACH2(node->members, member, n_next)
		status_free(TAKE(member->status));
		node_changed(roster, node);
	}
	node->boot = *boot;
}

int roster_on_alive(struct roster *roster, const struct alive *alive,
		    const struct roster_time *time)
{
	struct member *member, *next;
	struct node *node;
	int r = node_hear(roster, alive->node, time, &node);

	if (r < 0)
		return r;
	on_boot(roster, node, &alive->boot);
	if (!text_equal(node->version, alive->version)) {
		free(node->version);
		node->version = strdup(alive->version ? alive->version : "");
	}
	node->round++;
	for (size_t i = 0; i < alive->n_nets; i++) {
		member = roster_get_member(roster, node, alive->nets[i]);
		if (!member)
			return -ENOMEM;
		member->round = node->round;
	}
	DL_FOREACH_SAFE2(node->members, member, next, n_next)
	{
		/* Of a dead one agents are to hear first that it is back. */
		if (member->round != node->round && !member->suspicion.dead)
			member_free(roster, member);
	}
	return 0;
}

static bool is_same_refusals(const struct status *a, const struct status *b)
{
	if (a->n_refused != b->n_refused || a->n_refusals != b->n_refusals)
		return false;
	for (size_t i = 0; i < a->n_refusals; i++) {
		if (uuid_compare(&a->refusals[i].uid, &b->refusals[i].uid) != 0 ||
		    !text_equal(a->refusals[i].sentence, b->refusals[i].sentence))
			return false;
	}
	return true;
}

static bool is_same_addresses(const struct status *a, const struct status *b)
{
	return a->n_addresses == b->n_addresses &&
	       (a->n_addresses == 0 ||
		memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(*a->addresses)) == 0);
}

/*
 * What the new status says otherwise than the old one. A node that went on to a later revision
 * says something new about what changed since; one that went back, or serves other addresses
 * without going on, may say anything.
 * Return: true when there is anything.
 */
static bool status_differs(const struct status *old, const struct status *new, uint64_t *ret_since)
{
	bool same_addresses, same_place;

	*ret_since = 0;
	if (!old || uuid_compare(&old->epoch, &new->epoch) != 0 || !is_same_refusals(old, new))
		return true;
	same_addresses = is_same_addresses(old, new);
	same_place = old->revision == new->revision;
	if (same_place && same_addresses && old->digest == new->digest)
		return false;
	if (new->revision > old->revision)
		*ret_since = old->revision;
	return true;
}

int roster_on_status(struct roster *roster, struct status *status, const struct roster_time *time)
{
	auto_call(status_freep) struct status *owned = status;
	struct member *member;
	struct node *node;
	uint64_t since;
	bool differs;
	int r = node_hear(roster, owned->node, time, &node);

	if (r < 0)
		return r;
	member = roster_get_member(roster, node, owned->net);
	if (!member)
		return -ENOMEM;
	differs = status_differs(member->status, owned, &since);
	status_free(member->status);
	member->status = TAKE(owned);
	if (differs)
		roster->on_changed(roster->user, member->place->token, since);
	return 0;
}

/* Others answer for it that it is dead: it has destinations, and they may come back. */
static bool is_dead(const struct node *node, const struct roster_time *time)
{
	const struct member *member;

	DL_FOREACH2(node->members, member, n_next)
	{
		if (member->suspicion.dead &&
		    time->now_ms - member->suspicion.dead_ms <= ROSTER_SILENT_MS)
			return true;
	}
	return false;
}

void roster_expire(struct roster *roster, const struct roster_time *time)
{
	struct node *node, *next;

	if (!roster_is_sure(roster, time))
		return;
	HASH_ITER(hh, roster->nodes, node, next)
	{
		uint64_t silent_ms = time->now_ms - node->heard_ms;

		if (node->alive && silent_ms > ROSTER_ALIVE_MS) {
			node->alive = false;
			node->silent_since_ms = time->unix_ms - (int64_t)silent_ms;
			node_changed(roster, node);
		} else if (!node->alive && silent_ms > ROSTER_SILENT_MS && !is_dead(node, time)) {
			node_free(roster, node);
		}
	}
}

uint64_t roster_applied(const struct status *status, const struct roster_truth *truth)
{
	const struct network *network = &truth->network;

	if (!status || uuid_compare(&status->epoch, &truth->epoch) != 0)
		return 0;
	if (status->revision >= network->revision ||
	    (network->since_load && status->digest == network->digest))
		return truth->settled_at > status->revision ? truth->settled_at : status->revision;
	return status->revision;
}

uint64_t roster_said(const struct roster *roster, const char *node, const char *net,
		     const struct uuid *epoch)
{
	const struct member *member = member_find_named(roster, net, node);

	if (!member || !member->status || uuid_compare(&member->status->epoch, epoch) != 0)
		return 0;
	return member->status->revision;
}

const struct place *place_find(const struct roster *roster, const char *token)
{
	const struct place *place;

	HASH_FIND_STR(roster->places, token, place);
	return place;
}

/*
 * What the node refuses it may go on forwarding as it was before, so an address that was withdrawn
 * may still be in its kernel: until it refuses nothing, it confirms nothing.
 */
static uint64_t member_confirmed(const struct member *member, const struct roster_truth *truth)
{
	if (member->status && member->status->n_refused)
		return 0;
	return roster_applied(member->status, truth);
}

uint64_t roster_confirmed(const struct roster *roster, const struct roster_truth *truth,
			  const struct roster_time *time)
{
	const struct place *place = place_find(roster, truth->network.token);
	const struct member *member;
	uint64_t confirmed = UINT64_MAX;

	if (!roster_is_sure(roster, time))
		return 0;
	if (!place)
		return UINT64_MAX;
	DL_FOREACH2(place->members, member, p_next)
	{
		uint64_t applied = member_confirmed(member, truth);

		if (member->node->alive && applied < confirmed)
			confirmed = applied;
	}
	return confirmed;
}

static void node_describe(const struct node *node, struct roster_node *ret_node)
{
	const struct member *member;

	*ret_node = (struct roster_node){
		.name = node->name,
		.version = node->version ? node->version : "",
		.alive = node->alive,
		.twins = node->twins_ms && node->heard_ms - node->twins_ms < TWINS_MS,
		.heard_ms = node->heard_ms,
		.node = node,
	};
	DL_FOREACH2(node->members, member, n_next)
	ret_node->n_networks++;
}

static int compare_nodes(const struct node *a, const struct node *b)
{
	return strcmp(a->name, b->name);
}

void roster_visit(struct roster *roster, void (*visit)(void *user, const struct roster_node *node),
		  void *user)
{
	struct node *node, *next;
	struct roster_node described;

	HASH_SORT(roster->nodes, compare_nodes); /* the order of iteration, nothing else */
	HASH_ITER(hh, roster->nodes, node, next)
	{
		node_describe(node, &described);
		visit(user, &described);
	}
}

void roster_visit_networks(const struct roster_node *node, roster_network_fn *visit, void *user)
{
	const struct member *member;

	DL_FOREACH2(node->node->members, member, n_next)
	visit(user, member->place->token, member->status);
}

size_t roster_count_alive(const struct roster *roster)
{
	struct node *node, *next;
	size_t n = 0;

	HASH_ITER(hh, roster->nodes, node, next)
	n += node->alive;
	return n;
}
