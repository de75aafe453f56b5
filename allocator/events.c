/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "allocator/mirror.h"
#include "allocator/say.h"
#include "base/array.h"
#include "base/hash.h"
#include "base/text.h"
#include "messages/subjects.h"

/* The newest change of an object that was on the bus, which can be there before the log brings it. */
struct heard {
	uint64_t subject; /* hash */
	uint64_t revision;
};

/* Somebody else's change, until it is heard. */
struct held {
	char *subject;
	char *key;
	uint64_t revision, due_ms;
	bool is_new;
	struct object *gone; /* what was deleted; NULL: the object is in the catalog */
	UT_hash_handle hh;   /* in the order in which they are due */
};

struct events {
	struct world *world;
	struct bus_subscription *on_event;
	struct held *held;
	/* By the hash. One that drives out another makes a change be told twice, no more. */
	struct heard heard[4096];
};

static void held_free(struct events *events, struct held *held)
{
	HASH_DEL(events->held, held);
	free(held->subject);
	free(held->key);
	object_free(held->gone);
	free(held);
}

static const char *subject_of(const struct object *object, char subject[static SUBJECT_MAX])
{
	return subject_event(subject, object->meta.name_space, kind_token(object->kind),
			     object->meta.name);
}

/*
 * Who watches and loses an event sees the next one, or lists again.
 * @revision: 0: of the status alone
 */
static void tell(struct events *events, const char *type, const struct object *object,
		 uint64_t revision)
{
	struct world *world = events->world;
	json_t *event = json_pack("{s:s, s:o*}", "type", type, "object",
				  mirror_object(world->mirror, object));
	auto_free char *text = json_dumps(event, JSON_COMPACT);
	char number[24], subject[SUBJECT_MAX];
	const struct bus_header headers[] = {{"Ilb-Rev", number}};

	json_decref(event);
	if (!text)
		return;
	(void)snprintf(number, sizeof(number), "%" PRIu64, revision);
	(void)say(world->bus, subject_of(object, subject), headers, revision ? 1 : 0, text,
		  strlen(text));
}

void events_status(struct events *events, const struct object *object)
{
	tell(events, "MODIFIED", object, 0);
}

static void tell_held(struct events *events, struct held *held)
{
	const struct object *object = held->gone;

	if (!object)
		object = catalog_find_key(events->world->catalog, held->key);
	if (object)
		tell(events,
		     held->gone     ? "DELETED"
		     : held->is_new ? "ADDED"
				    : "MODIFIED",
		     object, held->revision);
	held_free(events, held);
}

static struct heard *heard_of(struct events *events, uint64_t subject)
{
	return &events->heard[subject % ARRAY_SIZE(events->heard)];
}

static bool was_heard(struct events *events, const char *subject, uint64_t revision)
{
	uint64_t hash = hash_bytes(subject, strlen(subject));
	const struct heard *heard = heard_of(events, hash);

	return heard->subject == hash && heard->revision >= revision;
}

static void on_event(void *user, const struct bus_message *message)
{
	struct events *events = user;
	uint64_t hash = hash_bytes(message->subject, strlen(message->subject)), revision;
	const char *text = bus_message_header(message, "Ilb-Rev");
	struct heard *heard = heard_of(events, hash);
	struct held *held;

	if (!text || text_parse_u64(text, UINT64_MAX, &revision) < 0)
		return;
	if (heard->subject != hash || heard->revision < revision)
		*heard = (struct heard){.subject = hash, .revision = revision};
	HASH_FIND_STR(events->held, message->subject, held);
	if (held && held->revision <= revision)
		held_free(events, held);
}

/* Return: without memory NULL, then the change is told by whoever committed it, or not at all. */
static struct held *held_new(struct events *events, const char *subject,
			     const struct object *object)
{
	struct held *held = calloc(1, sizeof(*held));
	char key[OBJECT_KEY_MAX];

	if (!held)
		return NULL;
	held->subject = strdup(subject);
	held->key = strdup(object_key(object, key));
	if (!held->subject || !held->key) {
		free(held->subject);
		free(held->key);
		free(held);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, events->held, held->subject, strlen(held->subject), held);
	return held;
}

static void hold(struct events *events, const char *subject, uint64_t revision,
		 const struct object *old, const struct object *new)
{
	struct held *held;
	bool is_new = !old;

	HASH_FIND_STR(events->held, subject, held);
	if (held && held->gone) {
		tell_held(events, held); /* perhaps once too often */
	} else if (held) {
		is_new = held->is_new;
		held_free(events, held);
	}
	held = HASH_COUNT(events->held) < EVENTS_HELD_MAX ? held_new(events, subject, new ?: old)
							  : NULL;
	if (!held)
		return;
	held->revision = revision;
	held->is_new = is_new;
	held->due_ms = uv_now(events->world->loop) + EVENTS_HOLD_MS;
	if (!new &&object_copy(old, &held->gone) < 0)
		held_free(events, held);
}

void events_record(struct events *events, uint64_t sequence, bool ours, const struct object *old,
		   const struct object *new)
{
	char subject[SUBJECT_MAX];

	if (ours)
		tell(events, !new ? "DELETED" : old ? "MODIFIED" : "ADDED", new ?: old, sequence);
	else if (!was_heard(events, subject_of(new ?: old, subject), sequence))
		hold(events, subject, sequence, old, new);
}

void events_work(struct events *events)
{
	uint64_t now_ms = uv_now(events->world->loop);
	struct held *held, *next;

	HASH_ITER(hh, events->held, held, next)
	{
		if (held->due_ms > now_ms)
			return;
		tell_held(events, held);
	}
}

int events_new(struct world *world, struct events **ret_events, struct error *err)
{
	struct events *events = calloc(1, sizeof(*events));
	char subject[SUBJECT_MAX];
	int r;

	if (!events)
		return error_set(err, -ENOMEM, "out of memory");
	events->world = world;
	r = bus_subscribe(world->bus, subject_event(subject, "*", "*", "*"), NULL, on_event, events,
			  &events->on_event, err);
	if (r < 0) {
		free(events);
		return r;
	}
	*ret_events = events;
	return 0;
}

void events_free(struct events *events)
{
	struct held *held, *next;

	if (!events)
		return;
	bus_unsubscribe(events->on_event);
	HASH_ITER(hh, events->held, held, next)
	held_free(events, held);
	free(events);
}
