/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "allocator/bucket.h"
#include "base/require.h"
#include "base/text.h"
#include "base/uuid.h"

#define ANSWER_TIMEOUT_MS 1000
#define RESEND_WAIT_MS    100
#define CONFLICT_WAIT_MS  250  /* for the tail to bring what we lost against */
#define ROOM              8192 /* edits under way and waiting, all batches together */
#define ID_MAX            48

/* An edit on its way. */
struct flight {
	struct pipeline *pipeline;
	struct edit *edit;
	uint64_t sequence; /* that it will have */
	char id[ID_MAX];
	struct bus_request *request;
	bool sent;
	uint64_t sent_ms;
};

struct commit {
	TAILQ_ENTRY(commit) link;
	struct batch batch;
	struct flight *flights; /* one for each edit */
	size_t n_stored;
	bool was_sent; /* something of it, at least once */
	uint64_t deadline_ms;
	commit_fn *on_done;
	void *user;
};

TAILQ_HEAD(commits, commit);

struct pipeline {
	uv_loop_t *loop;
	struct bus *bus;
	struct catalog *catalog;
	struct pipeline_handlers handlers;
	void *user;
	struct commits commits;
	uint64_t sequence; /* of the last confirmed record */
	uint64_t n_ahead;  /* edits that are not confirmed */
	size_t n_in_flight, window;
	uint64_t paused_until_ms;  /* nothing is sent before */
	uint64_t blocked_until_ms; /* nothing new is taken before, or before the tail moves */
	char run[UUID_TEXT_MAX];   /* of this process, part of every id */
	uint64_t n_ids;
	uint64_t n_conflicts;
	struct histogram committed;
};

int pipeline_new(uv_loop_t *loop, struct bus *bus, struct catalog *catalog,
		 const struct pipeline_handlers *handlers, void *user,
		 struct pipeline **ret_pipeline)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	struct uuid run;

	if (!p)
		return -ENOMEM;
	*p = (struct pipeline){.loop = loop,
			       .bus = bus,
			       .catalog = catalog,
			       .handlers = *handlers,
			       .user = user,
			       .window = PIPELINE_WINDOW_MAX};
	TAILQ_INIT(&p->commits);
	uuid_random(&run);
	(void)uuid_format(&run, p->run);
	*ret_pipeline = p;
	return 0;
}

static void flight_land(struct flight *flight)
{
	if (flight->request)
		bus_cancel(TAKE(flight->request));
	if (flight->sent)
		flight->pipeline->n_in_flight--;
	flight->sent = false;
}

static void commit_free(struct commit *commit)
{
	if (!commit)
		return;
	for (size_t i = commit->n_stored; i < commit->batch.n_edits; i++)
		flight_land(&commit->flights[i]);
	batch_deinit(&commit->batch);
	free(commit->flights);
	free(commit);
}

void pipeline_free(struct pipeline *p)
{
	struct commit *commit;

	if (!p)
		return;
	while ((commit = TAILQ_FIRST(&p->commits))) {
		TAILQ_REMOVE(&p->commits, commit, link);
		commit_free(commit);
	}
	free(p);
}

uint64_t pipeline_n_conflicts(const struct pipeline *p)
{
	return p->n_conflicts;
}

const struct histogram *pipeline_committed(const struct pipeline *p)
{
	return &p->committed;
}

uint64_t pipeline_sequence(const struct pipeline *p)
{
	return p->sequence;
}

void pipeline_set_sequence(struct pipeline *p, uint64_t sequence)
{
	require(pipeline_is_settled(p));
	p->sequence = sequence;
}

uint64_t pipeline_next_sequence(const struct pipeline *p)
{
	return p->sequence + p->n_ahead + 1;
}

bool pipeline_is_settled(const struct pipeline *p)
{
	return TAILQ_EMPTY(&p->commits);
}

bool pipeline_has_room(const struct pipeline *p)
{
	return p->n_ahead < ROOM && uv_now(p->loop) >= p->blocked_until_ms;
}

