/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "messages/verdicts_private.h"

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
		bool heard = verdicts_is_heard(verdicts, peer, now);
		uint64_t weight;

		if (having ? !verdicts_find_entry(peer, key) : !heard)
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

const struct health_verdict *verdicts_look(const struct verdicts *verdicts, const char *node,
					   const struct address *address, uint64_t check_id,
					   uint64_t now, const char **ret_checker)
{
	struct verdict_key key = verdicts_key(address, check_id);
	const struct peer *peer =
		node ? verdicts_find_peer(verdicts, node) : choose(verdicts, &key, now, true);
	const struct entry *entry = peer ? verdicts_find_entry(peer, &key) : NULL;

	/* Of a link nobody knows but who looks at it now. */
	if (!entry && peer && peer == verdicts->own && verdicts->former && check_id)
		entry = verdicts_find_entry(verdicts->former, &key);
	*ret_checker = entry ? peer->name : NULL;
	return entry ? &entry->verdict : NULL;
}

enum health_state verdicts_find(const struct verdicts *verdicts, const char *node,
				const struct address *address, uint64_t check_id, uint64_t now)
{
	const char *checker;
	const struct health_verdict *verdict =
		verdicts_look(verdicts, node, address, check_id, now, &checker);

	if (!verdict)
		return HEALTH_UNKNOWN;
	return verdict->healthy ? HEALTH_HEALTHY : HEALTH_UNHEALTHY;
}

bool verdicts_is_cut(const struct verdicts *verdicts, const char *node,
		     const struct address *address)
{
	return node &&
	       verdicts_find(verdicts, node, address, HEALTH_CHECK_LINK, 0) == HEALTH_UNHEALTHY;
}

bool verdicts_is_ours(const struct verdicts *verdicts, const char *node,
		      const struct address *address, uint64_t check_id, uint64_t now)
{
	struct verdict_key key = verdicts_key(address, check_id);

	if (node)
		return verdicts->own && text_equal(node, verdicts->own->name);
	return verdicts->own && choose(verdicts, &key, now, false) == verdicts->own;
}

uint64_t verdicts_peers(const struct verdicts *verdicts, uint64_t now)
{
	uint64_t sum = 0;

	for (const struct peer *peer = verdicts->peers; peer; peer = peer->hh.next)
		sum += verdicts_is_heard(verdicts, peer, now) ? peer->seed : 0;
	return sum;
}
