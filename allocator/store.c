/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "allocator/bucket.h"
#include "base/log.h"
#include "base/text.h"
#include "ipam/document.h"

#define KEY_PREFIX      "$KV." STORE_BUCKET "."
#define GENESIS         "genesis"
#define RETRY_WAIT_MS   1000
#define UNREADABLE_TOLD 20 /* in the log; further ones are counted */

struct store {
	uv_loop_t *loop;
	struct bus *bus;
	struct catalog *catalog;
	struct pipeline *pipeline;
	struct bus_tail *tail;
	struct store_handlers handlers;
	void *user;
	unsigned replicas;
	enum store_state state;
	char sentence[512];
	struct uuid epoch;
	uint64_t floor; /* the stream was at this sequence when we began to read it */
	uint64_t loaded_at, n_unreadable, n_pending;
	uint64_t genesis_after; /* where the genesis record is to be written, when it is missing */
	bool genesis_missing;
	struct bucket_question *question; /* is the bucket there? */
	bool asking;                      /* the genesis record is being written */
	uint64_t retry_at_ms;
};

static void turn(struct store *store, enum store_state state, const char *sentence)
{
	bool same = store->state == state && strcmp(store->sentence, sentence) == 0;

	store->state = state;
	(void)snprintf(store->sentence, sizeof(store->sentence), "%s", sentence);
	if (!same)
		store->handlers.turned(store->user, state, sentence);
}

static void on_confirmed(void *user, uint64_t sequence, const struct object *old,
			 const struct object *new)
{
	struct store *store = user;

	store->handlers.recorded(store->user, sequence, true, old, new);
}

static void on_undone(void *user)
{
	struct store *store = user;

	store->handlers.undone(store->user);
}

static void on_settled(void *user)
{
	struct store *store = user;

	store->handlers.settled(store->user);
}

static void on_silent(void *user, const char *sentence)
{
	struct store *store = user;

	store->retry_at_ms = uv_now(store->loop) + RETRY_WAIT_MS;
	turn(store, STORE_FAILING, sentence);
}

int store_new(uv_loop_t *loop, struct bus *bus, struct catalog *catalog, unsigned replicas,
	      const struct store_handlers *handlers, void *user, struct store **ret_store)
{
	static const struct pipeline_handlers pipeline_handlers = {
		.confirmed = on_confirmed,
		.undone = on_undone,
		.settled = on_settled,
		.silent = on_silent,
	};
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	*store = (struct store){.loop = loop,
				.bus = bus,
				.catalog = catalog,
				.replicas = replicas,
				.handlers = *handlers,
				.user = user};
	if (pipeline_new(loop, bus, catalog, &pipeline_handlers, store, &store->pipeline) < 0) {
		free(store);
		return -ENOMEM;
	}
	*ret_store = store;
	return 0;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->tail)
		bus_tail_stop(store->tail);
	bucket_cancel(store->question);
	pipeline_free(store->pipeline);
	free(store);
}

enum store_state store_state(const struct store *store)
{
	return store->state;
}

const struct uuid *store_epoch(const struct store *store)
{
	return &store->epoch;
}

const char *store_sentence(const struct store *store)
{
	return store->sentence;
}

uint64_t store_n_pending(const struct store *store)
{
	return store->n_pending;
}

uint64_t store_n_unreadable(const struct store *store)
{
	return store->n_unreadable;
}

uint64_t store_loaded_at(const struct store *store)
{
	return store->loaded_at;
}

struct pipeline *store_pipeline(struct store *store)
{
	return store->pipeline;
}

/*
 * The record of the epoch. Another epoch than before: the bucket was deleted and made anew, and
 * every number that we hold means something else now.
 */
static void on_genesis(struct store *store, const struct bus_message *message)
{
	json_t *json = json_loadb(message->data, message->len, 0, NULL);
	const char *text = json_string_value(json_object_get(json, "epoch"));
	struct uuid epoch = {}, none = {};

	if (!text || uuid_parse(text, &epoch) < 0)
		log_warning("key=%s error='the epoch cannot be read, it counts as none'", GENESIS);
	else if (uuid_compare(&store->epoch, &none) != 0 &&
		 uuid_compare(&store->epoch, &epoch) != 0)
		store->handlers.replaced(store->user, "the store was replaced by another one");
	else
		store->epoch = epoch;
	json_decref(json);
}

/*
 * A record that is no object of ours, or not the one that its key names: whoever wrote it, the
 * object it replaced is no longer stored, and counts as gone on every replica alike.
 */
static struct object *read_record(struct store *store, const char *key,
				  const struct bus_message *message)
{
	char own_key[OBJECT_KEY_MAX];
	struct object *object = NULL;
	struct error err;
	int r = object_store_parse(message->data, message->len, &object, &err);

	if (r == 0 && strcmp(object_key(object, own_key), key) != 0)
		r = error_set(&err, -EBADMSG, "it is the object of key '%s'", own_key);
	if (r == 0)
		return object;
	if (store->n_unreadable++ < UNREADABLE_TOLD)
		log_warning("key='%s' error='%s' hint='the record is skipped, the object counts as "
			    "deleted%s'",
			    key, err.text,
			    store->n_unreadable < UNREADABLE_TOLD
				    ? ""
				    : "; further ones are only counted");
	object_free(object);
	return NULL;
}

