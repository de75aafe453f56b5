/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "allocator/batch.h"
#include "messages/bus.h"
#include "monitor/exposition.h"

/*
 * Commits to the log, optimistic and pipelined.
 *
 * A batch is already in the catalog when it comes here. Its edits are published one after the other
 * without waiting for answers, each on the condition that the last sequence of the stream is the
 * one that it was decided on. That condition alone would let edit 12 through when somebody
 * else's record took the place of our edit 11. So each edit that follows one of ours also names
 * that one's message id as the stream's last (Nats-Expected-Last-Msg-Id): either the whole
 * chain is in the log as decided, or nothing from the first foreign record on.
 *
 * Acknowledged, or seen in the tail: confirmed, with all before it. Refused, or a foreign record in
 * its place: everything not confirmed is taken back, the last first, and whoever wanted it decides
 * again. No answer: sent again with the same id, which the store takes once; no answer for
 * PIPELINE_PATIENCE_MS: taken back, and what was sent may be stored or not. The tail tells.
 *
 * The window follows the competition: one edit in flight after a conflict, twice as many after
 * each confirmation.
 */

#define PIPELINE_WINDOW_MAX  256
#define PIPELINE_PATIENCE_MS 3000 /* the answer to people is due within 4 s */

enum commit_outcome {
	COMMIT_STORED,
	COMMIT_CONFLICT, /* decide again */
	COMMIT_UNKNOWN,  /* no answer from the store: the rest may be stored or not */
	COMMIT_UNSENT,   /* no answer to those before it: nothing of the rest was sent */
};

/* @n_stored: of the batch's edits, from the first on, are stored whatever the outcome. */
typedef void commit_fn(void *user, enum commit_outcome outcome, size_t n_stored);

struct pipeline_handlers {
	/* One of our edits is in the log. `new` is NULL when it was a removal, or when a later edit
	 * of the same object is under way already. */
	void (*confirmed)(void *user, uint64_t sequence, const struct object *old,
			  const struct object *new);
	void (*undone)(void *user);  /* the catalog is as of pipeline_sequence() again */
	void (*settled)(void *user); /* nothing is under way: the catalog is what is stored */
	void (*silent)(void *user, const char *sentence); /* the store has not answered in time */
};

struct pipeline;

must_check int pipeline_new(uv_loop_t *loop, struct bus *bus, struct catalog *catalog,
			    const struct pipeline_handlers *handlers, void *user,
			    struct pipeline **ret_pipeline);
void pipeline_free(struct pipeline *pipeline); /* whatever is under way is forgotten */
AUTO_DEFINE(struct pipeline, pipeline_free);

/*
 * @batch: taken, and left empty. One without edits is confirmed when everything before it is.
 * `on_done` is called once, perhaps from inside this function, but not when -ENOMEM is returned
 * (then the batch is taken back).
 */
must_check int pipeline_commit(struct pipeline *pipeline, struct batch *batch, commit_fn *on_done,
			       void *user);

/*
 * The tail brought a record that carries `id` ("" for none).
 * Return: true when it is known: confirmed now or before. False: it is somebody else's, what was
 * under way is taken back, and the caller applies it to the catalog.
 */
bool pipeline_on_record(struct pipeline *pipeline, uint64_t sequence, const char *id);

uint64_t pipeline_sequence(const struct pipeline *pipeline); /* of the last confirmed record */
void pipeline_set_sequence(struct pipeline *pipeline, uint64_t sequence); /* at load */
uint64_t pipeline_next_sequence(const struct pipeline *pipeline);         /* of the next edit */

uint64_t pipeline_n_conflicts(const struct pipeline *pipeline); /* others were first */
/* From sending an edit until it is confirmed. */
const struct histogram *pipeline_committed(const struct pipeline *pipeline);

bool pipeline_is_settled(const struct pipeline *pipeline);
bool pipeline_has_room(const struct pipeline *pipeline); /* false also after a conflict */
void pipeline_tick(struct pipeline *pipeline);           /* every 100 ms or so */
