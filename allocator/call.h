/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "allocator/answer.h"
#include "allocator/request.h"
#include "allocator/world.h"

/* A request on its way from the bus to its answer. api.c moves it, write.c and read.c fill it. */

/* One object that the request wants changed. */
struct step {
	const struct object *wanted; /* apply; borrowed from the request's documents */
	enum kind kind;
	const char *name;
	uint64_t resource_version; /* delete: that it must have; 0: any */
	const char *outcome;       /* word for the answer, of the last decision */
	bool is_stored;            /* for good: not decided again */
	bool has_edit;             /* the decision made an edit of the batch */
};

struct call {
	struct api *api;
	uint64_t number; /* in order of arrival */
	struct request request;
	char *reply;
	size_t size; /* of the message */
	uint64_t started_ns, deadline_ms;
	struct answer answer;
	struct step *steps; /* in the order of the manifest */
	size_t n_steps;
	size_t *order; /* in which they are decided */
	struct call *prev, *next;
};

/* What became of a decision. */
enum call_next {
	CALL_ANSWER, /* now */
	CALL_COMMIT, /* the batch first; also an empty one, for what it was decided on */
};

/*
 * Apply, delete and dry run: decides everything on the catalog, edits it, and keeps the way back in
 * the batch; an answer that refuses left nothing behind.
 * Return: 0, -ENOMEM (as if it had not been called).
 */
must_check int write_prepare(struct call *call); /* once, before the first decision */
must_check int write_decide(struct world *world, struct call *call, struct batch *ret_batch,
			    enum call_next *ret_next);
/* The first `n_stored` edits of the batch of the last decision are in the store. */
void write_stored(struct call *call, size_t n_stored);
/* All of it is. Fills in the answer. */
void write_finish(struct world *world, struct call *call);
/* How many objects of the request are in the store. */
size_t write_count_stored(const struct call *call);

/* get and list: fills in the answer. */
void read_answer(struct world *world, struct call *call);
