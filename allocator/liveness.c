/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/liveness.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "allocator/roster_private.h"
#include "base/hash.h"

static bool is_silent(const struct node *node, const struct roster_time *time)
{
	return time->now_ms - node->heard_ms > LIVENESS_SILENT_MS;
}

/* Whether more than half of the nodes that were there a minute ago are silent. */
static void look_for_illness(struct roster *roster, const struct roster_time *time)
{
	size_t n_recent = 0, n_silent = 0;

	for (const struct node *node = roster->nodes; node; node = node->hh.next) {
		if (time->now_ms - node->heard_ms > LIVENESS_RECENT_MS)
			continue;
		n_recent++;
		n_silent += is_silent(node, time);
	}
	roster->illness = (struct illness){};
	if (2 * n_silent > n_recent)
		roster->illness = (struct illness){n_silent, n_recent};
}

/* Those that are surely there come first, and else others each time, and for each node. */
struct candidate {
	const struct node *node;
	bool sure;
	uint64_t weight;
};

static uint64_t weight_of(const struct node *prober, const struct member *about)
{
	const uint64_t mixed[] = {prober->seed, about->node->seed, about->suspicion.n_rounds};

	return hash_bytes(mixed, sizeof(mixed));
}

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	return a->sure != b->sure ? a->sure : a->weight > b->weight;
}

/* Keeps the best, best first. Return: how many there are. */
static size_t insert(struct candidate *best, size_t n, struct candidate new)
{
	for (size_t i = 0; i < n; i++) {
		struct candidate other = best[i];

		if (!is_better(&new, &other))
			continue;
		best[i] = new;
		new = other;
	}
	if (n < LIVENESS_PROBERS)
		best[n++] = new;
	return n;
}

static size_t find_probers(const struct member *member, const struct roster_time *time,
			   struct candidate best[static LIVENESS_PROBERS])
{
	const struct member *other;
	size_t n = 0;

	DL_FOREACH2(member->place->members, other, p_next)
	{
		uint64_t silent_ms = time->now_ms - other->node->heard_ms;
		const struct candidate candidate = {
			.node = other->node,
			.sure = silent_ms < LIVENESS_SURE_MS,
			.weight = weight_of(other->node, member),
		};

		if (other != member && !is_silent(other->node, time))
			n = insert(best, n, candidate);
	}
	return n;
}

static void begin_round(struct member *member, const struct roster_time *time,
			const struct liveness_actions *actions)
{
	struct suspicion *suspicion = &member->suspicion;
	struct candidate probers[LIVENESS_PROBERS];
	size_t n = find_probers(member, time, probers);

	for (size_t i = 0; i < n; i++)
		actions->ask(actions->user, probers[i].node->name, member->place->token,
			     member->node->name);
	suspicion->n_rounds++;
	suspicion->n_pending = n;
	suspicion->n_asked = suspicion->n_answered = 0;
	suspicion->ask_at =
		time->now_ms + (suspicion->dead ? LIVENESS_REMIND_MS : LIVENESS_AGAIN_MS);
	suspicion->decide_at = time->now_ms + LIVENESS_ANSWER_MS;
	suspicion->open = n > 0;
}

static void revive(struct member *member, const struct liveness_actions *actions)
{
	if (TAKE(member->suspicion.dead))
		actions->revive(actions->user, member->place->token, member->node->name);
}

/* All have answered, or will not any more. */
static void decide(struct member *member, const struct roster_time *time,
		   const struct liveness_actions *actions)
{
	struct suspicion *suspicion = &member->suspicion;

	suspicion->open = false;
	if (suspicion->n_answered > 0) {
		revive(member, actions);
	} else if (suspicion->n_asked > 0) {
		bool first = !suspicion->dead;

		suspicion->dead = true;
		suspicion->dead_ms = time->now_ms;
		actions->bury(actions->user, member->place->token, member->node->name, first);
	}
}

static void suspect(struct member *member, const struct roster_time *time,
		    const struct liveness_actions *actions)
{
	struct suspicion *suspicion = &member->suspicion;

	/* What was answered before we were deaf, or all were silent, is of another time. */
	if (time->now_ms >= suspicion->decide_at + LIVENESS_ANSWER_MS)
		suspicion->open = false;
	if (suspicion->open && (suspicion->n_pending == 0 || time->now_ms >= suspicion->decide_at))
		decide(member, time, actions);
	if (!suspicion->open && time->now_ms >= suspicion->ask_at)
		begin_round(member, time, actions);
}

static void trust(struct member *member, const struct liveness_actions *actions)
{
	revive(member, actions);
	member->suspicion = (struct suspicion){};
}

void liveness_step(struct roster *roster, const struct roster_time *time,
		   const struct liveness_actions *actions)
{
	struct member *member;

	if (!roster_is_sure(roster, time))
		return; /* we did not listen: nobody else is to blame */
	look_for_illness(roster, time);
	for (struct node *node = roster->nodes; node; node = node->hh.next) {
		bool silent = is_silent(node, time);

		DL_FOREACH2(node->members, member, n_next)
		{
			if (!silent)
				trust(member, actions);
			else if (!roster->illness.n_silent)
				suspect(member, time, actions);
		}
	}
}

void liveness_answer(struct roster *roster, const char *net, const char *node, size_t n_asked,
		     size_t n_answered)
{
	struct member *member = member_find_named(roster, net, node);

	if (!member || !member->suspicion.open || member->suspicion.n_pending == 0)
		return; /* too late */
	member->suspicion.n_pending--;
	member->suspicion.n_asked += n_asked;
	member->suspicion.n_answered += n_answered;
}

/* It was there, but that was too long ago to be part of what falls silent at once. */
static int node_recall(struct roster *roster, const char *name, const struct roster_time *time,
		       struct node **ret_node)
{
	uint64_t silent_ms = LIVENESS_RECENT_MS + 1;
	int r;

	if (roster->n_recalled >= LIVENESS_RECALLED_MAX)
		return -E2BIG;
	r = roster_new_node(roster, name, ret_node);
	if (r < 0)
		return r;
	if (silent_ms > time->now_ms)
		silent_ms = time->now_ms;
	(*ret_node)->heard_ms = time->now_ms - silent_ms;
	(*ret_node)->silent_since_ms = time->unix_ms - (int64_t)silent_ms;
	(*ret_node)->recalled = true;
	roster->n_recalled++;
	return 0;
}

int liveness_recall(struct roster *roster, const char *net, const char *name,
		    const struct roster_time *time)
{
	struct node *node = roster_find_node(roster, name);
	struct member *member;
	int r = 0;

	if (!place_find(roster, net))
		return 0; /* nobody could be asked */
	if (node && !is_silent(node, time))
		return 0;
	if (!node)
		r = node_recall(roster, name, time, &node);
	if (r < 0)
		return r;
	member = roster_get_member(roster, node, net);
	if (!member)
		return -ENOMEM;
	if (!member->suspicion.dead)
		member->suspicion.dead_ms = time->now_ms;
	member->suspicion.dead = true;
	return 0;
}

struct illness liveness_illness(const struct roster *roster)
{
	return roster->illness;
}
