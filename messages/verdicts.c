/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "messages/verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "messages/verdicts_private.h"

struct verdict_key verdicts_key(const struct address *address, uint64_t check)
{
	struct verdict_key key;

	memset(&key, 0, sizeof(key)); /* the padding is hashed, too */
	key.address = *address;
	key.check = check;
	return key;
}

static void entry_free(struct verdicts *verdicts, struct peer *peer, struct entry *entry)
{
	HASH_DEL(peer->entries, entry);
	verdicts->n_entries--;
	verdicts->n_changes++;
	free(entry->verdict.reason);
	free(entry);
}

struct entry *verdicts_find_entry(const struct peer *peer, const struct verdict_key *key)
{
	struct entry *entry;

	HASH_FIND(hh, peer->entries, key, sizeof(*key), entry);
	return entry;
}

static int entry_new(struct verdicts *verdicts, struct peer *peer, const struct verdict_key *key,
		     struct entry **ret_entry)
{
	struct entry *entry;

	if (verdicts->n_entries >= verdicts->max)
		return -E2BIG;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->key = *key;
	HASH_ADD(hh, peer->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	verdicts->n_entries++;
	*ret_entry = entry;
	return 0;
}

/* Everything but the reason, which is the entry's own: without memory the one before stays. */
static void entry_set(struct entry *entry, const struct health_verdict *verdict)
{
	char *reason = TAKE(entry->verdict.reason);

	if (verdict->reason && !text_equal(reason, verdict->reason)) {
		char *copy = strdup(verdict->reason);

		if (copy) {
			free(reason);
			reason = copy;
		}
	}
	entry->verdict = *verdict;
	entry->verdict.reason = reason;
}

/* @ret_changed: it is new, or says otherwise. */
static int put(struct verdicts *verdicts, struct peer *peer, const struct health_verdict *verdict,
	       bool *ret_changed)
{
	struct verdict_key key = verdicts_key(&verdict->address, verdict->check);
	struct entry *entry = verdicts_find_entry(peer, &key);
	bool is_new = !entry;
	int r = 0;

	if (!entry)
		r = entry_new(verdicts, peer, &key, &entry);
	if (r < 0)
		return r;
	*ret_changed = is_new || entry->verdict.healthy != verdict->healthy;
	verdicts->n_changes += *ret_changed;
	entry_set(entry, verdict);
	entry->round = peer->round;
	return 0;
}

static void drop_old(struct verdicts *verdicts, struct peer *peer)
{
	struct entry *entry, *next;

	HASH_ITER(hh, peer->entries, entry, next)
	{
		if (entry->round != peer->round)
			entry_free(verdicts, peer, entry);
	}
}

struct peer *verdicts_find_peer(const struct verdicts *verdicts, const char *name)
{
	struct peer *peer;

	HASH_FIND_STR(verdicts->peers, name, peer);
	return peer;
}

static int peer_new(struct verdicts *verdicts, const char *name, struct peer **ret_peer)
{
	struct peer *peer;

	if (HASH_COUNT(verdicts->peers) >= VERDICTS_PEERS_MAX)
		return -E2BIG;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	peer->name = strdup(name);
	if (peer->name) {
		peer->seed = hash_bytes(name, strlen(name));
		HASH_ADD_KEYPTR(hh, verdicts->peers, peer->name, strlen(peer->name), peer);
	}
	if (!peer->hh.tbl) {
		free(peer->name);
		free(peer);
		return -ENOMEM;
	}
	*ret_peer = peer;
	return 0;
}

static void peer_free(struct verdicts *verdicts, struct peer *peer)
{
	peer->round++;
	drop_old(verdicts, peer);
	if (peer->hh.tbl)
		HASH_DEL(verdicts->peers, peer);
	free(peer->name);
	free(peer);
}

int verdicts_new(const char *node, verdicts_fn *on_changed, void *user,
		 struct verdicts **ret_verdicts)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = calloc(1, sizeof(*verdicts));
	int r;

	if (!verdicts)
		return -ENOMEM;
	verdicts->max = VERDICTS_MAX;
	verdicts->on_changed = on_changed;
	verdicts->user = user;
	r = node ? peer_new(verdicts, node, &verdicts->own) : 0;
	if (r < 0)
		return r;
	*ret_verdicts = TAKE(verdicts);
	return 0;
}

void verdicts_free(struct verdicts *verdicts)
{
	struct peer *peer, *next;

	if (!verdicts)
		return;
	HASH_ITER(hh, verdicts->peers, peer, next)
	peer_free(verdicts, peer);
	if (verdicts->former)
		peer_free(verdicts, verdicts->former);
	free(verdicts);
}

bool verdicts_is_heard(const struct verdicts *verdicts, const struct peer *peer, uint64_t now)
{
	return peer == verdicts->own ||
	       (peer->spoke && !peer->dead && peer->heard_ms + VERDICTS_PEER_MS > now);
}

static int get_peer(struct verdicts *verdicts, const char *name, struct peer **ret_peer)
{
	*ret_peer = verdicts_find_peer(verdicts, name);
	return *ret_peer ? 0 : peer_new(verdicts, name, ret_peer);
}

