/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "allocator/world.h"
#include "base/error.h"

/*
 * What has happened to objects, for people: `ilb events`. docs/wire.md, "What has happened". What a
 * replica has to tell is published once into the JetStream stream JOURNAL_STREAM; every replica
 * follows that stream and so has all of it at hand. Without the stream nothing is kept, and nothing
 * else depends on it; it is made anew when somebody has removed it.
 */

#define JOURNAL_STREAM         "ilb-log"
#define JOURNAL_RECORDS_MAX    10000 /* kept, of all objects */
#define JOURNAL_PER_OBJECT_MAX 20
#define JOURNAL_AGE_MS         86400000
/* What we tell ourselves: so much at once, and so much a second after that; the rest is left out. */
#define JOURNAL_BURST 500
#define JOURNAL_PER_S 50

struct journal;

must_check int journal_new(struct world *world, unsigned replicas, struct journal **ret_journal,
			   struct error *err);
void journal_free(struct journal *journal); /* before bus_close(); NULL is fine */
AUTO_DEFINE(struct journal, journal_free);
void journal_tick(struct journal *journal); /* every 100 ms or so */

/* Something about an object. @id: equal ones within two minutes are kept once; NULL. */
struct journal_entry {
	const char *name_space, *kind, *name;
	const char *node; /* NULL: we say so ourselves */
	bool warning;
	const char *reason, *message;
	int64_t at_ms;
	const char *id;
};
void journal_tell(struct journal *journal, const struct journal_entry *entry);

/* A record was stored by us: created, changed by somebody, removed. NULL where there is none. */
void journal_record(struct journal *journal, const struct object *old, const struct object *new);
/* Conditions of the object's status that are not as they were. @before: NULL: there was none. */
void journal_status(struct journal *journal, const struct object *object, const json_t *before,
		    const json_t *now);

/*
 * Visits what is kept of a namespace, the oldest first, from behind the sequence `after`; of one
 * object where `object` ("kind/name") is given. `visit` borrows, and gives false to end it.
 */
typedef bool journal_fn(void *user, uint64_t sequence, const json_t *record);
void journal_list(const struct journal *journal, const char *name_space, const char *object,
		  uint64_t after, journal_fn *visit, void *user);
