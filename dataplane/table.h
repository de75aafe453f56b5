/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dataplane/entries.h"
#include "dataplane/nft.h"
#include "dataplane/ruleset.h"
#include "dataplane/served.h"
#include "dataplane/stale.h"

/*
 * Table `inet ilb` of one namespace and what is in it: turns changes into transactions, and takes
 * over what came of them. What follows from it elsewhere, routes and conntrack entries, is noted in
 * `served` and `stale` for the caller. All functions that run transactions want the thread to be in
 * the namespace, and take changes that entries_stage() made.
 */
struct table {
	struct nft *nft; /* borrowed */
	struct ruleset_options options;
	uint64_t revision; /* for the stamp */

	struct entries entries;
	struct served served;
	struct stale stale;

	bool present;    /* it is in the kernel */
	bool stand_in;   /* RULESET_STAND_IN forwards meanwhile: table_rewrite() */
	bool stamped;    /* with a stamp that is true */
	bool bare;       /* it is new: its flowtable has no devices; the caller clears it */
	bool dirty;      /* it is not what we think it is: table_rewrite() */
	uint32_t n_runs; /* transactions that succeeded; the caller clears it */
};

void table_deinit(struct table *table);

/*
 * Takes a table that a former run left for what it is, if its stamp says that it holds exactly the
 * changes, which are all there is.
 * Return: 0, -ENOMEM.
 */
must_check int table_adopt(struct table *table, const struct ruleset_stamp *stamp,
			   struct entry_changes *changes, bool *ret_adopted, struct error *err);

/* Makes it, empty. Return: 0, or why not. */
must_check int table_create(struct table *table, struct error *err);

/*
 * Applies the changes, each a difference to what the table holds. A refused one is settled as such
 * and holds back no other.
 * Return: 0, -ENOMEM, or why not even the stamp can be written.
 */
must_check int table_apply(struct table *table, struct entry_changes *changes, uint64_t now_ms,
			   struct error *err);

/*
 * Writes everything anew, whatever is there: no packet meets half a table. dataplane/rewrite.c
 * @changes: those to come; the rest is added to them.
 * Return: as table_apply().
 */
must_check int table_rewrite(struct table *table, struct entry_changes *changes, uint64_t now_ms,
			     struct error *err);

/* What a former run left of its stand-in, which forwards nothing. Return: 0, or why not. */
must_check int table_remove_stand_in(struct table *table, struct error *err);

/* Removes it; the changes are the last removals. Return: 0, or why not. */
must_check int table_remove(struct table *table, struct entry_changes *changes, uint64_t now_ms,
			    struct error *err);