/* At the maximum only what is new is refused: the known change, and what is gone makes room. */
static int hear(struct verdicts *verdicts, struct peer *peer, const struct health *health)
{
	bool changed;
	int r = 0, refused = 0;

	peer->round++;
	for (size_t i = 0; i < health->n_verdicts && r == 0; i++) {
		r = put(verdicts, peer, &health->verdicts[i], &changed);
		if (r == 0 && changed && verdicts->on_changed)
			verdicts->on_changed(verdicts->user, peer->name, &health->verdicts[i]);
		if (r == -E2BIG) {
			refused = r;
			r = 0;
		}
	}
	if (health->full && r == 0)
		drop_old(verdicts, peer);
	return r < 0 ? r : refused;
}

/* Only that it is dead, or is not after all. */
static bool is_of_allocator(const struct health *health)
{
	const struct uuid none = {};

	return health->dead || (!health->full && health->n_verdicts == 0 &&
				uuid_compare(&health->boot, &none) == 0);
}

int verdicts_take(struct verdicts *verdicts, const struct health *health, uint64_t now,
		  bool *ret_new_peer)
{
	struct peer *peer;
	int r = get_peer(verdicts, health->node, &peer);

	if (r < 0)
		return r;
	*ret_new_peer = !is_of_allocator(health) && (!verdicts_is_heard(verdicts, peer, now) ||
						     uuid_compare(&peer->boot, &health->boot) != 0);
	verdicts->n_changes += peer->dead != health->dead;
	peer->dead = health->dead;
	if (peer->dead)
		peer->dead_ms = now;
	if (is_of_allocator(health))
		return 0;
	peer->spoke = true;
	peer->heard_ms = now;
	peer->boot = health->boot;
	return hear(verdicts, peer, health);
}

static int get_former(struct verdicts *verdicts, struct peer **ret_peer)
{
	if (!verdicts->former)
		verdicts->former = calloc(1, sizeof(*verdicts->former));
	*ret_peer = verdicts->former;
	return verdicts->former ? 0 : -ENOMEM;
}

int verdicts_recall(struct verdicts *verdicts, const struct health *health, uint64_t now)
{
	struct peer *peer;
	bool changed;
	int r = get_peer(verdicts, health->node, &peer);

	if (r == 0 && peer == verdicts->own)
		r = get_former(verdicts, &peer);
	if (r < 0)
		return r;
	if (!peer->spoke) {
		peer->dead = health->dead;
		peer->boot = health->boot;
	}
	if (health->dead)
		peer->dead_ms = now;
	for (size_t i = 0; i < health->n_verdicts && r == 0; i++) {
		const struct health_verdict *verdict = &health->verdicts[i];
		struct verdict_key key = verdicts_key(&verdict->address, verdict->check);

		if (!verdicts_find_entry(peer, &key))
			r = put(verdicts, peer, verdict, &changed);
	}
	return r;
}

void verdicts_forget(struct verdicts *verdicts, uint64_t before)
{
	struct peer *peer, *next;

	HASH_ITER(hh, verdicts->peers, peer, next)
	{
		if (peer != verdicts->own && peer->heard_ms < before && peer->dead_ms < before)
			peer_free(verdicts, peer);
	}
}

void verdicts_set_max(struct verdicts *verdicts, size_t max)
{
	verdicts->max = max;
}

size_t verdicts_count(const struct verdicts *verdicts)
{
	return verdicts->n_entries;
}

bool verdicts_is_empty(const struct verdicts *verdicts)
{
	return !verdicts->peers;
}

int verdicts_note(struct verdicts *verdicts, const struct health_verdict *verdict)
{
	bool changed;

	return put(verdicts, verdicts->own, verdict, &changed);
}

void verdicts_drop(struct verdicts *verdicts, const struct address *address, uint64_t check_id)
{
	struct verdict_key key = verdicts_key(address, check_id);
	struct entry *entry = verdicts_find_entry(verdicts->own, &key);

	if (entry)
		entry_free(verdicts, verdicts->own, entry);
}

bool verdicts_is_dead(const struct verdicts *verdicts, const char *node)
{
	const struct peer *peer = node ? verdicts_find_peer(verdicts, node) : NULL;

	return peer && peer != verdicts->own && peer->dead;
}

static int visit_peer(const struct peer *peer, verdicts_visit_fn *visit, void *user)
{
	auto_free struct health_verdict *list =
		calloc(HASH_COUNT(peer->entries) + 1, sizeof(*list));
	struct health health = {
		.node = peer->name, .boot = peer->boot, .dead = peer->dead, .verdicts = list};

	if (!list)
		return -ENOMEM;
	for (const struct entry *entry = peer->entries; entry; entry = entry->hh.next)
		list[health.n_verdicts++] = entry->verdict;
	visit(user, &health);
	return 0;
}

int verdicts_visit(const struct verdicts *verdicts, verdicts_visit_fn *visit, void *user)
{
	int r = 0;

	for (const struct peer *peer = verdicts->peers; peer && r == 0; peer = peer->hh.next)
		r = visit_peer(peer, visit, user);
	return r;
}

uint64_t verdicts_n_changes(const struct verdicts *verdicts)
{
	return verdicts->n_changes;
}
