/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include <string.h>

#include "cli/answer.h"

/* Allocators from before SUBJECT_NODES refuse it; they tell all nodes in any namespace. */
static bool is_unknown(const json_t *answer)
{
	return json_integer_value(json_object_get(answer, "code")) == 400 &&
	       strstr(json_text(answer, "reason"), "no such subject");
}

enum exit_status fetch_list(struct session *session, const struct arguments *arguments,
			    const char *what, json_t *items, struct error *err)
{
	auto_call(json_decrefp) json_t *answer = NULL;
	const char *next = "";

	do {
		struct bus_header headers[2];
		size_t n_headers = 0;
		json_t *page = NULL;
		enum exit_status status;

		if (arguments->selector)
			headers[n_headers++] =
				(struct bus_header){"Ilb-Selector", arguments->selector};
		if (*next)
			headers[n_headers++] = (struct bus_header){"Ilb-Continue", next};
		if (session_ask(session, API_LIST, what ? arguments->name_space : NULL, headers,
				n_headers, what, what ? strlen(what) : 0, &page, err) < 0)
			return EXIT_FAILED;
		json_decref(answer);
		answer = page; /* `next` points into it */
		if (!what && is_unknown(answer))
			return fetch_list(session, arguments, "nodes", items, err);
		status = answer_take_items(answer, items, err);
		if (status != EXIT_DONE)
			return status;
		next = json_text(answer, "continue");
	} while (*next);
	return EXIT_DONE;
}
