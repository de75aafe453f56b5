/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

static void problem_deinit(struct problem *problem)
{
	free(problem->path);
	free(problem->value);
	free(problem->detail);
}

void problems_deinit(struct problems *problems)
{
	ARRAY_FOREACH(problem, problems->items, problems->n_items)
		problem_deinit(problem);
	free(problems->items);
	*problems = (struct problems){};
}

#define PATH_MAX_SHOWN 512 /* bytes; keys in it are the document's, and may be anything */

static char *copy_path(const char *path)
{
	char *copy = strndup(path, PATH_MAX_SHOWN);

	for (char *p = copy; p && *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return copy;
}

static bool problem_fill(struct problem *problem, const char *path, const char *value,
			 const char *detail_format, va_list ap)
{
	problem->path = copy_path(path);
	problem->value = value ? strdup(value) : NULL;
	if (vasprintf(&problem->detail, detail_format, ap) < 0)
		problem->detail = NULL;
	return problem->path && problem->detail && (problem->value || !value);
}

void problems_add(struct problems *problems, enum problem_type type, unsigned line,
		  const char *path, const char *value, const char *detail_format, ...)
{
	struct problem *problem = NULL;
	va_list ap;

	if (problems->n_items < PROBLEMS_MAX)
		problem = ARRAY_ADD(problems->items, problems->n_items);
	if (!problem) {
		problems->n_more++;
		return;
	}
	problem->type = type;
	problem->line = line;
	va_start(ap, detail_format);
	if (!problem_fill(problem, path, value, detail_format, ap)) {
		problem_deinit(problem);
		problems->n_items--;
		problems->n_more++;
	}
	va_end(ap);
}

bool problems_any(const struct problems *problems)
{
	return problems->n_items || problems->n_more;
}

static const char *type_text(enum problem_type type)
{
	switch (type) {
	case PROBLEM_REQUIRED:
		return "Required value";
	case PROBLEM_INVALID:
		return "Invalid value";
	case PROBLEM_UNSUPPORTED:
		return "Unsupported value";
	case PROBLEM_DUPLICATE:
		return "Duplicate value";
	case PROBLEM_FORBIDDEN:
		return "Forbidden";
	case PROBLEM_UNKNOWN:
		return "Unknown field";
	case PROBLEM_TOO_MANY:
		return "Too many";
	case PROBLEM_SYNTAX:
		return NULL;
	}
	return NULL;
}

static void problem_format(const struct problem *problem, struct text *text)
{
	size_t before = text->len;

	if (*problem->path)
		text_add(text, problem->path);
	if (type_text(problem->type))
		text_addf(text, "%s%s", text->len > before ? ": " : "", type_text(problem->type));
	if (problem->value)
		text_addf(text, ": %s", problem->value);
	if (*problem->detail)
		text_addf(text, "%s%s", text->len > before ? ": " : "", problem->detail);
	if (problem->line)
		text_addf(text, " (line %u)", problem->line);
	text_add(text, "\n");
}

void problems_format(const struct problems *problems, struct text *text)
{
	ARRAY_FOREACH(problem, problems->items, problems->n_items)
		problem_format(problem, text);
	if (problems->n_more)
		text_addf(text, "and %zu more\n", problems->n_more);
}
