/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "allocator/say.h"
#include "allocator/snapshots.h"
#include "base/log.h"
#include "base/text.h"
#include "messages/codec.h"
#include "messages/subjects.h"

#define HEARD_MAX 65536

/* The newest delta of a Network that was on the bus, which can be there before the tail is. */
struct heard {
	char net[SUBJECT_TOKEN_MAX + 1];
	uint64_t revision;
	UT_hash_handle hh;
};

/* A delta of somebody else's change, until it is heard. */
struct held {
	struct outgoing *message;
	uint64_t due_ms;
	struct held *prev, *next;
};

/* A question that cannot be answered before the next settle. */
struct question {
	char *reply, *net;
	struct sync *sync; /* NULL: a snapshot of `net` is wanted */
	uint64_t min_revision, deadline_ms;
	struct question *prev, *next;
};

struct publisher {
	uv_loop_t *loop;
	struct bus *bus;
	struct networks *networks;
	struct healthtable *healthtable;
	struct uuid epoch;
	bool loaded, settled, ours;
	struct heard *heard;
	struct held *held;
	size_t n_held;
	struct question *questions;
	size_t n_questions;
	struct snapshots *snapshots;
	struct bus_subscription *on_state, *on_snap, *on_sync;
	struct publisher_counters counters;
	struct latency latency;
};

static void held_free(struct publisher *p, struct held *held)
{
	DL_DELETE(p->held, held);
	p->n_held--;
	outgoing_free(held->message);
	free(held);
}

static void question_free(struct publisher *p, struct question *question)
{
	DL_DELETE(p->questions, question);
	p->n_questions--;
	free(question->reply);
	free(question->net);
	sync_free(question->sync);
	free(question);
}

struct latency *publisher_latency(struct publisher *p)
{
	return &p->latency;
}

const struct publisher_counters *publisher_counters(const struct publisher *p)
{
	return &p->counters;
}

/* At the end of the list of those held. NULL without memory. */
static struct held *held_new(struct publisher *p, const struct desired *desired)
{
	struct held *held = calloc(1, sizeof(*held));

	if (!held)
		return NULL;
	DL_APPEND(p->held, held);
	p->n_held++;
	if (outgoing_new(desired, &held->message) < 0) {
		held_free(p, held);
		return NULL;
	}
	return held;
}

/* Lost when there is no connection: agents ask after every reconnect. */
static void send_message(struct publisher *p, const struct outgoing *message, const char *subject)
{
	int r = say(p->bus, subject, message->headers, message->n_headers, message->bytes,
		    message->len);

	if (r == -EMSGSIZE)
		log_warning("net=%s bytes=%zu error='larger than the server takes' "
			    "hint='raise max_payload of nats-server to 1 MiB or more'",
			    message->net, message->len);
}

static void send_delta(struct publisher *p, struct held *held)
{
	char subject[SUBJECT_MAX];

	p->counters.deltas++;
	latency_published(&p->latency, held->message->net, held->message->revision,
			  uv_now(p->loop));
	send_message(p, held->message, subject_state(subject, held->message->net));
	held_free(p, held);
}

static void forget_heard(struct publisher *p)
{
	struct heard *heard, *next;

	HASH_ITER(hh, p->heard, heard, next)
	{
		HASH_DEL(p->heard, heard);
		free(heard);
	}
}

/* Forgetting costs a delta that is sent twice, so it needs no care. */
static void hear(struct publisher *p, const char *net, uint64_t revision)
{
	struct heard *heard;

	HASH_FIND_STR(p->heard, net, heard);
	if (!heard) {
		if (HASH_COUNT(p->heard) >= HEARD_MAX)
			forget_heard(p);
		heard = calloc(1, sizeof(*heard));
		if (!heard)
			return;
		memcpy(heard->net, net, strlen(net) + 1);
		HASH_ADD_STR(p->heard, net, heard);
	}
	if (heard->revision < revision)
		heard->revision = revision;
}

static bool was_heard(const struct publisher *p, const struct desired *delta)
{
	const struct heard *heard;

	HASH_FIND_STR(p->heard, delta->net, heard);
	return heard && heard->revision >= delta->revision;
}

static void on_delta(void *user, const struct desired *delta)
{
	struct publisher *p = user;
	struct held *held;

	if (!p->ours && was_heard(p, delta))
		return;
	held = held_new(p, delta);
	if (!held)
		log_warning("net=%s error='out of memory, the change is not published' "
			    "hint='agents find out when they ask next'",
			    delta->net);
	else if (p->ours || p->n_held > PUBLISH_HELD_MAX)
		send_delta(p, held);
	else
		held->due_ms = uv_now(p->loop) + PUBLISH_HOLD_MS;
}

