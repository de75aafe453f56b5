/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/allowance.h"
#include "allocator/bucket.h"
#include "allocator/notes.h"
#include "allocator/say.h"
#include "base/array.h"
#include "base/log.h"
#include "base/text.h"
#include "messages/note.h"
#include "messages/subjects.h"

#define RETRY_WAIT_MS 2000
#define LOOK_EACH_MS  10000 /* whether the stream that we follow is still there */
#define PREFIX        "ilb.v1.log."

struct record {
	uint64_t sequence;
	char name_space[64];
	json_t *json;
};

struct journal {
	struct world *world;
	unsigned replicas;
	struct notes *notes;
	struct bus_tail *tail;
	struct bucket_question *question; /* is the stream there? */
	char created[40];                 /* when the one that we follow was made */
	uint64_t last;                    /* sequence that came last from it */
	uint64_t asked_last;              /* what that was when it was asked for */
	uint64_t ask_at_ms;
	struct allowance allowance;
	uint64_t n_left_out;
	struct record records[JOURNAL_RECORDS_MAX]; /* a ring */
	size_t first, n_records;
};

/* ---- telling ---- */

static bool may_tell(struct journal *journal)
{
	if (allowance_take(&journal->allowance, uv_now(journal->world->loop)))
		return true;
	if (journal->n_left_out++ == 0)
		log_warning("journal=full hint='more happens than is told to ilb events'");
	return false;
}

static void format_time(int64_t at_ms, char text[static 40])
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm tm;
	size_t n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));

	(void)snprintf(text + n, 40 - n, ".%03dZ", (int)(at_ms % 1000));
}

static char *entry_text(const struct journal_entry *entry)
{
	char time[40], object[NOTE_OBJECT_MAX];
	json_t *json;
	char *text;

	format_time(entry->at_ms, time);
	(void)snprintf(object, sizeof(object), "%s/%s", entry->kind, entry->name);
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "time", time, "type",
			 entry->warning ? "Warning" : "Normal", "reason", entry->reason, "message",
			 entry->message, "object", object, "node", entry->node);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static void tell(struct journal *journal, const struct journal_entry *entry)
{
	const struct bus_header header = {"Nats-Msg-Id", entry->id};
	auto_free char *text = entry_text(entry);
	char subject[SUBJECT_MAX];

	if (text)
		(void)say(journal->world->bus,
			  subject_log(subject, entry->name_space, entry->kind, entry->name),
			  &header, entry->id ? 1 : 0, text, strlen(text));
}

/* What agents tell has a limit of its own. */
static void on_note(void *user, const struct journal_entry *entry)
{
	tell(user, entry);
}

void journal_tell(struct journal *journal, const struct journal_entry *entry)
{
	if (may_tell(journal))
		tell(journal, entry);
}

static void tell_of(struct journal *journal, const struct object *object, bool warning,
		    const char *reason, const char *message, const char *id)
{
	const struct journal_entry entry = {
		.name_space = object->meta.name_space,
		.kind = kind_token(object->kind),
		.name = object->meta.name,
		.warning = warning,
		.reason = reason,
		.message = message,
		.at_ms = world_unix_ms(),
		.id = id,
	};

	journal_tell(journal, &entry);
}

void journal_record(struct journal *journal, const struct object *old, const struct object *new)
{
	char message[64];

	if (!old) {
		tell_of(journal, new, false, "Created", "it was created", NULL);
	} else if (!new) {
		tell_of(journal, old, false, "Deleted", "it is gone, and so are its addresses",
			NULL);
	} else if (new->meta.deleting_ms && !old->meta.deleting_ms) {
		tell_of(journal, new, false, "Deleting",
			"it is removed from the nodes, then its addresses are free", NULL);
	} else if (new->meta.generation != old->meta.generation) {
		(void)snprintf(message, sizeof(message), "it was changed: generation %" PRId64,
			       (int64_t) new->meta.generation);
		tell_of(journal, new, false, "Configured", message, NULL);
	}
}

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static const json_t *find_condition(const json_t *status, const char *type)
{
	const json_t *conditions = json_object_get(status, "conditions");

	for (size_t i = 0; i < json_array_size(conditions); i++) {
		if (text_equal(member(json_array_get(conditions, i), "type"), type))
			return json_array_get(conditions, i);
	}
	return NULL;
}

