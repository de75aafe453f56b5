/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "allocator/roster.h"

/*
 * Whether a silent node is dead, or only its agent: before its destinations leave, other nodes of
 * the Network ask them (as SWIM's indirect probes do). Pure: works on the roster, and says what is
 * to be sent.
 *
 *	silent for LIVENESS_SILENT_MS  -->  up to LIVENESS_PROBERS nodes of the Network are asked
 *	one of them was answered       -->  it stays, and is asked about again
 *	none was, of some that asked   -->  it is dead in this Network, and is asked about again:
 *	                                    until it is heard, or one is answered
 *	nobody could ask               -->  nothing is known, and others are asked
 *
 * When most nodes fall silent at once it is not they that are ill: nothing is done.
 * Source: SWIM (Das, Gupta, Motivala 2002), section 4.2, for the indirect probes.
 */

#define LIVENESS_SILENT_MS 3000
#define LIVENESS_ANSWER_MS 1300 /* how long answers are waited for */
#define LIVENESS_AGAIN_MS  2500 /* between two rounds of questions */
#define LIVENESS_REMIND_MS 5000 /* the same about dead ones: agents that were restarted must hear */
#define LIVENESS_RECENT_MS \
	60000 /* nodes silent for longer are no part of what falls silent at once */
#define LIVENESS_PROBERS      3
#define LIVENESS_SURE_MS      1500 /* nodes heard within that are asked before others */
#define LIVENESS_RECALLED_MAX 4096 /* dead nodes that others name, and that were never heard here */

struct liveness_actions {
	/* `prober` is to ask the destinations of `node` in the Network; liveness_answer() follows. */
	void (*ask)(void *user, const char *prober, const char *net, const char *node);
	/* All agents of the Network are to hear that it is dead, found once more. @first: it is news. */
	void (*bury)(void *user, const char *net, const char *node, bool first);
	/* They are to hear that it is not, after all. */
	void (*revive)(void *user, const char *net, const char *node);
	void *user;
};

/* What time alone brings about. Every 100 ms or so. */
void liveness_step(struct roster *roster, const struct roster_time *time,
		   const struct liveness_actions *actions);

/* A prober's answer: how many it could ask, and how many of them answered. */
void liveness_answer(struct roster *roster, const char *net, const char *node, size_t n_asked,
		     size_t n_answered);

/*
 * Others say that the node is dead. Unless it was heard lately, it is so here, too, and others are
 * asked about it: whoever found it out may be gone before it comes back.
 * Return: 0, -ENOMEM, -E2BIG (too many such nodes; ignored).
 */
must_check int liveness_recall(struct roster *roster, const char *net, const char *name,
			       const struct roster_time *time);

/* Whether most nodes fell silent at once: so many, of those that were there a minute ago; or 0. */
struct illness {
	size_t n_silent, n_of;
};
struct illness liveness_illness(const struct roster *roster);
