/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "ipam/problem.h"

/*
 * An answer to people: a first line that says all, a line for each object, the objects. Pure.
 *
 * As text:
 *	ok 2 objects: 1 created, 1 unchanged
 *	network/my-network unchanged
 *	loadbalancer/my-loadbalancer created
 *	---
 *	apiVersion: ...
 * and `error: <code> <reason>` when it failed. get and list have the objects right behind the first
 * line. As JSON, one document:
 *	{"ok": true, "code": 200, "reason": "2 objects: ...",
 *	 "results": [{"object": "loadbalancer/my-loadbalancer", "outcome": "created"},
 *	             {"object": "...", "outcome": "refused", "problems": ["spec.ports: ..."]}],
 *	 "items": [{...}], "continue": "TOKEN"}
 */

#define ANSWER_ITEMS_MAX (512U << 10) /* bytes of objects; a NATS message takes 1 MiB */

struct answer {
	int code; /* HTTP's */
	char reason[512];
	json_t *results, *items; /* arrays; NULL: none */
	size_t items_size;       /* estimate, in bytes */
	size_t n_left_out;       /* items that had no room */
	char *more;              /* continue token; NULL: that was all */
	bool is_dry_run;         /* lines of results say so */
	bool failed;             /* out of memory */
};

void answer_deinit(struct answer *answer);

static inline bool answer_is_ok(const struct answer *answer)
{
	return answer->code < 300;
}

void answer_set(struct answer *answer, int code, const char *format, ...) printf_like(3, 4);

/* @outcome: a word. @problems: NULL where there is none. */
void answer_add_result(struct answer *answer, const char *title, const char *outcome,
		       const struct problems *problems);

/*
 * Takes `item`; one that is NULL is out of memory.
 * Return: false when there is no room: the item is only counted.
 */
bool answer_add_item(struct answer *answer, json_t *item);

/* Return: 0, -ENOMEM. */
must_check int answer_format(const struct answer *answer, bool json, struct text *text);