/* Takes back everything that is not confirmed, and tells everyone. */
static void take_back(struct pipeline *p, enum commit_outcome outcome)
{
	struct commits undone;
	struct commit *commit;

	TAILQ_INIT(&undone);
	while ((commit = TAILQ_LAST(&p->commits, commits))) {
		TAILQ_REMOVE(&p->commits, commit, link);
		TAILQ_INSERT_HEAD(&undone, commit, link);
		for (size_t i = commit->n_stored; i < commit->batch.n_edits; i++)
			flight_land(&commit->flights[i]);
		batch_undo(&commit->batch, p->catalog, commit->n_stored);
	}
	p->n_ahead = 0;
	p->handlers.undone(p->user);
	while ((commit = TAILQ_FIRST(&undone))) {
		bool is_unsent = outcome == COMMIT_UNKNOWN && !commit->was_sent;

		TAILQ_REMOVE(&undone, commit, link);
		commit->on_done(commit->user, is_unsent ? COMMIT_UNSENT : outcome,
				commit->n_stored);
		commit_free(commit);
	}
	p->handlers.settled(p->user);
}

static void conflict(struct pipeline *p)
{
	p->n_conflicts++;
	p->window = 1;
	p->blocked_until_ms = uv_now(p->loop) + CONFLICT_WAIT_MS;
	take_back(p, COMMIT_CONFLICT);
}

/* Everything under way is sent again later. */
static void rewind_all(struct pipeline *p)
{
	struct commit *commit;

	TAILQ_FOREACH(commit, &p->commits, link)
	{
		for (size_t i = commit->n_stored; i < commit->batch.n_edits; i++)
			flight_land(&commit->flights[i]);
	}
	p->paused_until_ms = uv_now(p->loop) + RESEND_WAIT_MS;
}

static void confirm_one(struct pipeline *p, struct commit *commit)
{
	struct flight *flight = &commit->flights[commit->n_stored++];
	const struct object *new = catalog_find_key(p->catalog, flight->edit->key);

	if (flight->sent)
		histogram_note(&p->committed, uv_now(p->loop) - flight->sent_ms);
	flight_land(flight);
	p->sequence = flight->sequence;
	p->n_ahead--;
	p->window = p->window * 2 < PIPELINE_WINDOW_MAX ? p->window * 2 : PIPELINE_WINDOW_MAX;
	if (new &&new->meta.resource_version != flight->sequence)
		new = NULL;
	p->handlers.confirmed(p->user, flight->sequence, flight->edit->old, new);
	object_free(TAKE(flight->edit->old)); /* no way back from here */
}

/* Commits that are wholly stored leave; so do empty ones that waited behind them. */
static void finish_stored(struct pipeline *p)
{
	struct commit *commit;

	while ((commit = TAILQ_FIRST(&p->commits)) && commit->n_stored == commit->batch.n_edits) {
		TAILQ_REMOVE(&p->commits, commit, link);
		commit->on_done(commit->user, COMMIT_STORED, commit->n_stored);
		commit_free(commit);
	}
	if (TAILQ_EMPTY(&p->commits))
		p->handlers.settled(p->user);
}

static void confirm_up_to(struct pipeline *p, uint64_t sequence)
{
	struct commit *commit;

	while ((commit = TAILQ_FIRST(&p->commits)) && p->sequence < sequence) {
		while (commit->n_stored < commit->batch.n_edits && p->sequence < sequence)
			confirm_one(p, commit);
		finish_stored(p);
	}
}

static void send_some(struct pipeline *p);

static bool on_ack(void *user, int outcome, const struct bus_message *message)
{
	struct flight *flight = user;
	struct pipeline *p = flight->pipeline;
	struct bucket_ack ack;

	flight->request = NULL; /* this was its last call */
	if (outcome < 0 || bucket_ack_parse(message->data, message->len, &ack) < 0) {
		rewind_all(p);
		return false;
	}
	if (ack.sequence == flight->sequence)
		confirm_up_to(p, ack.sequence);
	else if (ack.code && ack.code != BUCKET_WRONG_LAST_SEQUENCE &&
		 ack.code != BUCKET_WRONG_LAST_ID)
		rewind_all(p); /* no space, no leader: perhaps later, until patience ends */
	else
		conflict(p);
	send_some(p);
	return false;
}

