/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uthash.h>

#include "messages/verdicts.h"

/*
 * The insides of verdicts: verdicts.c keeps what nodes say, verdicts_choose.c says whose word counts.
 */

struct verdict_key {
	struct address address;
	uint64_t check;
};

struct entry {
	struct verdict_key key;
	struct health_verdict verdict;
	uint64_t round;
	UT_hash_handle hh;
};

struct peer {
	char *name;
	uint64_t seed; /* hash of the name */
	struct uuid boot;
	bool spoke; /* else all that we have of it was recalled by others */
	uint64_t heard_ms;
	bool dead;
	uint64_t dead_ms; /* an allocator said so last */
	uint64_t round;
	struct entry *entries;
	UT_hash_handle hh;
};

struct verdicts {
	struct peer *peers;
	struct peer *own;    /* NULL: none */
	struct peer *former; /* what we said before we were restarted, as others remember it */
	size_t n_entries, max;
	uint64_t n_changes;
	verdicts_fn *on_changed;
	void *user;
};

struct verdict_key verdicts_key(const struct address *address, uint64_t check);
struct entry *verdicts_find_entry(const struct peer *peer, const struct verdict_key *key);
struct peer *verdicts_find_peer(const struct verdicts *verdicts, const char *name);
/* Lately, and not dead since. */
bool verdicts_is_heard(const struct verdicts *verdicts, const struct peer *peer, uint64_t now);
