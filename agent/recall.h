/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "messages/desired.h"

/*
 * The last state of a Network, kept on disk (agent/journal.h): a node that boots while no allocator
 * can be reached forwards that. Everything slow happens on libuv's threads, one job at a time.
 *
 * What is kept is never older than what the kernel was given, else a restart would go back: state
 * that could not be written is followed by no file at all, until the next snapshot is.
 */
struct recall;

/*
 * Removes what writers that were killed left half-written in `dir`, before anything is written
 * there. What cannot be looked at or removed stays.
 */
void recall_sweep(const char *dir);

/* @dir: borrowed. Return: 0, -ENOMEM. */
must_check int recall_new(uv_loop_t *loop, const char *dir, const char *net,
			  struct recall **ret_recall);

/* No callback comes afterwards. A job that runs is not interrupted, and keeps the loop alive. */
void recall_close(struct recall *recall);

bool recall_is_busy(const struct recall *recall);

/* No file is kept, and only a snapshot can change that. */
bool recall_is_broken(const struct recall *recall);

/* Whether what is kept is of the revision of `state`. */
bool recall_has(const struct recall *recall, const struct desired *state);

/*
 * Reads what is kept; must not be busy (required).
 * on_loaded: `state` (a snapshot, now the callee's) is NULL when nothing usable is there.
 *            `at_ms`: wall clock (Unix) of its last change.
 */
typedef void recall_loaded_fn(void *user, struct desired *state, uint64_t at_ms);
void recall_load(struct recall *recall, recall_loaded_fn *on_loaded, void *user);

/*
 * Keeps a snapshot, or a change to what is kept; must not be busy (required). A snapshot survives
 * a power failure when `on_stored` is called, a change survives our own death.
 * Return: 0 (on_stored will be called, also when it failed: that is logged once), -ENOMEM.
 */
typedef void recall_stored_fn(void *user);
must_check int recall_store(struct recall *recall, const struct desired *change,
			    recall_stored_fn *on_stored, void *user);

/*
 * The kernel goes on without waiting for the disk: what is kept is behind, and must go. Only after
 * a first recall_store(); its on_stored is called once that is done.
 */
void recall_outrun(struct recall *recall);
