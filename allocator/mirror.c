/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "allocator/bucket.h"
#include "allocator/events.h"
#include "allocator/journal.h"
#include "allocator/liveness.h"
#include "base/log.h"
#include "base/text.h"
#include "ipam/document.h"
#include "ipam/lbstatus.h"
#include "ipam/resolve.h"
#include "messages/subjects.h"

#define KEY_PREFIX     "$KV." MIRROR_BUCKET "."
#define WAIT_MIN_MS    40
#define WAIT_MAX_MS    200
#define WORK_MAX       64 /* objects of one turn of the loop */
#define RETRY_WAIT_MS  2000
#define PUT_TIMEOUT_MS 5000

/* An object's status as it is in the bucket, as far as we know, and whether it may be another now. */
struct entry {
	char *key;
	char *text; /* NULL: none there */
	bool waiting;
	bool unseen; /* was put, and has not come back from the bucket since */
	bool again;  /* it is to be put once more */
	uint64_t due_ms;
	struct entry *prev, *next; /* in the queue */
	UT_hash_handle hh;
};

struct mirror {
	struct world *world;
	unsigned replicas;
	struct entry *entries;
	struct entry *queue; /* about by due_ms: who comes later waits a little longer */
	struct bus_tail *tail;
	struct bucket_question *question; /* is the bucket there? */
	bool loaded;                      /* we know what is in the bucket */
	bool failed; /* some put did, or nobody knows: what is unseen is put again at retry_at_ms */
	uint64_t retry_at_ms;
	/* The view of one Network, kept while neither the nodes nor the Network change. */
	struct roster_view *view;
	char view_token[SUBJECT_TOKEN_MAX + 1];
	uint64_t view_settled_at;
	uint64_t visit_due_ms; /* of the LoadBalancers of a Network that is being touched */
};

int mirror_new(struct world *world, unsigned replicas, struct mirror **ret_mirror)
{
	struct mirror *mirror = calloc(1, sizeof(*mirror));

	if (!mirror)
		return -ENOMEM;
	mirror->world = world;
	mirror->replicas = replicas;
	*ret_mirror = mirror;
	return 0;
}

static void entry_free(struct mirror *mirror, struct entry *entry)
{
	if (entry->waiting)
		DL_DELETE(mirror->queue, entry);
	HASH_DEL(mirror->entries, entry);
	free(entry->key);
	free(entry->text);
	free(entry);
}

static void forget_view(struct mirror *mirror)
{
	roster_view_free(TAKE(mirror->view));
}

void mirror_free(struct mirror *mirror)
{
	struct entry *entry, *next;

	if (!mirror)
		return;
	if (mirror->tail)
		bus_tail_stop(mirror->tail);
	bucket_cancel(mirror->question);
	forget_view(mirror);
	HASH_ITER(hh, mirror->entries, entry, next)
	entry_free(mirror, entry);
	free(mirror);
}

static struct entry *entry_find(const struct mirror *mirror, const char *key)
{
	struct entry *entry;

	HASH_FIND_STR(mirror->entries, key, entry);
	return entry;
}

static struct entry *entry_get(struct mirror *mirror, const char *key)
{
	struct entry *entry = entry_find(mirror, key);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = strdup(key);
	if (!entry->key) {
		free(entry);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, mirror->entries, entry->key, strlen(entry->key), entry);
	return entry;
}

static uint64_t some_time(const struct mirror *mirror)
{
	return uv_now(mirror->world->loop) + WAIT_MIN_MS +
	       (uint64_t)(random() % (WAIT_MAX_MS - WAIT_MIN_MS));
}

static void touch(struct mirror *mirror, const char *key, uint64_t due_ms)
{
	struct entry *entry = entry_get(mirror, key);

	if (!entry || entry->waiting) /* without memory: the next touch may have some */
		return;
	entry->waiting = true;
	entry->due_ms = due_ms;
	DL_APPEND(mirror->queue, entry);
}

void mirror_touch(struct mirror *mirror, const char *key)
{
	touch(mirror, key, some_time(mirror));
}

static void touch_visited(void *user, const char *key)
{
	struct mirror *mirror = user;

	touch(mirror, key, mirror->visit_due_ms);
}

static void touch_prefix(struct mirror *mirror, const struct object *object, const char *name)
{
	char key[OBJECT_KEY_MAX];

	if (name)
		mirror_touch(mirror,
			     object_key_of(KIND_PREFIX, object->meta.name_space, name, key));
}

