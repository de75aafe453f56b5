/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/reference.h"
#include "cli/session.h"

/* "events", or those for one object. */
static int what_of(const struct arguments *arguments, struct references *references,
		   char what[static 512], struct error *err)
{
	const char *about = arguments->wait_for;
	int r;

	(void)snprintf(what, 512, "events");
	if (!about)
		return 0;
	r = references_parse(&about, 1, references, err);
	if (r < 0)
		return r;
	if (references->n_items != 1)
		return error_set(err, -EINVAL, "--for takes KIND/NAME, as in loadbalancer/web");
	(void)snprintf(what, 512, "events for=%s", references->items[0].path);
	return 0;
}

/* Prints what happens until it is interrupted. */
static enum exit_status follow(struct session *session, const struct arguments *arguments,
			       struct error *err)
{
	for (;;) {
		auto_call(json_decrefp) json_t *event = NULL;
		auto_call(json_decrefp) json_t *rows = NULL;
		int r = session_next_event(session, UINT64_MAX, &event);

		if (r == -EOVERFLOW)
			(void)fprintf(stderr, "ilb: some events were lost\n");
		rows = r == 0 ? json_pack("[O]", event) : NULL;
		if (rows)
			print_happening(event, rows, arguments->output);
		*err->text = '\0'; /* a lost connection comes back */
		if (fflush(stdout) != 0)
			return EXIT_FAILED;
	}
}

static int subscribe(struct session *session, const struct arguments *arguments,
		     const struct references *references, struct error *err)
{
	const struct reference *one = references->n_items ? &references->items[0] : NULL;

	return session_follow_log(session, arguments->name_space,
				  one ? kind_token(one->kind) : NULL, one ? one->name : NULL, err);
}

enum exit_status command_events(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(references_deinit) struct references references = {};
	auto_call(json_decrefp) json_t *items = json_array();
	char what[512];

	if (arguments->n_words) {
		(void)error_set(err, 0, "events takes no operands: --for KIND/NAME chooses");
		return EXIT_USAGE;
	}
	if (what_of(arguments, &references, what, err) < 0)
		return EXIT_USAGE;
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	if (arguments->watch && subscribe(session, arguments, &references, err) < 0)
		return EXIT_FAILED;
	if (fetch_list(session, arguments, what, items, err) != EXIT_DONE)
		return EXIT_FAILED;
	print_rows(items, items, PRINT_EVENTS, arguments->output);
	if (!arguments->watch)
		return EXIT_DONE;
	if (fflush(stdout) != 0)
		return EXIT_FAILED;
	return follow(session, arguments, err);
}