/* What another replica publishes: nothing to do for us any more. */
static void on_state(void *user, const struct bus_message *message)
{
	struct publisher *p = user;
	const char *revision = bus_message_header(message, "Ilb-Rev");
	struct held *held, *next;
	struct subject subject;
	uint64_t number;

	if (!revision || text_parse_u64(revision, UINT64_MAX, &number) < 0 ||
	    subject_parse(message->subject, &subject) < 0) {
		p->counters.malformed++;
		return;
	}
	hear(p, subject.net, number);
	DL_FOREACH_SAFE(p->held, held, next)
	{
		if (held->message->revision <= number &&
		    strcmp(held->message->net, subject.net) == 0)
			held_free(p, held);
	}
}

static void refuse(struct publisher *p, const char *reply, const char *code, const char *sentence)
{
	const struct bus_header headers[] = {{"Nats-Service-Error-Code", code},
					     {"Nats-Service-Error", sentence}};

	p->counters.refused++;
	(void)say(p->bus, reply, headers, 2, "", 0); /* who asked asks again */
}

struct asker {
	struct bus *bus;
	const char *reply;
};

static void say_health(void *user, const void *bytes, size_t len)
{
	static const struct bus_header header = {"Ilb-Health", "more"};
	const struct asker *asker = user;

	(void)say(asker->bus, asker->reply, &header, 1, bytes, len); /* the nodes say it, too */
}

/* What is remembered of health, for an agent that starts; nothing else. */
static void answer_health(struct publisher *p, const char *reply, const char *net)
{
	static const struct bus_header header = {"Ilb-Health", "end"};
	struct asker asker = {p->bus, reply};

	if (healthtable_say(p->healthtable, net, uv_now(p->loop), say_health, &asker) < 0)
		log_warning("net=%s error='out of memory' hint='an agent hears of health later'",
			    net);
	(void)say(p->bus, reply, &header, 1, "", 0);
}

static void answer_snapshot(struct publisher *p, const struct question *question)
{
	struct outgoing *const *parts;
	size_t n_parts;

	p->counters.snapshots++;
	if (snapshots_get(p->snapshots, p->networks, &p->epoch, question->net, &parts, &n_parts) <
	    0) {
		refuse(p, question->reply, "503", "out of memory");
		return;
	}
	for (size_t i = 0; i < n_parts; i++)
		send_message(p, parts[i], question->reply);
}

static void answer_sync(struct publisher *p, const struct question *question)
{
	struct sync *sync = question->sync;
	bool same_epoch = uuid_compare(&sync->epoch, &p->epoch) == 0;
	auto_free void *bytes = NULL;
	size_t len;

	p->counters.syncs++;
	sync->revision = networks_settled_at(p->networks);
	sync->epoch = p->epoch;
	for (size_t i = 0; i < sync->n_nets; i++) {
		struct network network;

		networks_get(p->networks, sync->nets[i].net, &network);
		sync->nets[i].stale = !same_epoch || sync->nets[i].digest != network.digest;
		p->counters.stale += sync->nets[i].stale;
	}
	if (sync_pack(sync, &bytes, &len) < 0)
		refuse(p, question->reply, "503", "out of memory");
	else
		(void)say(p->bus, question->reply, NULL, 0, bytes, len);
}

static bool is_due(const struct publisher *p, const struct question *question)
{
	return p->settled && question->min_revision <= networks_settled_at(p->networks);
}

static void answer(struct publisher *p, const struct question *question)
{
	if (question->sync)
		answer_sync(p, question);
	else
		answer_snapshot(p, question);
}

static void answer_due(struct publisher *p)
{
	struct question *question, *next;

	DL_FOREACH_SAFE(p->questions, question, next)
	{
		bool late = uv_now(p->loop) > question->deadline_ms;

		if (is_due(p, question))
			answer(p, question);
		else if (late)
			refuse(p, question->reply, "503",
			       p->loaded ? "behind that revision" : "the store is not loaded yet");
		if (late || is_due(p, question))
			question_free(p, question);
	}
}

/* Takes `sync`. */
static void ask(struct publisher *p, const struct bus_message *message, const char *net,
		struct sync *sync)
{
	const char *min = bus_message_header(message, "Ilb-Min-Rev");
	struct question *question = NULL;

