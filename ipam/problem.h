/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "base/text.h"

/*
 * Everything that is wrong with a document, in Kubernetes' wording and with its line:
 *	spec.ports[1].port: Invalid value: 70000: must be between 1 and 65535 (line 23)
 */

enum problem_type {
	PROBLEM_REQUIRED,    /* "Required value" */
	PROBLEM_INVALID,     /* "Invalid value: <value>" */
	PROBLEM_UNSUPPORTED, /* "Unsupported value: <value>" */
	PROBLEM_DUPLICATE,   /* "Duplicate value: <value>" */
	PROBLEM_FORBIDDEN,   /* "Forbidden" */
	PROBLEM_UNKNOWN,     /* "Unknown field" */
	PROBLEM_TOO_MANY,    /* "Too many: <value>" */
	PROBLEM_SYNTAX,      /* not a document at all; only the detail is printed */
};

struct problem {
	enum problem_type type;
	unsigned line; /* 1..; 0: unknown */
	char *path;    /* "spec.ports[1].port" */
	char *value;   /* as JSON, for the types that show one; else NULL */
	char *detail;  /* what to do */
};

#define PROBLEMS_MAX 100 /* of one document; further ones are only counted */

struct problems {
	struct problem *items;
	size_t n_items;
	size_t n_more; /* beyond PROBLEMS_MAX, or lost without memory */
};

void problems_deinit(struct problems *problems);

/* Adds one. `value` may be NULL. Everything is copied. */
void problems_add(struct problems *problems, enum problem_type type, unsigned line,
		  const char *path, const char *value, const char *detail_format, ...)
	printf_like(6, 7);

/* True when there is any. */
bool problems_any(const struct problems *problems);

/* Writes one line each, as above. */
void problems_format(const struct problems *problems, struct text *text);
