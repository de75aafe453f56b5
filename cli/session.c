/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "base/array.h"
#include "base/conceal.h"
#include "base/require.h"
#include "base/text.h"
#include "messages/codec.h"

#define SLOW_MS    1000
#define EVENTS_MAX 4096 /* waiting to be printed; further ones make the reader look again */

struct session {
	uv_loop_t loop;
	uv_timer_t timer, slow;
	const char *waited_for;
	struct bus *bus;
	struct bus_subscription *events;
	char refused[256]; /* what the server said last */
	bool timed_out, answered, overflow;
	int outcome;
	json_t *answer;
	json_t *waiting[EVENTS_MAX];
	size_t first, n_waiting;
};

static void on_event(void *user, enum bus_event event, const char *sentence)
{
	struct session *session = user;

	switch (event) {
	case BUS_REFUSED:
		(void)snprintf(session->refused, sizeof(session->refused), "%s", sentence ?: "");
		break;
	case BUS_DISCONNECTED:
	case BUS_LAGGED:
		session->overflow = true;
		break;
	case BUS_CONNECTED:
	case BUS_UNREACHED:
		break;
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct session *session = timer->data;

	session->timed_out = true;
}

static void on_slow(uv_timer_t *timer)
{
	struct session *session = timer->data;

	(void)fprintf(stderr, "waiting for %s ...\n", session->waited_for);
}

/* Runs the loop until `*until`, or for `timeout_ms`. Return: 0, -ETIMEDOUT. */
static int run_until(struct session *session, bool (*done)(struct session *session),
		     uint64_t timeout_ms)
{
	session->timed_out = false;
	if (timeout_ms != UINT64_MAX)
		require(uv_timer_start(&session->timer, on_timer, timeout_ms, 0) == 0);
	while (!done(session) && !session->timed_out)
		(void)uv_run(&session->loop, UV_RUN_ONCE); /* says only whether handles are left */
	require(uv_timer_stop(&session->timer) == 0);
	return done(session) ? 0 : -ETIMEDOUT;
}

/* As run_until(); whoever looks at a terminal is told once what is waited for. */
static int wait_for(struct session *session, const char *what,
		    bool (*done)(struct session *session), uint64_t timeout_ms)
{
	int r;

	session->waited_for = what;
	if (isatty(STDERR_FILENO))
		require(uv_timer_start(&session->slow, on_slow, SLOW_MS, 0) == 0);
	r = run_until(session, done, timeout_ms);
	require(uv_timer_stop(&session->slow) == 0);
	return r;
}

static bool is_connected(struct session *session)
{
	return bus_is_connected(session->bus);
}

static int error_unreached(const struct bus_options *options, const char *why, int r,
			   struct error *err)
{
	auto_free char *servers = strdup(options->servers ?: "nats://127.0.0.1:4222");

	conceal_passwords(servers);
	return error_set(err, r, "cannot reach NATS at %s%s%s", servers ?: "", *why ? ": " : "",
			 why);
}

int session_open(const struct bus_options *options, uint64_t timeout_ms,
		 struct session **ret_session, struct error *err)
{
	struct session *session;
	int r;

	session = calloc(1, sizeof(*session));
	if (!session)
		return error_set(err, -ENOMEM, "out of memory");
	require(uv_loop_init(&session->loop) == 0);
	require(uv_timer_init(&session->loop, &session->timer) == 0);
	require(uv_timer_init(&session->loop, &session->slow) == 0);
	session->timer.data = session->slow.data = session;
	r = bus_new(&session->loop, options, on_event, session, &session->bus, err);
	if (r == 0) {
		r = wait_for(session, "NATS", is_connected, timeout_ms);
		if (r < 0)
			r = error_unreached(options, session->refused, r, err);
	}
	if (r < 0) {
		session_close(session);
		return r;
	}
	*ret_session = session;
	return 0;
}

void session_close(struct session *session)
{
	if (!session)
		return;
	if (session->bus)
		bus_close(session->bus);
	uv_close((uv_handle_t *)&session->timer, NULL);
	uv_close((uv_handle_t *)&session->slow, NULL);
	while (uv_run(&session->loop, UV_RUN_DEFAULT))
		continue;
	require(uv_loop_close(&session->loop) == 0);
	for (; session->n_waiting; session->n_waiting--)
		json_decref(session->waiting[session->first++ % EVENTS_MAX]);
	json_decref(session->answer);
	free(session);
}

static bool on_reply(void *user, int outcome, const struct bus_message *message)
{
	struct session *session = user;

	session->answered = true;
	session->outcome = outcome;
	if (outcome == 0)
		session->answer = json_loadb(message->data, message->len, 0, NULL);
	return false;
}

static bool is_answered(struct session *session)
{
	return session->answered;
}

static int explain_outcome(const struct session *session, int outcome, struct error *err)
{
	switch (outcome) {
	case 0:
		return error_set(err, -EBADMSG, "the answer is not one of an ilb-allocator");
	case -ENOENT:
		return error_set(err, outcome, "no ilb-allocator is connected to this NATS server");
	case -ETIMEDOUT:
		return error_set(err, outcome, "no answer from ilb-allocator%s%s",
				 *session->refused ? ": " : "", session->refused);
	default:
		return error_errno(err, outcome, "the request was not answered");
	}
}

int session_ask(struct session *session, enum api_verb verb, const char *name_space,
		const struct bus_header *headers, size_t n_headers, const char *body, size_t len,
		json_t **ret_answer, struct error *err)
{
	struct bus_header all[8] = {{"Accept", "application/json"}};
	char subject[SUBJECT_MAX];
	int r;

	require(n_headers < 8);
	for (size_t i = 0; i < n_headers; i++)
		all[i + 1] = headers[i];
	session->answered = false;
	r = bus_ask(session->bus,
		    name_space ? subject_api(subject, verb, name_space) : SUBJECT_NODES, all,
		    n_headers + 1, body, len, SESSION_TIMEOUT_MS, on_reply, session, NULL);
	if (r < 0)
		return error_errno(err, r, "cannot ask");
	r = wait_for(session, "an answer", is_answered,
		     UINT64_MAX); /* bus_ask has its own timeout */
	require(r == 0);
	if (!session->answer)
		return explain_outcome(session, session->outcome, err);
	*ret_answer = TAKE(session->answer);
	return 0;
}

struct gathering {
	struct session *session;
	json_t *answers;
	size_t most;
};

static bool on_gathered(void *user, int outcome, const struct bus_message *message)
{
	struct gathering *gathering = user;

	gathering->session->outcome = outcome;
	if (outcome == 0)
		(void)json_array_append_new(gathering->answers,
					    json_loadb(message->data, message->len, 0, NULL));
	gathering->session->answered =
		outcome < 0 || json_array_size(gathering->answers) >= gathering->most;
	return !gathering->session->answered;
}

int session_gather(struct session *session, const char *subject, const char *body,
		   uint64_t quiet_ms, size_t most, json_t **ret_answers, struct error *err)
{
	auto_call(json_decrefp) json_t *answers = json_array();
	struct gathering gathering = {.session = session, .answers = answers, .most = most};
	int r;

	session->answered = false;
	r = bus_ask(session->bus, subject, NULL, 0, body, body ? strlen(body) : 0, quiet_ms,
		    on_gathered, &gathering, NULL);
	if (r < 0)
		return error_errno(err, r, "cannot ask");
	r = wait_for(session, "an answer", is_answered, UINT64_MAX);
	require(r == 0);
	if (json_array_size(answers) == 0)
		return explain_outcome(session, session->outcome, err);
	*ret_answers = TAKE(answers);
	return 0;
}

static bool is_never(struct session *session)
{
	(void)session;
	return false;
}

void session_pause(struct session *session, uint64_t ms)
{
	(void)run_until(session, is_never, ms); /* -ETIMEDOUT is what was wanted */
}

/* A snapshot on its way: its parts, in order, become one array. */
struct snapshot {
	struct session *session;
	struct desired_lb **lbs;
	size_t n_lbs;
	uint32_t n_parts;
	int outcome;
	struct error *err;
};

static int take_lbs(struct snapshot *snapshot, struct desired *part)
{
	for (size_t i = 0; i < part->n_lbs; i++) {
		struct desired_lb **lb = ARRAY_ADD(snapshot->lbs, snapshot->n_lbs);

		if (!lb)
			return error_set(snapshot->err, -ENOMEM, "out of memory");
		*lb = TAKE(part->lbs[i]);
	}
	return 0;
}

static int take_part(struct snapshot *snapshot, const struct bus_message *message, bool *ret_last)
{
	auto_call(desired_freep) struct desired *part = NULL;
	const char *code = bus_message_header(message, "Nats-Service-Error-Code");
	int r;

	if (code)
		return error_set(snapshot->err, -EAGAIN, "the allocator answered %s: %s", code,
				 bus_message_header(message, "Nats-Service-Error") ?: "");
	r = desired_unpack(message->data, message->len, &part, snapshot->err);
	if (r < 0)
		return r;
	if (part->part != ++snapshot->n_parts)
		return error_set(snapshot->err, -EBADMSG, "a part of the snapshot was lost");
	*ret_last = part->part == part->n_parts;
	return take_lbs(snapshot, part);
}

static bool on_part(void *user, int outcome, const struct bus_message *message)
{
	struct snapshot *snapshot = user;
	bool last = true;

	if (outcome == 0)
		snapshot->outcome = take_part(snapshot, message, &last);
	else
		snapshot->outcome = explain_outcome(snapshot->session, outcome, snapshot->err);
	snapshot->session->answered = last || snapshot->outcome < 0;
	return !snapshot->session->answered;
}

int session_snapshot(struct session *session, const char *net, struct desired_lb ***ret_lbs,
		     size_t *ret_n_lbs, struct error *err)
{
	struct snapshot snapshot = {.session = session, .err = err};
	char subject[SUBJECT_MAX];
	int r;

	session->answered = false;
	r = bus_ask(session->bus, subject_snap(subject, "ilb-cli", net), NULL, 0, NULL, 0,
		    SESSION_TIMEOUT_MS, on_part, &snapshot, NULL);
	if (r < 0)
		return error_errno(err, r, "cannot ask");
	r = wait_for(session, "an answer", is_answered, UINT64_MAX);
	require(r == 0);
	if (snapshot.outcome < 0) {
		while (snapshot.n_lbs)
			desired_lb_free(snapshot.lbs[--snapshot.n_lbs]);
		free(snapshot.lbs);
		return snapshot.outcome;
	}
	*ret_lbs = snapshot.lbs;
	*ret_n_lbs = snapshot.n_lbs;
	return 0;
}

static void on_object_event(void *user, const struct bus_message *message)
{
	struct session *session = user;
	json_t *event;

	if (session->n_waiting == EVENTS_MAX) {
		session->overflow = true;
		return;
	}
	event = json_loadb(message->data, message->len, 0, NULL);
	if (event)
		session->waiting[(session->first + session->n_waiting++) % EVENTS_MAX] = event;
}

int session_follow(struct session *session, const char *name_space, const char *kind,
		   const char *name, struct error *err)
{
	char subject[SUBJECT_MAX];

	return bus_subscribe(session->bus,
			     subject_event(subject, name_space, kind ?: "*", name ?: "*"), NULL,
			     on_object_event, session, &session->events, err);
}

int session_follow_log(struct session *session, const char *name_space, const char *kind,
		       const char *name, struct error *err)
{
	char subject[SUBJECT_MAX];

	return bus_subscribe(session->bus,
			     subject_log(subject, name_space, kind ?: "*", name ?: "*"), NULL,
			     on_object_event, session, &session->events, err);
}

static bool has_event(struct session *session)
{
	return session->n_waiting > 0 || session->overflow;
}

int session_next_event(struct session *session, uint64_t timeout_ms, json_t **ret_event)
{
	int r = run_until(session, has_event, timeout_ms);

	if (r < 0)
		return r;
	if (session->overflow) {
		session->overflow = false;
		return -EOVERFLOW;
	}
	*ret_event = session->waiting[session->first];
	session->first = (session->first + 1) % EVENTS_MAX;
	session->n_waiting--;
	return 0;
}
