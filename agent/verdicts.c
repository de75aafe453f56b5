/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "agent/verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/hash.h"
#include "base/text.h"

struct verdict_key {
	struct address address;
	uint64_t check;
};

struct entry {
	struct verdict_key key;
	bool healthy;
	uint64_t round;
	UT_hash_handle hh;
};

struct peer {
	char *name;
	uint64_t seed; /* hash of the name */
	struct uuid boot;
	uint64_t heard_ms;
	bool dead;
	uint64_t round;
	struct entry *entries;
	UT_hash_handle hh;
};

struct verdicts {
	struct peer *peers;
	struct peer *own;
};

static struct verdict_key key_of(const struct address *address, uint64_t check)
{
	struct verdict_key key;

	memset(&key, 0, sizeof(key)); /* the padding is hashed, too */
	key.address = *address;
	key.check = check;
	return key;
}

static void entry_free(struct peer *peer, struct entry *entry)
{
	HASH_DEL(peer->entries, entry);
	free(entry);
}

static struct entry *find_entry(const struct peer *peer, const struct verdict_key *key)
{
	struct entry *entry;

	HASH_FIND(hh, peer->entries, key, sizeof(*key), entry);
	return entry;
}

static int put(struct peer *peer, const struct health_verdict *verdict)
{
	struct verdict_key key = key_of(&verdict->address, verdict->check);
	struct entry *entry = find_entry(peer, &key);

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		entry->key = key;
		HASH_ADD(hh, peer->entries, key, sizeof(entry->key), entry);
		if (!entry->hh.tbl) {
			free(entry);
			return -ENOMEM;
		}
	}
	entry->healthy = verdict->healthy;
	entry->round = peer->round;
	return 0;
}

static void drop_old(struct peer *peer)
{
	struct entry *entry, *next;

	HASH_ITER(hh, peer->entries, entry, next)
	{
		if (entry->round != peer->round)
			entry_free(peer, entry);
	}
}

static struct peer *find_peer(const struct verdicts *verdicts, const char *name)
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
	drop_old(peer);
	HASH_DEL(verdicts->peers, peer);
	free(peer->name);
	free(peer);
}

int verdicts_new(const char *node, struct verdicts **ret_verdicts)
{
	auto_call(verdicts_freep) struct verdicts *verdicts = calloc(1, sizeof(*verdicts));
	int r;

	if (!verdicts)
		return -ENOMEM;
	r = peer_new(verdicts, node, &verdicts->own);
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
	free(verdicts);
}

static bool is_heard(const struct verdicts *verdicts, const struct peer *peer, uint64_t now)
{
	return peer == verdicts->own || (!peer->dead && peer->heard_ms + VERDICTS_PEER_MS > now);
}

int verdicts_take(struct verdicts *verdicts, const struct health *health, uint64_t now,
		  bool *ret_new_peer)
{
	struct peer *peer = find_peer(verdicts, health->node);
	bool is_new = false;
	int r = 0;

	if (!peer) {
		r = peer_new(verdicts, health->node, &peer);
		if (r < 0)
			return r;
		is_new = true;
	}
	is_new = is_new || !is_heard(verdicts, peer, now);
	peer->dead = health->dead;
	if (!health->dead) {
		is_new = is_new || uuid_compare(&peer->boot, &health->boot) != 0;
		peer->heard_ms = now;
		peer->boot = health->boot;
		peer->round++;
		for (size_t i = 0; i < health->n_verdicts && r == 0; i++)
			r = put(peer, &health->verdicts[i]);
		if (health->full && r == 0)
			drop_old(peer);
	}
	*ret_new_peer = is_new && !health->dead;
	return r;
}

int verdicts_note(struct verdicts *verdicts, const struct health_verdict *verdict)
{
	return put(verdicts->own, verdict);
}

void verdicts_drop(struct verdicts *verdicts, const struct address *address, uint64_t check_id)
{
	struct verdict_key key = key_of(address, check_id);
	struct entry *entry = find_entry(verdicts->own, &key);

	if (entry)
		entry_free(verdicts->own, entry);
}

bool verdicts_is_dead(const struct verdicts *verdicts, const char *node)
{
	const struct peer *peer = node ? find_peer(verdicts, node) : NULL;

	return peer && peer != verdicts->own && peer->dead;
}

/* Source: rendezvous hashing (Thaler, Ravishankar 1996): the highest weight wins. */
static uint64_t weight_of(const struct peer *peer, const struct verdict_key *key)
{
	struct {
		struct verdict_key key;
		uint64_t seed;
	} mixed;

	memset(&mixed, 0, sizeof(mixed));
	mixed.key = *key;
	mixed.seed = peer->seed;
	return hash_bytes(&mixed, sizeof(mixed));
}

/*
 * The node that checks it, or with `having` the one whose word counts: it has one, and those that
 * were heard lately come first.
 */
static const struct peer *choose(const struct verdicts *verdicts, const struct verdict_key *key,
				 uint64_t now, bool having)
{
	const struct peer *best = NULL;
	uint64_t best_weight = 0;
	bool best_heard = false;

	for (const struct peer *peer = verdicts->peers; peer; peer = peer->hh.next) {
		bool heard = is_heard(verdicts, peer, now);
		uint64_t weight;

		if (having ? !find_entry(peer, key) : !heard)
			continue;
		weight = weight_of(peer, key);
		if (best && (best_heard > heard || (best_heard == heard && best_weight >= weight)))
			continue;
		best = peer;
		best_weight = weight;
		best_heard = heard;
	}
	return best;
}

enum verdict verdicts_find(const struct verdicts *verdicts, const char *node,
			   const struct address *address, uint64_t check_id, uint64_t now)
{
	struct verdict_key key = key_of(address, check_id);
	const struct peer *peer =
		node ? find_peer(verdicts, node) : choose(verdicts, &key, now, true);
	const struct entry *entry = peer ? find_entry(peer, &key) : NULL;

	if (!entry)
		return VERDICT_UNKNOWN;
	return entry->healthy ? VERDICT_HEALTHY : VERDICT_UNHEALTHY;
}

bool verdicts_is_ours(const struct verdicts *verdicts, const char *node,
		      const struct address *address, uint64_t check_id, uint64_t now)
{
	struct verdict_key key = key_of(address, check_id);

	if (node)
		return text_equal(node, verdicts->own->name);
	return choose(verdicts, &key, now, false) == verdicts->own;
}

uint64_t verdicts_peers(const struct verdicts *verdicts, uint64_t now)
{
	uint64_t sum = 0;

	for (const struct peer *peer = verdicts->peers; peer; peer = peer->hh.next)
		sum += is_heard(verdicts, peer, now) ? peer->seed : 0;
	return sum;
}
