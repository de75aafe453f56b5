/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ipam/document.h"

void answer_deinit(struct answer *answer)
{
	json_decref(answer->results);
	json_decref(answer->items);
	free(answer->more);
	*answer = (struct answer){};
}

void answer_set(struct answer *answer, int code, const char *format, ...)
{
	va_list ap;

	answer->code = code;
	va_start(ap, format);
	(void)vsnprintf(answer->reason, sizeof(answer->reason), format, ap);
	va_end(ap);
	for (char *p = answer->reason; *p; p++) { /* it is a line, and a header */
		if ((unsigned char)*p < ' ')
			*p = ' ';
	}
}

static void append(struct answer *answer, json_t **array, json_t *item)
{
	if (!*array)
		*array = json_array();
	if (json_array_append_new(*array, item) < 0) /* takes `item` even then */
		answer->failed = true;
}

/* One string for each problem. */
static json_t *problem_lines(const struct problems *problems)
{
	json_t *lines = json_array();
	struct text text = {};
	char *line, *rest = NULL;

	problems_format(problems, &text);
	for (line = text.bytes ? strtok_r(text.bytes, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (json_array_append_new(lines, json_string(line)) < 0)
			break; /* a problem that is not UTF-8, or no memory: the first tell enough */
	}
	text_deinit(&text);
	return lines;
}

void answer_add_result(struct answer *answer, const char *title, const char *outcome,
		       const struct problems *problems)
{
	json_t *result = json_pack("{s:s, s:s}", "object", title, "outcome", outcome);

	if (problems && problems_any(problems) &&
	    json_object_set_new(result, "problems", problem_lines(problems)) < 0)
		answer->failed = true;
	append(answer, &answer->results, result);
}

bool answer_add_item(struct answer *answer, json_t *item)
{
	size_t size = json_dumpb(item, NULL, 0, JSON_COMPACT);

	/* The same as YAML is indented instead of bracketed: a third more is a safe guess. */
	size += size / 3;
	if (json_array_size(answer->items) && answer->items_size + size > ANSWER_ITEMS_MAX) {
		json_decref(item);
		answer->n_left_out++;
		return false;
	}
	answer->items_size += size;
	append(answer, &answer->items, item);
	return true;
}

static void add_result(const struct answer *answer, const json_t *result, struct text *text)
{
	const char *title = json_string_value(json_object_get(result, "object"));
	const json_t *problems = json_object_get(result, "problems");

	if (!problems)
		text_addf(text, "%s %s%s\n", title,
			  json_string_value(json_object_get(result, "outcome")),
			  answer->is_dry_run ? " (dry run)" : "");
	for (size_t i = 0; i < json_array_size(problems); i++)
		text_addf(text, "%s: %s\n", title, json_string_value(json_array_get(problems, i)));
}

static int add_items(const struct answer *answer, struct text *text)
{
	for (size_t i = 0; i < json_array_size(answer->items); i++) {
		if (i || answer->results)
			text_add(text, "---\n");
		if (yaml_from_json(json_array_get(answer->items, i), text) < 0)
			return -ENOMEM;
	}
	if (answer->n_left_out && !answer->more)
		text_addf(text, "# %zu more objects are not shown\n", answer->n_left_out);
	return 0;
}

static int format_text(const struct answer *answer, struct text *text)
{
	if (!answer_is_ok(answer))
		text_addf(text, "error: %d %s\n", answer->code, answer->reason);
	else if (answer->more)
		text_addf(text, "ok %s, more with continue=%s\n", answer->reason, answer->more);
	else
		text_addf(text, "ok %s\n", answer->reason);
	for (size_t i = 0; i < json_array_size(answer->results); i++)
		add_result(answer, json_array_get(answer->results, i), text);
	return add_items(answer, text);
}

static int format_json(const struct answer *answer, struct text *text)
{
	auto_free char *dump = NULL;
	json_t *json = json_pack("{s:b, s:i, s:s}", "ok", answer_is_ok(answer), "code",
				 answer->code, "reason", answer->reason);

	if (json && answer->results)
		(void)json_object_set(json, "results", answer->results);
	if (json)
		(void)json_object_set_new(
			json, "items", answer->items ? json_incref(answer->items) : json_array());
	if (json && answer->more)
		(void)json_object_set_new(json, "continue", json_string(answer->more));
	dump = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!dump)
		return -ENOMEM;
	text_addf(text, "%s\n", dump);
	return 0;
}

int answer_format(const struct answer *answer, bool json, struct text *text)
{
	int r = answer->failed ? -ENOMEM : 0;

	if (r == 0)
		r = json ? format_json(answer, text) : format_text(answer, text);
	return r < 0 || text->failed ? -ENOMEM : 0;
}
