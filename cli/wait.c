/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/text.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/reference.h"
#include "cli/session.h"

#define WAIT_DEFAULT_MS 30000
#define WAIT_LOOK_MS    2000 /* look again after so much silence: an event may have been lost */
#define WAIT_QUIET_MS   1000 /* before a person is told what is waited for */

enum goal { GOAL_READY, GOAL_DELETED };

static const json_t *find_condition(const json_t *object, const char *type)
{
	const json_t *conditions = json_object_get(json_object_get(object, "status"), "conditions");

	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *condition = json_array_get(conditions, i);

		if (text_equal(json_text(condition, "type"), type))
			return condition;
	}
	return NULL;
}

/* Ready, and for the object as it is now, not as it was before the last change. */
static bool is_ready(const json_t *object)
{
	const json_t *ready = find_condition(object, "Ready");
	const json_t *observed =
		json_object_get(json_object_get(object, "status"), "observedGeneration");
	const json_t *generation =
		json_object_get(json_object_get(object, "metadata"), "generation");

	return ready && text_equal(json_text(ready, "status"), "True") &&
	       json_integer_value(observed) >= json_integer_value(generation);
}

static int parse_goal(const char *text, enum goal *ret_goal)
{
	char lower[32];

	(void)snprintf(lower, sizeof(lower), "%s", text ?: "");
	for (char *p = lower; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	if (text_equal(lower, "ready") || text_equal(lower, "condition=ready"))
		*ret_goal = GOAL_READY;
	else if (text_equal(lower, "deleted") || text_equal(lower, "delete"))
		*ret_goal = GOAL_DELETED;
	else
		return -EINVAL;
	return 0;
}

/* Looks once. Return: 1 reached, 0 not yet, <0 failed. `why` keeps what is still missing. */
static int look(struct session *session, const char *name_space, const struct reference *reference,
		enum goal goal, char why[static 512], struct error *err)
{
	auto_call(json_decrefp) json_t *answer = NULL;
	const json_t *object, *ready;
	int r;

	r = session_ask(session, API_GET, name_space, NULL, 0, reference->path,
			strlen(reference->path), &answer, err);
	if (r < 0)
		return r;
	if (json_integer_value(json_object_get(answer, "code")) == 404) {
		(void)snprintf(why, 512, "it does not exist");
		return goal == GOAL_DELETED;
	}
	if (!json_is_true(json_object_get(answer, "ok")))
		return error_set(err, -EIO, "%s", json_text(answer, "reason"));
	if (goal == GOAL_DELETED) {
		(void)snprintf(why, 512, "it still exists");
		return 0;
	}
	object = json_array_get(json_object_get(answer, "items"), 0);
	ready = find_condition(object, "Ready");
	(void)snprintf(why, 512, "%s", ready ? json_text(ready, "message") : "no status yet");
	return is_ready(object);
}

/* Whoever looks at a terminal is told what is missing, again when it is something else. */
static void tell(const char *path, const char *why, char told[static 512])
{
	if (!*why || text_equal(why, told) || !isatty(STDERR_FILENO))
		return;
	(void)fprintf(stderr, "waiting for %s: %s ...\n", path, why);
	(void)snprintf(told, 512, "%s", why);
}

static enum exit_status wait_for(struct session *session, const struct arguments *arguments,
				 const struct reference *reference, enum goal goal,
				 struct error *err)
{
	uint64_t timeout_ms = arguments->timeout_ms ?: WAIT_DEFAULT_MS;
	uint64_t begin = uv_hrtime() / 1000000, end = begin + timeout_ms;
	char why[512] = "", told[512] = "";

	for (;;) {
		auto_call(json_decrefp) json_t *event = NULL;
		int r = look(session, arguments->name_space, reference, goal, why, err);
		uint64_t now = uv_hrtime() / 1000000;

		if (r < 0 && now < end && r != -EIO)
			*err->text = '\0'; /* allocators come and go; the last look decides */
		else if (r < 0)
			return EXIT_FAILED;
		if (r > 0) {
			printf("%s %s\n", reference->path,
			       goal == GOAL_READY ? "ready" : "deleted");
			return EXIT_DONE;
		}
		if (now >= end) {
			(void)error_set(err, 0, "%s: %s after %llu ms: %s", reference->path,
					goal == GOAL_READY ? "not ready" : "not deleted",
					(unsigned long long)timeout_ms, why);
			return EXIT_PENDING;
		}
		if (now - begin >= WAIT_QUIET_MS)
			tell(reference->path, why, told);
		/* Whatever comes, an event, silence or a loss: look again. */
		if (session_next_event(session, end - now < WAIT_LOOK_MS ? end - now : WAIT_LOOK_MS,
				       &event) < 0)
			continue;
	}
}

enum exit_status command_wait(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(references_deinit) struct references references = {};
	enum goal goal;

	if (parse_goal(arguments->wait_for, &goal) < 0) {
		(void)error_set(err, 0, "wait needs --for=ready or --for=deleted");
		return EXIT_USAGE;
	}
	if (references_parse(arguments->words, arguments->n_words, &references, err) < 0)
		return EXIT_USAGE;
	if (references.n_items == 0) {
		(void)error_set(err, 0, "wait takes 'KIND/NAME...' or 'KIND NAME...'");
		return EXIT_USAGE;
	}
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0 ||
	    session_follow(session, arguments->name_space, NULL, NULL, err) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < references.n_items; i++) {
		enum exit_status status =
			wait_for(session, arguments, &references.items[i], goal, err);

		if (status != EXIT_DONE)
			return status;
	}
	return EXIT_DONE;
}
