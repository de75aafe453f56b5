/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "allocator/pipeline.h"
#include "base/uuid.h"

/*
 * The log: JetStream's key-value bucket "ilb", one key an object. Makes it when it is missing,
 * begins it with the record "genesis" that carries the epoch, loads it into the catalog, follows it,
 * and commits through a pipeline. docs/wire.md, "The store is a log".
 */

#define STORE_BUCKET "ilb"

enum store_state {
	STORE_STARTING, /* no connection, or no bucket yet */
	STORE_LOADING,
	STORE_READY,
	STORE_FAILING, /* loaded, but does not take writes at the moment */
};

struct store_handlers {
	/* The catalog holds everything that is stored. Once. */
	void (*loaded)(void *user);
	/*
	 * A record is in the log, ours or somebody else's. Not while loading.
	 * @old, @new: NULL where there is none.
	 */
	void (*recorded)(void *user, uint64_t sequence, bool ours, const struct object *old,
			 const struct object *new);
	void (*undone)(void *user);  /* edits under way were taken back from the catalog */
	void (*settled)(void *user); /* nothing is under way */
	/* The state is another one, and why. */
	void (*turned)(void *user, enum store_state state, const char *sentence);
	/* The store is another one than before: only a restart helps. */
	void (*replaced)(void *user, const char *sentence);
};

struct store;

must_check int store_new(uv_loop_t *loop, struct bus *bus, struct catalog *catalog,
			 unsigned replicas, const struct store_handlers *handlers, void *user,
			 struct store **ret_store);
void store_free(struct store *store); /* before bus_close() */

enum store_state store_state(const struct store *store);
const struct uuid *store_epoch(const struct store *store);
const char *store_sentence(const struct store *store); /* why it is not ready; "" */
uint64_t store_n_unreadable(const struct store *store);
uint64_t store_n_pending(const struct store *store); /* behind the record read last, then */
uint64_t store_loaded_at(const struct store *store); /* the sequence that was loaded up to */
struct pipeline *store_pipeline(struct store *store);

void store_on_connected(struct store *store);
void store_tick(struct store *store); /* every 100 ms or so */
