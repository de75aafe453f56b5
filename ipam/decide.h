/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipam/catalog.h"
#include "ipam/object.h"
#include "ipam/problem.h"

/*
 * Decisions: what is to be stored, given everything that is stored. Pure: time and randomness are
 * handed in. The allocator commits a verdict with the condition that nothing else was stored since,
 * and decides again when something was.
 */

enum verdict_outcome {
	VERDICT_CREATED,
	VERDICT_CONFIGURED, /* stored anew */
	VERDICT_UNCHANGED,  /* nothing to store */
	VERDICT_DELETING,   /* marked: stored with a deletionTimestamp, gone once nodes confirm */
	VERDICT_DELETED,    /* the record is to be removed now */
	VERDICT_REFUSED,    /* `problems` say why */
};

const char *verdict_outcome_name(enum verdict_outcome outcome); /* "created" ..., for people */

struct verdict {
	enum verdict_outcome outcome;
	int code;              /* HTTP's, for VERDICT_REFUSED: 404, 409, 422 */
	struct object *object; /* to be stored; or as it is (a copy), for UNCHANGED and DELETED */
	struct problems problems;
};

void verdict_deinit(struct verdict *verdict);

/* What a decision may know of the world outside the catalog. */
struct moment {
	int64_t now_ms;        /* Unix time */
	struct uuid fresh_uid; /* random; becomes the uid of a created object */
	uint64_t sequence;     /* that the verdict's record will have in the log; 0: not known */
};

/*
 * `kubectl apply`: creates or updates. Allocates addresses at once where they can be had; an
 * address that cannot be had yet leaves the object waiting, which is no refusal.
 * @wanted: borrowed; from documents_read().
 * Refuses: an object that is being deleted (409), a resourceVersion given that is not the stored one
 * (409), changes of immutable fields, literals in use (naming the holder), Prefixes that overlap
 * siblings (422).
 * Return: 0, -ENOMEM.
 */
must_check int decide_apply(const struct catalog *catalog, const struct object *wanted,
			    const struct moment *moment, struct verdict *ret_verdict);

/*
 * Refuses: not there (404); a Network or Prefix in use (409, naming up to ten holders).
 * @resource_version: 0, or the one it must have.
 */
must_check int decide_delete(const struct catalog *catalog, enum kind kind, const char *name_space,
			     const char *name, uint64_t resource_version,
			     const struct moment *moment, struct verdict *ret_verdict);

/*
 * What has become possible by itself: a waiter that can be served (oldest first), a lease or an
 * object in deletion that every node has confirmed to be out of use, a slot table that must grow.
 * @confirmed: the log sequence that all live nodes which host the Network have applied;
 *             UINT64_MAX when none hosts it.
 * Return: 1 and one verdict to commit, 0 when there is nothing to do, -ENOMEM. Costs what is
 * waiting and could go, not what is stored.
 */
typedef uint64_t confirmed_fn(void *user, const char *name_space, const char *network);
must_check int decide_next(struct catalog *catalog, confirmed_fn *confirmed, void *user,
			   const struct moment *moment, struct verdict *ret_verdict);