static void flight_send(struct flight *flight, const char *previous_id)
{
	struct pipeline *p = flight->pipeline;
	const struct edit *edit = flight->edit;
	char subject[OBJECT_KEY_MAX + 16], expected[24];
	struct bus_header headers[5] = {
		{"Nats-Expected-Last-Sequence", expected},
		{"Nats-Msg-Id", flight->id},
		{"Ilb-Req", flight->id},
	};
	size_t n = 3;

	if (previous_id)
		headers[n++] = (struct bus_header){"Nats-Expected-Last-Msg-Id", previous_id};
	if (edit->removes)
		headers[n++] = (struct bus_header){"KV-Operation", "DEL"};
	(void)snprintf(subject, sizeof(subject), "$KV.ilb.%s", edit->key);
	(void)snprintf(expected, sizeof(expected), "%" PRIu64, flight->sequence - 1);
	if (bus_ask(p->bus, subject, headers, n, edit->bytes, edit->len, ANSWER_TIMEOUT_MS, on_ack,
		    flight, &flight->request) < 0)
		return; /* without memory: the next tick tries again */
	flight->sent = true;
	flight->sent_ms = uv_now(p->loop);
	p->n_in_flight++;
}

static void send_some(struct pipeline *p)
{
	const char *previous_id = NULL;
	struct commit *commit;

	if (uv_now(p->loop) < p->paused_until_ms)
		return;
	TAILQ_FOREACH(commit, &p->commits, link)
	{
		for (size_t i = commit->n_stored; i < commit->batch.n_edits; i++) {
			struct flight *flight = &commit->flights[i];

			if (!flight->sent && p->n_in_flight < p->window)
				flight_send(flight, previous_id);
			if (!flight->sent)
				return;
			commit->was_sent = true;
			previous_id = flight->id;
		}
	}
}

static int make_flights(struct pipeline *p, const struct batch *batch, struct commit *commit)
{
	size_t n = batch->n_edits;

	commit->flights = calloc(n ? n : 1, sizeof(*commit->flights));
	if (!commit->flights)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct flight *flight = &commit->flights[i];

		flight->pipeline = p;
		flight->edit = &batch->edits[i];
		flight->sequence = p->sequence + ++p->n_ahead;
		(void)snprintf(flight->id, sizeof(flight->id), "%.8s-%" PRIu64, p->run, ++p->n_ids);
	}
	return 0;
}

int pipeline_commit(struct pipeline *p, struct batch *batch, commit_fn *on_done, void *user)
{
	struct commit *commit = calloc(1, sizeof(*commit));

	if (!commit || make_flights(p, batch, commit) < 0) {
		free(commit);
		batch_undo(batch, p->catalog, 0);
		batch_deinit(batch);
		return -ENOMEM;
	}
	commit->batch = *batch;
	*batch = (struct batch){};
	commit->deadline_ms = uv_now(p->loop) + PIPELINE_PATIENCE_MS;
	commit->on_done = on_done;
	commit->user = user;
	TAILQ_INSERT_TAIL(&p->commits, commit, link);
	send_some(p);
	finish_stored(p);
	return 0;
}

static const struct flight *find_flight(const struct pipeline *p, uint64_t sequence)
{
	struct commit *commit;

	TAILQ_FOREACH(commit, &p->commits, link)
	{
		for (size_t i = commit->n_stored; i < commit->batch.n_edits; i++) {
			if (commit->flights[i].sequence == sequence)
				return &commit->flights[i];
		}
	}
	return NULL;
}

bool pipeline_on_record(struct pipeline *p, uint64_t sequence, const char *id)
{
	const struct flight *flight;

	if (sequence <= p->sequence)
		return true;
	flight = find_flight(p, sequence);
	if (flight && strcmp(flight->id, id) == 0) {
		confirm_up_to(p, sequence);
		send_some(p);
		return true;
	}
	if (!pipeline_is_settled(p))
		conflict(p);
	p->blocked_until_ms = 0;
	p->sequence = sequence;
	return false;
}

void pipeline_tick(struct pipeline *p)
{
	const struct commit *first = TAILQ_FIRST(&p->commits);

	if (first && uv_now(p->loop) >= first->deadline_ms) {
		take_back(p, COMMIT_UNKNOWN);
		p->handlers.silent(p->user, "JetStream has not acknowledged a write: is there a "
					    "quorum, and space on its disk?");
	} else {
		send_some(p);
	}
}