/* Ready is the sum of the others, which say more: only its way to True is worth a line. */
static bool is_news(const json_t *was, const json_t *is)
{
	bool holds = text_equal(member(is, "status"), "True");

	if (text_equal(member(is, "type"), "Ready") && !holds)
		return false;
	if (!was)
		return !holds || text_equal(member(is, "type"), "Ready");
	return !text_equal(member(was, "status"), member(is, "status")) ||
	       (!holds && !text_equal(member(was, "reason"), member(is, "reason")));
}

static void tell_condition(struct journal *journal, const struct object *object,
			   const json_t *condition)
{
	bool holds = text_equal(member(condition, "status"), "True");
	const char *reason = member(condition, "reason"), *message = member(condition, "message");
	char key[OBJECT_KEY_MAX], id[OBJECT_KEY_MAX + 256];

	/* Of several replicas each may see it first. */
	(void)snprintf(id, sizeof(id), "%s %s %s %s", object_key(object, key),
		       member(condition, "type"), reason, member(condition, "lastTransitionTime"));
	tell_of(journal, object, !holds, *reason ? reason : member(condition, "type"),
		*message ? message : member(condition, "type"), id);
}

void journal_status(struct journal *journal, const struct object *object, const json_t *before,
		    const json_t *now)
{
	const json_t *conditions = json_object_get(now, "conditions");

	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *condition = json_array_get(conditions, i);
		const json_t *was = find_condition(before, member(condition, "type"));

		if (is_news(was, condition))
			tell_condition(journal, object, condition);
	}
}

/* ---- what is kept ---- */

static struct record *record_at(const struct journal *journal, size_t i)
{
	return (struct record *)&journal->records[(journal->first + i) % JOURNAL_RECORDS_MAX];
}

static void drop_first(struct journal *journal)
{
	json_decref(record_at(journal, 0)->json);
	journal->first = (journal->first + 1) % JOURNAL_RECORDS_MAX;
	journal->n_records--;
}

/* "ilb.v1.log.<namespace>.<kind>.<name>" */
static void on_record(void *user, const struct bus_message *message, uint64_t sequence,
		      uint64_t n_pending)
{
	const char *name_space = message->subject + strlen(PREFIX);
	struct journal *journal = user;
	struct record *record;
	json_t *json;
	size_t len;

	(void)n_pending;
	journal->last = sequence;
	if (!text_starts(message->subject, PREFIX))
		return;
	len = strcspn(name_space, ".");
	json = json_loadb(message->data, message->len, JSON_REJECT_DUPLICATES, NULL);
	if (len >= sizeof(record->name_space) || !json_is_object(json)) {
		json_decref(json);
		return;
	}
	if (journal->n_records == JOURNAL_RECORDS_MAX)
		drop_first(journal);
	record = record_at(journal, journal->n_records++);
	record->sequence = sequence;
	record->json = json;
	memcpy(record->name_space, name_space, len);
	record->name_space[len] = '\0';
}

/* Our times sort as texts do. */
static void oldest_time(char text[static 40])
{
	format_time(world_unix_ms() - JOURNAL_AGE_MS, text);
}

void journal_list(const struct journal *journal, const char *name_space, const char *object,
		  uint64_t after, journal_fn *visit, void *user)
{
	char oldest[40];

	oldest_time(oldest);
	for (size_t i = 0; i < journal->n_records; i++) {
		const struct record *record = record_at(journal, i);

		if (record->sequence <= after || !text_equal(record->name_space, name_space) ||
		    (object && !text_equal(member(record->json, "object"), object)) ||
		    strcmp(member(record->json, "time"), oldest) < 0)
			continue;
		if (!visit(user, record->sequence, record->json))
			return;
	}
}

