/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/error.h"
#include "base/uuid.h"
#include "dataplane/forwarding.h"
#include "dataplane/plan.h"
#include "messages/desired.h"
#include "messages/status.h"

/*
 * The LoadBalancers of one Network on this node: what the kernel holds for each, and what it shall
 * hold. Pure: the way from one to the other is a list of changes, whose results come back with
 * entries_settle().
 */
struct entry {
	struct uuid uid;
	char *name;              /* "namespace/name" */
	struct forwarding *have; /* in the kernel, NULL: nothing of it */
	struct forwarding *want; /* not in the kernel yet, NULL: nothing to do */
	uint64_t digest;         /* of the desired LoadBalancer, who is dead and who is here */
	char *refusal;           /* why it is not in the kernel as it should be, NULL: it is */
	bool gone;               /* to be removed */
	bool staged;             /* is in the list of changes */
	bool named;              /* by the snapshot that is being taken over */
	UT_hash_handle hh;
};

struct entries {
	struct entry *head;
	size_t n_alive;  /* that are not gone */
	uint64_t digest; /* sum over those */
	size_t n_refused;
};

void entries_deinit(struct entries *entries);
struct entry *entries_find(const struct entries *entries, const struct uuid *uid);

struct entry_change {
	struct entry *entry;
	bool retry;       /* only because it was refused before */
	bool moves;       /* lets go of a VIP and takes one that another lets go of: plan_move() */
	struct plan plan; /* entries_plan() */
};

struct entry_changes {
	struct entry_change *items;
	size_t n_items;
};

void entry_changes_deinit(struct entry_changes *changes);

/*
 * Takes over a new desired state: removals first, then those that changed, then some of those that
 * were refused before (what stood in their way may be gone). Of all of them those first that let go
 * of a VIP, then those that exchange theirs.
 * @node:        our name.
 * @ret_changes: zeroed by the caller, who calls entry_changes_deinit(); without plans.
 * Return: 0, -ENOMEM: then the entries are in disorder, only entries_deinit() is left.
 */
must_check int entries_stage(struct entries *entries, const struct desired *desired,
			     const char *node, struct entry_changes *ret_changes);

/* All LoadBalancers as changes, as if the kernel held nothing. As entries_stage(). */
must_check int entries_stage_all(struct entries *entries, struct entry_changes *changes);

/* Plans each change. Return: 0, -ENOMEM. */
must_check int entries_plan(struct entry_changes *changes);

/* The same for a table that holds nothing of any of them, or will not. */
must_check int entries_plan_anew(struct entry_changes *changes, const char *table);

/*
 * Takes over the result of a change.
 * @refusal: NULL: it is in the kernel now. Else why not: copied.
 * Return: 0, -ENOMEM. A removed entry is freed when it went well: change->entry is NULL then.
 */
must_check int entries_settle(struct entries *entries, struct entry_change *change,
			      const char *refusal);

/* The kernel holds nothing of it any more: all of it is wanted again. */
void entries_forget_have(struct entry *entry);

/* The refused ones, for the status: at most STATUS_REFUSALS_MAX. Return: 0, -ENOMEM. */
must_check int entries_add_refusals(const struct entries *entries, struct status *status);
