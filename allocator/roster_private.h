/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uthash.h>

#include "allocator/liveness.h"
#include "allocator/roster.h"

/* What roster.c keeps, roster_view.c reads, and liveness.c adds to. */

struct node {
	char *name, *version;
	uint64_t seed; /* hash of the name */
	struct uuid boot, boot_before;
	uint64_t
		twins_ms; /* when the one before was heard again: two agents have the name; 0: never */
	uint64_t heard_ms;
	bool alive;
	bool recalled; /* never heard here: others say that it is dead */
	int64_t silent_since_ms;
	uint64_t round; /* of heartbeats, to find the Networks that the last one did not name */
	struct member *members;
	UT_hash_handle hh;
};

/* A Network, as far as nodes host it. */
struct place {
	char token[SUBJECT_TOKEN_MAX + 1];
	struct member *members;
	UT_hash_handle hh;
};

/* What is being found out about a silent node; all zero while it is heard. */
struct suspicion {
	bool open; /* a round of questions is under way */
	bool dead;
	uint64_t dead_ms; /* when that was found last, or told by others */
	size_t n_pending, n_asked, n_answered;
	uint64_t n_rounds;
	uint64_t ask_at, decide_at;
};

/* A Network on a node. */
struct member {
	struct node *node;
	struct place *place;
	struct status *status; /* NULL: has said nothing yet */
	uint64_t round;
	struct suspicion suspicion;
	struct member *n_prev, *n_next; /* in the node */
	struct member *p_prev, *p_next; /* in the place */
};

struct roster {
	struct node *nodes;
	struct place *places;
	roster_changed_fn *on_changed;
	void *user;
	size_t n_recalled;
	uint64_t sure_from_ms; /* 0: never listened */
	uint64_t ticked_at_ms;
	struct illness illness;
};

/* Return: 0, -ENOMEM, -E2BIG. */
int roster_new_node(struct roster *roster, const char *name, struct node **ret_node);
struct node *roster_find_node(const struct roster *roster, const char *name);
/* The Network on the node, as it is there or new; NULL: no memory. */
struct member *roster_get_member(struct roster *roster, struct node *node, const char *token);
struct member *member_find_named(const struct roster *roster, const char *net, const char *name);
const struct place *place_find(const struct roster *roster, const char *token);