static bool is_removal(const struct bus_message *message)
{
	const char *operation = bus_message_header(message, "KV-Operation");

	return operation && (strcmp(operation, "DEL") == 0 || strcmp(operation, "PURGE") == 0);
}

/* Brings a record into the catalog. */
static void apply_record(struct store *store, const char *key, const struct bus_message *message,
			 uint64_t sequence)
{
	auto_call(object_freep) struct object *old = NULL;
	struct object *object = is_removal(message) ? NULL : read_record(store, key, message);

	if (object) {
		object->meta.resource_version = sequence;
		if (catalog_put(store->catalog, object, &old) < 0) {
			object_free(object);
			store->handlers.replaced(store->user, "out of memory");
			return;
		}
	} else {
		old = catalog_remove(store->catalog, key);
	}
	if (store->state != STORE_LOADING && (old || object))
		store->handlers.recorded(store->user, sequence, false, old, object);
}

static void finish_loading(struct store *store, uint64_t sequence)
{
	uint64_t last = sequence > store->floor ? sequence : store->floor;
	struct uuid none = {};

	if (uuid_compare(&store->epoch, &none) == 0) {
		/* A bucket that somebody else began: the next tick writes it, the tail brings it. */
		store->genesis_missing = true;
		store->genesis_after = last;
		return;
	}
	store->loaded_at = last;
	pipeline_set_sequence(store->pipeline, store->loaded_at);
	turn(store, STORE_READY, "");
	store->handlers.loaded(store->user);
}

static void on_record(void *user, const struct bus_message *message, uint64_t sequence,
		      uint64_t n_pending)
{
	struct store *store = user;
	const char *id = bus_message_header(message, "Ilb-Req");
	const char *key = message->subject;

	store->n_pending = n_pending;
	if (!text_starts(key, KEY_PREFIX))
		return;
	key += strlen(KEY_PREFIX);
	if (store->state != STORE_LOADING &&
	    pipeline_on_record(store->pipeline, sequence, id ? id : ""))
		return;
	if (strcmp(key, GENESIS) == 0)
		on_genesis(store, message);
	else
		apply_record(store, key, message, sequence);
	if (store->state == STORE_LOADING && n_pending == 0)
		finish_loading(store, sequence);
}

static void start_tail(struct store *store)
{
	if (store->tail)
		return;
	turn(store, STORE_LOADING, "the store is being loaded");
	if (bus_tail(store->bus, "KV_" STORE_BUCKET, 1, on_record, store, &store->tail) < 0)
		turn(store, STORE_STARTING, "out of memory");
}

static void retry_later(struct store *store)
{
	store->retry_at_ms = uv_now(store->loop) + RETRY_WAIT_MS;
}

static bool on_genesis_ack(void *user, int outcome, const struct bus_message *message)
{
	struct store *store = user;
	struct bucket_ack ack;

	store->asking = false;
	if (outcome < 0 || bucket_ack_parse(message->data, message->len, &ack) < 0)
		retry_later(store);
	else if (ack.sequence || ack.code == BUCKET_WRONG_LAST_SEQUENCE)
		start_tail(store); /* written, or another replica did */
	else {
		turn(store, store->state, ack.sentence);
		retry_later(store);
	}
	return false;
}

/* Only as the record after `genesis_after`, so that of several replicas one writes it. */
static void write_genesis(struct store *store)
{
	char epoch[UUID_TEXT_MAX], body[128], expected[24];
	const struct bus_header headers[] = {{"Nats-Expected-Last-Sequence", expected}};
	struct uuid uuid;

	uuid_random(&uuid);
	(void)snprintf(body, sizeof(body), "{\"kind\":\"Genesis\",\"epoch\":\"%s\"}",
		       uuid_format(&uuid, epoch));
	(void)snprintf(expected, sizeof(expected), "%" PRIu64, store->genesis_after);
	store->asking = bus_ask(store->bus, KEY_PREFIX GENESIS, headers, 1, body, strlen(body),
				RETRY_WAIT_MS, on_genesis_ack, store, NULL) == 0;
	if (!store->asking)
		retry_later(store);
}

static void on_bucket(void *user, int outcome, const struct bucket_info *info,
		      const struct error *err)
{
	struct store *store = user;

	store->question = NULL;
	if (outcome < 0) {
		turn(store, store->state, err->text);
		retry_later(store);
	} else if (store->state == STORE_FAILING) {
		turn(store, STORE_READY, "");
	} else if (store->state == STORE_STARTING) {
		store->floor = store->genesis_after = info->last_sequence;
		if (info->n_messages)
			start_tail(store);
		else
			write_genesis(store);
	}
}

static void ask_bucket(struct store *store)
{
	if (store->asking || store->question || !bus_is_connected(store->bus))
		return;
	if (bucket_ensure(store->bus, STORE_BUCKET, store->replicas, on_bucket, store,
			  &store->question) < 0)
		retry_later(store);
}

void store_on_connected(struct store *store)
{
	if (store->state == STORE_STARTING || store->state == STORE_FAILING)
		ask_bucket(store);
}

void store_tick(struct store *store)
{
	pipeline_tick(store->pipeline);
	if (store->asking || store->question || uv_now(store->loop) < store->retry_at_ms)
		return;
	if (store->state == STORE_STARTING || store->state == STORE_FAILING)
		ask_bucket(store);
	else if (store->state == STORE_LOADING && store->genesis_missing)
		write_genesis(store);
}
