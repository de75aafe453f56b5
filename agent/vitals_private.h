/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uthash.h>

#include "agent/checks.h"
#include "agent/probes.h"
#include "agent/residents.h"
#include "agent/vitals.h"
#include "messages/verdicts.h"

/*
 * The insides of vitals, for agent/ alone: vitals.c begins, ends and follows time, vitals_judge.c says
 * what counts and who checks, vitals_wards.c holds the LoadBalancers, vitals_words.c speaks and hears,
 * vitals_links.c follows the links to this node's machines, vitals_asked.c answers for others.
 */

/* What is known of one destination. */
struct mark {
	bool bad;   /* the last that was known, or what is taken for granted until something is */
	bool known; /* somebody says so */
	bool ours;  /* we check it */
	bool old;   /* it was there before the LoadBalancer was changed last, and was not bad */
	bool local; /* it lives on this node: one of residents */
};

/* A LoadBalancer as it was handed over last. */
struct ward {
	struct uuid uid;
	struct desired_lb *lb;
	uint64_t check_id; /* 0: none */
	struct mark *marks;
	uint64_t patience_until;
	bool dirty; /* not as it was handed over */
	bool shared; /* has a check, and a destination that names no node: somebody of all checks it */
	uint64_t round;
	UT_hash_handle hh;
};

struct vitals {
	struct vitals_options options;
	struct bus_subscription *subscription;
	struct verdicts *verdicts;
	struct checks *checks;
	struct residents *residents;
	struct probes probes;
	struct ward *wards;
	size_t n_shared; /* of wards */
	uint64_t round;
	uint64_t peers; /* that checks were shared out among */
	uint64_t born_ms;
	uint64_t grace_until; /* what is new until then may be old; UINT64_MAX: never connected */
	uint64_t full_at;
	unsigned n_owed;  /* rounds of everything that are said though there is nothing to say */
	uint64_t word_at; /* one is owed from then on; UINT64_MAX: none */
	struct bus_request *question; /* what an allocator remembers */
	bool informed;                /* it was answered */
	uint64_t wait_until;
	bool restless;               /* something is not known: time alone may change what counts */
	struct health_verdict *news; /* to be said at once */
	size_t n_news;
	uv_timer_t tick, soon;
	unsigned n_handles;
};

uint64_t vitals_now(const struct vitals *vitals);
void vitals_act_soon(struct vitals *vitals); /* what happens until then is acted upon together */
void vitals_act(struct vitals *vitals);      /* at once */

/* vitals_judge.c */

uint64_t vitals_patience(const struct vitals *vitals, const struct ward *ward);
/* Return: whether it must be handed over anew. Without memory nothing changes. */
bool vitals_judge(struct vitals *vitals, struct ward *ward);
void vitals_judge_all(struct vitals *vitals);
void vitals_disown(struct vitals *vitals, struct ward *ward, size_t i);
/* Takes up checks that are ours, and leaves others to others. */
void vitals_share_out(struct vitals *vitals, struct ward *ward);
/* Return: whether other nodes are there than before. */
bool vitals_share_out_all(struct vitals *vitals);
void vitals_take_in(struct vitals *vitals, struct ward *ward);
void vitals_let_go(struct vitals *vitals, const struct ward *ward);

/* vitals_wards.c */

void vitals_remove_ward(struct vitals *vitals, struct ward *ward);
int vitals_compare_destinations(const void *a, const void *b); /* by address */

/* vitals_words.c */

void vitals_on_message(void *user, const struct bus_message *message);
void vitals_on_verdict(void *user, const struct health_verdict *verdict); /* our own: of a check */
/* It counts, and is said to the others, with what else there is; no LoadBalancer's event. */
void vitals_note(struct vitals *vitals, const struct health_verdict *verdict);
void vitals_tell_of(struct vitals *vitals, const struct ward *ward,
		    const struct health_verdict *verdict); /* as an event */
struct health_verdict vitals_link_verdict(const struct address *address, bool absent,
					  uint64_t since_ms); /* its reason is a constant */
void vitals_send_all(struct vitals *vitals);
void vitals_send_all_within(struct vitals *vitals, uint64_t ms);
void vitals_greet(struct vitals *vitals); /* nodes that know nothing of us yet, as others do */
void vitals_send_news(struct vitals *vitals);
void vitals_drop_news(struct vitals *vitals);
void vitals_ask_for_memory(struct vitals *vitals);
