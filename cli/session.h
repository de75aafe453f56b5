/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/arguments.h"
#include "messages/bus.h"
#include "messages/desired.h"
#include "messages/subjects.h"

/*
 * A conversation with the allocators: one connection, requests one after the other, events of
 * objects. Blocks its caller, which has nothing else to do.
 */
struct session;

#define SESSION_TIMEOUT_MS 5000 /* natscli's */

/* Connects. Return: 0, -ETIMEDOUT, -EINVAL, -ENOMEM. */
must_check int session_open(const struct bus_options *options, uint64_t timeout_ms,
			    struct session **ret_session, struct error *err);
void session_close(struct session *session);
AUTO_DEFINE(struct session, session_close);

/*
 * Asks the allocators and waits for the answer, docs/wire.md's JSON form.
 * @name_space: NULL with API_LIST: SUBJECT_NODES is asked.
 * @headers: at most seven.
 * @ret_answer: a new reference; also set when the allocator refused, which is no error here.
 * Return: 0, -ETIMEDOUT, -ENOENT (no allocator), -ENOTCONN, -EBADMSG (not an answer), -ENOMEM.
 */
must_check int session_ask(struct session *session, enum api_verb verb, const char *name_space,
			   const struct bus_header *headers, size_t n_headers, const char *body,
			   size_t len, json_t **ret_answer, struct error *err);

/*
 * Asks whoever serves a subject, and collects their answers, which are JSON.
 * @body: NULL: empty.
 * @quiet_ms: no more are waited for after so much silence.
 * @most: nor after so many.
 * @ret_answers: an array, a new reference.
 * Return: as session_ask(), where the first has not come.
 */
must_check int session_gather(struct session *session, const char *subject, const char *body,
			      uint64_t quiet_ms, size_t most, json_t **ret_answers,
			      struct error *err);

/* Lets time pass; the connection is looked after meanwhile. */
void session_pause(struct session *session, uint64_t ms);

/*
 * Asks for all of the desired state of a Network, as agents do.
 * @net: its token.
 * @ret_lbs: the caller frees each and the array.
 * Return: as session_ask(), and -EBADMSG.
 */
must_check int session_snapshot(struct session *session, const char *net,
				struct desired_lb ***ret_lbs, size_t *ret_n_lbs, struct error *err);

/*
 * Follows the events of objects.
 * @kind, @name: NULL for all of them; @name_space: "*" for all.
 * Return: 0, -EINVAL, -ENOMEM.
 */
must_check int session_follow(struct session *session, const char *name_space, const char *kind,
			      const char *name, struct error *err);

/* The same for what has happened to them: `ilb events`. */
must_check int session_follow_log(struct session *session, const char *name_space, const char *kind,
				  const char *name, struct error *err);

/*
 * Waits for the next event, {"type": .., "object": ..}.
 * @timeout_ms: UINT64_MAX waits for ever.
 * Return: 0, -ETIMEDOUT, -EOVERFLOW (events were lost, or the connection was: look again).
 */
must_check int session_next_event(struct session *session, uint64_t timeout_ms, json_t **ret_event);