/* ---- beginning and end ---- */

/* What was kept is gone, or another stream has its name: both begin anew. */
static void forget(struct journal *journal)
{
	if (!journal->tail)
		return;
	log_warning("stream=" JOURNAL_STREAM " error='it was lost or made anew' hint='what had "
		    "happened before is forgotten'");
	bus_tail_stop(TAKE(journal->tail));
	while (journal->n_records > 0)
		drop_first(journal);
	journal->last = 0;
}

static bool is_followed(const struct journal *journal, const struct bucket_info *info)
{
	return journal->tail && text_equal(info->created, journal->created) &&
	       info->last_sequence >= journal->asked_last;
}

static void on_stream(void *user, int outcome, const struct bucket_info *info,
		      const struct error *err)
{
	struct journal *journal = user;
	uint64_t now_ms = uv_now(journal->world->loop);

	journal->question = NULL;
	journal->ask_at_ms = now_ms + (journal->tail ? LOOK_EACH_MS : RETRY_WAIT_MS);
	if (outcome < 0) {
		log_debug("stream=" JOURNAL_STREAM " error='%s'", err->text);
		return;
	}
	if (is_followed(journal, info))
		return;
	forget(journal);
	memcpy(journal->created, info->created, sizeof(journal->created));
	if (bus_tail(journal->world->bus, JOURNAL_STREAM, 1, on_record, journal, &journal->tail) ==
	    0)
		journal->ask_at_ms = now_ms + LOOK_EACH_MS;
	else
		log_debug("stream=" JOURNAL_STREAM " error='out of memory'");
}

static json_t *configuration(const struct journal *journal)
{
	return json_pack("{s:s, s:[s], s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:i, s:I}", "name",
			 JOURNAL_STREAM, "subjects", PREFIX ">", "retention", "limits",
			 "max_consumers", -1, "max_msgs", JOURNAL_RECORDS_MAX,
			 "max_msgs_per_subject", JOURNAL_PER_OBJECT_MAX, "max_age",
			 (json_int_t)JOURNAL_AGE_MS * 1000000, "storage", "file", "discard", "old",
			 "num_replicas", (int)journal->replicas, "duplicate_window",
			 (json_int_t)120000000000);
}

void journal_tick(struct journal *journal)
{
	struct world *world = journal->world;
	json_t *config;

	notes_tick(journal->notes);
	if (journal->question || uv_now(world->loop) < journal->ask_at_ms ||
	    !bus_is_connected(world->bus) || store_state(world->store) != STORE_READY)
		return;
	journal->asked_last = journal->last;
	config = configuration(journal);
	if (config && bucket_ensure_stream(world->bus, JOURNAL_STREAM, config, on_stream, journal,
					   &journal->question) < 0)
		journal->ask_at_ms = uv_now(world->loop) + RETRY_WAIT_MS;
	json_decref(config);
}

int journal_new(struct world *world, unsigned replicas, struct journal **ret_journal,
		struct error *err)
{
	auto_call(journal_freep) struct journal *journal = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return error_set(err, -ENOMEM, "out of memory");
	journal->world = world;
	journal->replicas = replicas;
	journal->allowance = (struct allowance){.burst = JOURNAL_BURST, .per_s = JOURNAL_PER_S};
	r = notes_new(world, on_note, journal, &journal->notes, err);
	if (r < 0)
		return r;
	*ret_journal = TAKE(journal);
	return 0;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	notes_free(journal->notes);
	if (journal->tail)
		bus_tail_stop(journal->tail);
	bucket_cancel(journal->question);
	while (journal->n_records > 0)
		drop_first(journal);
	free(journal);
}
