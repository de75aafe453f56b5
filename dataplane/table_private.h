/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dataplane/table.h"
#include "dataplane/transact.h"

/* What table.c and rewrite.c share. */

#define TABLE_ELEMENTS_MAX 2000  /* of a transaction: libnftables' memory stays small */
#define TABLE_LARGE        20000 /* from here on the heap is trimmed afterwards */
#define TABLE_PLANNED_MAX  64    /* changes whose text is kept at a time: 10,000 would be 64 MB */

must_check int table_run(void *user, const char *text, struct error *err); /* a transact_run */
must_check int table_run_text(struct table *table, struct text *text, struct error *err);

/* A stamp of nothing fits no state, so that a restart takes the table for unfinished. */
void table_write_stamp(const struct table *table, const char *name, bool valid, struct text *text);

/* The changes' plans as pieces, which borrow the text and are zeroed otherwise. */
void table_fill_pieces(const struct entry_changes *changes, struct transact_piece *pieces);

/* Gives the memory of the plans back. Return: the number of elements that they had. */
size_t table_drop_plans(struct entry_changes *changes);

/* The kernel took it (NULL) or not: keeps the entry, the VIPs and the clean-up in step. */
must_check int table_settle(struct table *table, struct entry_change *change, const char *refusal);
must_check int table_queue_cleanups(struct table *table, const struct uuid *uid,
				    const struct plan *plan, uint64_t now_ms);