void mirror_touch_object(struct mirror *mirror, const struct object *object)
{
	const struct addressing *addressing = object_addressing(object);
	char key[OBJECT_KEY_MAX];

	mirror_touch(mirror, object_key(object, key));
	for (size_t i = 0; i < object->n_leases; i++)
		touch_prefix(mirror, object, object->leases[i].prefix);
	for (size_t i = 0; addressing && i < addressing->n_ips; i++) {
		if (addressing->ips[i].ephemeral) /* one that waits counts too */
			touch_prefix(mirror, object, addressing->ips[i].ephemeral->spec.parent);
	}
	if (object->kind == KIND_PREFIX)
		touch_prefix(mirror, object, object->prefix.parent);
}

void mirror_touch_network(struct mirror *mirror, const char *token, uint64_t since)
{
	if (mirror->view && strcmp(mirror->view_token, token) == 0)
		forget_view(mirror);
	mirror->visit_due_ms = some_time(mirror); /* all at once: they share a view */
	networks_visit(mirror->world->networks, token, since, touch_visited, mirror);
}

static const struct roster_view *get_view(struct mirror *mirror, const char *token)
{
	struct roster_truth truth = world_truth(mirror->world, token);

	if (mirror->view && strcmp(mirror->view_token, token) == 0 &&
	    mirror->view_settled_at == truth.settled_at)
		return mirror->view;
	forget_view(mirror);
	if (roster_view_new(mirror->world->roster, &truth, &mirror->view) < 0)
		return NULL;
	(void)snprintf(mirror->view_token, sizeof(mirror->view_token), "%s", token);
	mirror->view_settled_at = truth.settled_at;
	return mirror->view;
}

static json_t *lb_status_now(struct mirror *mirror, const struct object *lb, const json_t *previous)
{
	char token[SUBJECT_TOKEN_MAX + 1], key[OBJECT_KEY_MAX];
	struct illness illness = liveness_illness(mirror->world->roster);
	struct lb_report report = {};
	struct resolution resolution = {};
	const struct roster_view *view;
	json_t *status;

	if (resolve_lb(mirror->world->catalog, lb, &resolution) < 0)
		return NULL;
	if (subject_net_token(lb->meta.name_space, object_network(lb), token) == 0) {
		view = get_view(mirror, token);
		if (view)
			roster_view_report(
				view, &lb->meta.uid,
				networks_lb_revision(mirror->world->networks, object_key(lb, key)),
				resolution.lb ? resolution.lb->vips : NULL,
				resolution.lb ? resolution.lb->n_vips : 0, &report);
		report.health = world_health(mirror->world, token);
	}
	report.n_ill = illness.n_silent;
	report.n_ill_of = illness.n_of;
	status = lb_status(mirror->world->catalog, lb, &resolution, &report, previous,
			   world_unix_ms());
	resolution_deinit(&resolution);
	return status;
}

static json_t *status_now(struct mirror *mirror, const struct object *object, const char *known)
{
	json_t *previous = known ? json_loads(known, 0, NULL) : NULL;
	json_t *status =
		object->kind == KIND_LOAD_BALANCER
			? lb_status_now(mirror, object, previous)
			: object_status(mirror->world->catalog, object, previous, world_unix_ms());

	json_decref(previous);
	return status;
}

json_t *mirror_status(struct mirror *mirror, const struct object *object)
{
	char key[OBJECT_KEY_MAX];
	const struct entry *entry = entry_find(mirror, object_key(object, key));

	return status_now(mirror, object, entry ? entry->text : NULL);
}

