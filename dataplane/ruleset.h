/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/*
 * The constant part of table `inet ilb`: chains, rules, and the maps and sets that all differences
 * between LoadBalancers live in. docs/dataplane.md walks through it; dataplane/plan.h writes the
 * elements. All text is for nft or libnftables, 1.0.6 and newer, and ends with a line break.
 *
 * Maps and sets, with `4` or `6` at the end of the name:
 *	svc     VIP . protocol . port          -> mark           counter: new connections
 *	rngtcp4, rngudp4, rngsctp4
 *	        VIP . ports (interval)         -> mark           counter; after svc missed
 *	slot    mark . slot                    -> destination
 *	tport   VIP . protocol . port          -> target port
 *	vip     VIP
 *	self    destination . destination                        hairpin of local destinations
 *	src     mark . client prefix (interval)                  clients of restricted LoadBalancers
 * and one each of:
 *	acct_original, acct_reply    mark with the class cleared   counter: packets, bytes
 *	stamp                        what this table holds: struct ruleset_stamp
 */

#define RULESET_TABLE    "ilb"
#define RULESET_STAND_IN "ilb_stand_in" /* dataplane/rewrite.c; there for no longer than that */

/* Packets of a flow before it goes to the flowtable: short flows are cheaper without. */
#define RULESET_OFFLOAD_AFTER 20

struct ruleset_options {
	bool flowtable; /* the kernel can: rules that send established flows to flowtable ft */
};

/*
 * Writes the table, empty: it must not exist, or the text must come behind
 * ruleset_write_removal() in the same transaction, together with all elements, which replaces an
 * older table without a gap.
 */
void ruleset_write(struct text *text, const struct ruleset_options *options);

/*
 * The same in two steps, under another name: first maps, sets and chains that no packet comes to, to
 * be filled; then what makes the table live. The stamp comes with that, so a table that lives has one.
 */
void ruleset_write_unseen(struct text *text, const char *table);
void ruleset_write_live(struct text *text, const char *table,
			const struct ruleset_options *options);

/* Removes the table, whether it exists or not. */
void ruleset_write_removal(struct text *text, const char *table);

/*
 * Empties the maps and sets, for writing all elements anew in the same transaction.
 * @counted: those whose elements have counters too (svc, rng*, acct_*): their counts are lost.
 */
void ruleset_write_flush(struct text *text, bool counted);

/*
 * Adds devices to flowtable ft, or takes them out; each in a transaction of its own, because a
 * device may vanish at any time and fails the transaction then. n_devices > 0 (required). Only
 * where the table was written with `flowtable`.
 */
void ruleset_write_devices_add(struct text *text, const char *const *devices, size_t n_devices);
void ruleset_write_devices_delete(struct text *text, const char *const *devices, size_t n_devices);

/*
 * What the table holds, kept in the table: written in the same transaction as each change, read
 * back after a restart. In the kernel it is map `stamp` (type mark : mark) of RULESET_STAMP_WORDS
 * elements: the key is the number of a 32-bit word, the data its value. A dump of that one map
 * through netlink reads it back without touching any other.
 */
struct ruleset_stamp {
	uint64_t rules;    /* ruleset_digest() of the constant part */
	uint64_t revision; /* log sequence applied */
	uint64_t digest;   /* of everything wanted, sum of codec_digest() */
};

#define RULESET_STAMP_WORDS 6

/* Replaces the stamp: a flush of that map and its elements. */
void ruleset_write_stamp(struct text *text, const char *table, const struct ruleset_stamp *stamp);

/* Puts a word that was read back in its place. Return: false for a key that is none. */
bool ruleset_stamp_word(struct ruleset_stamp *stamp, uint32_t key, uint32_t value);

/* A digest of what ruleset_write() writes: an agent of another version finds a table not its own. */
uint64_t ruleset_digest(const struct ruleset_options *options);
