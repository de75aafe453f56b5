/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/liveness.h"

#include <string.h>
#include <utlist.h>

#include "allocator/roster_private.h"

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

static void begin_round(struct member *member, const struct roster_time *time,
			const struct liveness_actions *actions)
{
	struct suspicion *suspicion = &member->suspicion;
	const struct member *prober;
	size_t n = 0;

	*suspicion = (struct suspicion){.ask_at = time->now_ms + LIVENESS_AGAIN_MS};
	DL_FOREACH2(member->place->members, prober, p_next)
	{
		if (n == LIVENESS_PROBERS)
			break;
		if (prober == member || is_silent(prober->node, time))
			continue;
		actions->ask(actions->user, prober->node->name, member->place->token,
			     member->node->name);
		n++;
	}
	suspicion->n_pending = n;
	suspicion->decide_at = time->now_ms + LIVENESS_ANSWER_MS;
	suspicion->open = n > 0;
}

/* All have answered, or will not any more. */
static void decide(struct member *member)
{
	struct suspicion *suspicion = &member->suspicion;

	suspicion->open = false;
	suspicion->dead = suspicion->n_answered == 0 && suspicion->n_asked > 0;
	suspicion->remind_at = 0;
}

static void suspect(struct member *member, const struct roster_time *time,
		    const struct liveness_actions *actions)
{
	struct suspicion *suspicion = &member->suspicion;

	if (suspicion->open && (suspicion->n_pending == 0 || time->now_ms >= suspicion->decide_at))
		decide(member);
	if (!suspicion->open && !suspicion->dead && time->now_ms >= suspicion->ask_at)
		begin_round(member, time, actions);
	if (!suspicion->dead || time->now_ms < suspicion->remind_at)
		return;
	actions->bury(actions->user, member->place->token, member->node->name,
		      suspicion->remind_at == 0);
	suspicion->remind_at = time->now_ms + LIVENESS_REMIND_MS;
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
				member->suspicion = (struct suspicion){};
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

struct illness liveness_illness(const struct roster *roster)
{
	return roster->illness;
}