json_t *mirror_object(struct mirror *mirror, const struct object *object)
{
	json_t *json = object_to_json(object);
	json_t *status = json ? mirror_status(mirror, object) : NULL;

	if (status && json_object_set_new(json, "status", status) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static void fail(struct mirror *mirror)
{
	mirror->failed = true;
	mirror->retry_at_ms = uv_now(mirror->world->loop) + RETRY_WAIT_MS;
}

static bool on_put(void *user, int outcome, const struct bus_message *message)
{
	struct mirror *mirror = user;
	struct bucket_ack ack = {};

	if (outcome < 0 || bucket_ack_parse(message->data, message->len, &ack) < 0 || ack.code)
		fail(mirror);
	return false;
}

static void put(struct mirror *mirror, struct entry *entry)
{
	static const struct bus_header removal[] = {{"KV-Operation", "DEL"}};
	char subject[OBJECT_KEY_MAX + sizeof(KEY_PREFIX)];
	const char *text = entry->text ? entry->text : "";

	entry->unseen = true;
	if (!mirror->tail) { /* no bucket yet */
		mirror->failed = true;
		return;
	}
	(void)snprintf(subject, sizeof(subject), KEY_PREFIX "%s", entry->key);
	if (bus_ask(mirror->world->bus, subject, removal, entry->text ? 0 : 1, text, strlen(text),
		    PUT_TIMEOUT_MS, on_put, mirror, NULL) < 0)
		fail(mirror);
}

/* The entry goes when the bucket has told that nothing is there: until then it may be put again. */
static void refresh_gone(struct mirror *mirror, struct entry *entry)
{
	bool was_there = entry->text;

	free(TAKE(entry->text));
	if (was_there || TAKE(entry->again))
		put(mirror, entry);
	else if (!entry->unseen)
		entry_free(mirror, entry);
}

/* Of several replicas that see the same, the journal keeps one. */
static void tell(struct mirror *mirror, const struct object *object, const char *before,
		 const char *now)
{
	json_t *was = before ? json_loads(before, 0, NULL) : NULL;
	json_t *is = json_loads(now, 0, NULL);

	journal_status(mirror->world->journal, object, was, is);
	json_decref(was);
	json_decref(is);
}

/* Works the status out, and if it is another one, tells of it. */
static void refresh(struct mirror *mirror, struct entry *entry)
{
	const struct object *object = catalog_find_key(mirror->world->catalog, entry->key);
	auto_free char *text = NULL;
	json_t *status;

	if (!object) {
		refresh_gone(mirror, entry);
		return;
	}
	status = status_now(mirror, object, entry->text);
	text = json_dumps(status, JSON_COMPACT);
	json_decref(status);
	if (!text || (text_equal(text, entry->text) && !entry->again))
		return;
	if (!text_equal(text, entry->text)) {
		tell(mirror, object, entry->text, text);
		free(entry->text);
		entry->text = TAKE(text);
		/* Before put(): killed in between, another replica finds it different, and tells. */
		events_status(mirror->world->events, object);
	}
	entry->again = false;
	put(mirror, entry);
}

bool mirror_work(struct mirror *mirror)
{
	uint64_t now_ms = uv_now(mirror->world->loop);

	if (!mirror->loaded)
		return false;
	for (unsigned n = 0; n < WORK_MAX; n++) {
		struct entry *entry = mirror->queue;

		if (!entry || entry->due_ms > now_ms)
			return false;
		DL_DELETE(mirror->queue, entry);
		entry->waiting = false;
		refresh(mirror, entry);
	}
	return true;
}

/* What is in the bucket, ours or another replica's. */
static void on_record(void *user, const struct bus_message *message, uint64_t sequence,
		      uint64_t n_pending)
{
	struct mirror *mirror = user;
	struct entry *entry;
	char *text = NULL;

	(void)sequence;
	mirror->loaded = mirror->loaded || n_pending == 0;
	if (!text_starts(message->subject, KEY_PREFIX))
		return;
	entry = entry_get(mirror, message->subject + strlen(KEY_PREFIX));
	if (!entry)
		return;
	if (!bus_message_header(message, "KV-Operation"))
		text = strndup(message->data, message->len);
	if (text_equal(text, entry->text)) /* else it may be the one before ours */
		entry->unseen = false;
	free(entry->text);
	entry->text = text;
	if (!catalog_find_key(mirror->world->catalog, entry->key))
		mirror_touch(mirror, entry->key); /* an object that is gone: its status goes too */
}

static void on_bucket(void *user, int outcome, const struct bucket_info *info,
		      const struct error *err)
{
	struct mirror *mirror = user;

	mirror->question = NULL;
	mirror->loaded = mirror->loaded || (info && info->n_messages == 0);
	if (outcome < 0 || bus_tail(mirror->world->bus, "KV_" MIRROR_BUCKET, 1, on_record, mirror,
				    &mirror->tail) < 0) {
		log_debug("bucket=" MIRROR_BUCKET " error='%s'",
			  outcome < 0 ? err->text : "out of memory");
		mirror->retry_at_ms = uv_now(mirror->world->loop) + RETRY_WAIT_MS;
	}
}

static void put_again(struct mirror *mirror)
{
	mirror->failed = false;
	for (struct entry *entry = mirror->entries; entry; entry = entry->hh.next) {
		if (!entry->unseen)
			continue;
		entry->again = true;
		mirror_touch(mirror, entry->key);
	}
}

void mirror_tick(struct mirror *mirror)
{
	struct world *world = mirror->world;

	if (mirror->tail && mirror->failed && uv_now(world->loop) >= mirror->retry_at_ms &&
	    bus_is_connected(world->bus))
		put_again(mirror);
	if (mirror->tail || mirror->question || uv_now(world->loop) < mirror->retry_at_ms ||
	    !bus_is_connected(world->bus) || store_state(world->store) != STORE_READY)
		return;
	if (bucket_ensure(world->bus, MIRROR_BUCKET, mirror->replicas, on_bucket, mirror,
			  &mirror->question) < 0)
		mirror->retry_at_ms = uv_now(world->loop) + RETRY_WAIT_MS;
}