	if (p->n_questions < PUBLISH_WAITING_MAX)
		question = calloc(1, sizeof(*question));
	if (!question) {
		refuse(p, message->reply, "503", "too many questions");
		sync_free(sync);
		return;
	}
	DL_APPEND(p->questions, question);
	p->n_questions++;
	question->sync = sync;
	question->reply = strdup(message->reply);
	question->net = strdup(net);
	question->deadline_ms = uv_now(p->loop) + PUBLISH_WAIT_MS;
	if (min && text_parse_u64(min, UINT64_MAX, &question->min_revision) < 0)
		p->counters.malformed++;
	if (!question->reply || !question->net) {
		question_free(p, question);
	} else if (is_due(p, question)) {
		answer(p, question);
		question_free(p, question);
	}
}

static void on_snap(void *user, const struct bus_message *message)
{
	struct publisher *p = user;
	struct subject subject;

	if (!message->reply)
		return;
	if (subject_parse(message->subject, &subject) < 0) {
		p->counters.malformed++;
		refuse(p, message->reply, "400", "no such subject");
	} else if (bus_message_header(message, "Ilb-Health")) {
		answer_health(p, message->reply, subject.net);
	} else {
		ask(p, message, subject.net, NULL);
	}
}

static void on_sync(void *user, const struct bus_message *message)
{
	struct publisher *p = user;
	struct sync *sync = NULL;
	struct error err;

	if (!message->reply)
		return;
	if (sync_unpack(message->data, message->len, &sync, &err) < 0) {
		if (p->counters.malformed++ == 0)
			log_warning("subject=%s error='%s' hint='further ones are only counted'",
				    message->subject, err.text);
		refuse(p, message->reply, "400", err.text);
	} else {
		ask(p, message, "", sync);
	}
}

static int subscribe(struct publisher *p, struct error *err)
{
	char subject[SUBJECT_MAX];
	int r;

	r = bus_subscribe(p->bus, subject_state(subject, "*"), NULL, on_state, p, &p->on_state,
			  err);
	if (r == 0)
		r = bus_subscribe(p->bus, subject_snap(subject, "*", "*"), SUBJECT_QUEUE, on_snap,
				  p, &p->on_snap, err);
	if (r == 0)
		r = bus_subscribe(p->bus, subject_sync(subject, "*"), SUBJECT_QUEUE, on_sync, p,
				  &p->on_sync, err);
	return r;
}

int publisher_new(uv_loop_t *loop, struct bus *bus, struct networks *networks,
		  struct healthtable *healthtable, struct publisher **ret_publisher,
		  struct error *err)
{
	struct publisher *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	p->loop = loop;
	p->bus = bus;
	p->networks = networks;
	p->healthtable = healthtable;
	r = snapshots_new(&p->snapshots);
	if (r == 0)
		r = subscribe(p, err);
	if (r < 0) {
		publisher_free(p);
		return r;
	}
	*ret_publisher = p;
	return 0;
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	bus_unsubscribe(p->on_state);
	bus_unsubscribe(p->on_snap);
	bus_unsubscribe(p->on_sync);
	snapshots_free(p->snapshots);
	forget_heard(p);
	while (p->held)
		held_free(p, p->held);
	while (p->questions)
		question_free(p, p->questions);
	free(p);
}

int publisher_load(struct publisher *p, const struct uuid *epoch, uint64_t sequence)
{
	int r = networks_settle(p->networks, epoch, sequence, NULL, NULL);

	if (r < 0)
		return r;
	p->epoch = *epoch;
	p->loaded = p->settled = true;
	answer_due(p);
	return 0;
}

void publisher_settle(struct publisher *p, const struct uuid *epoch, uint64_t sequence, bool ours)
{
	p->ours = ours;
	if (networks_settle(p->networks, epoch, sequence, on_delta, p) < 0) {
		log_warning("error='out of memory' hint='changes are published later'");
		return;
	}
	p->settled = true;
	answer_due(p);
}

void publisher_unsettle(struct publisher *p)
{
	p->settled = false;
}

void publisher_tick(struct publisher *p)
{
	struct held *held, *next;

	DL_FOREACH_SAFE(p->held, held, next)
	{
		if (uv_now(p->loop) < held->due_ms)
			continue;
		p->counters.held_published++;
		send_delta(p, held);
	}
	answer_due(p);
}
