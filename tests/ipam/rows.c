/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ipam/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "tests/support/cmocka.h"

static void read_body(const char *kind, const char *body, struct documents *documents)
{
	auto_call(text_deinit) struct text manifest = {};
	enum kind known = KIND_LOAD_BALANCER;

	if (kind_parse(kind, &known) < 0)
		known = KIND_LOAD_BALANCER; /* one that is not served */
	text_addf(&manifest, "apiVersion: %s\nkind: %s\n%s\n", kind_api_version(known), kind, body);
	assert_int_equal(documents_read(manifest.bytes, manifest.len, NULL, documents), 0);
	if (documents->n_items != 1)
		fail_msg("%zu documents of '%s'", documents->n_items, body);
}

bool problems_have(const struct problems *problems, enum problem_type type, const char *path)
{
	ARRAY_FOREACH(problem, problems->items, problems->n_items) {
		if (problem->type == type && strcmp(problem->path, path) == 0)
			return true;
	}
	return false;
}

static bool is_as_expected(const struct row *row, const struct problems *problems)
{
	switch (row->expect) {
	case HAS:
		return problems_have(problems, row->type, row->path);
	case HAS_NOT:
		return !problems_have(problems, row->type, row->path);
	case CLEAN:
		return !problems_any(problems);
	}
	return false;
}

void check_row(const struct row *row)
{
	auto_call(documents_deinit) struct documents documents = {};
	auto_call(text_deinit) struct text text = {};

	read_body(row->kind, row->body, &documents);
	problems_format(&documents.items[0].problems, &text);
	if (!is_as_expected(row, &documents.items[0].problems))
		fail_msg("%s: expected %s %s, got:\n%s", row->id,
			 row->expect == CLEAN ? "nothing"
			 : row->expect == HAS ? ""
					      : "no",
			 row->path ? row->path : "", text.len ? text.bytes : "nothing");
	ARRAY_FOREACH(problem, documents.items[0].problems.items,
		      documents.items[0].problems.n_items) {
		if (problem->line == 0)
			fail_msg("%s: a problem has no line:\n%s", row->id, text.bytes);
	}
}

struct object *object_from(const char *kind, const char *body)
{
	auto_call(documents_deinit) struct documents documents = {};
	auto_call(text_deinit) struct text text = {};

	read_body(kind, body, &documents);
	problems_format(&documents.items[0].problems, &text);
	if (!documents.items[0].object)
		fail_msg("'%s' is refused:\n%s", body, text.len ? text.bytes : "");
	return TAKE(documents.items[0].object);
}

char *complaints(const char *manifest)
{
	auto_call(documents_deinit) struct documents documents = {};
	struct text text = {};
	char *bytes;

	assert_int_equal(documents_read(manifest, strlen(manifest), NULL, &documents), 0);
	ARRAY_FOREACH(document, documents.items, documents.n_items)
		problems_format(&document->problems, &text);
	assert_int_equal(text_take(&text, &bytes, NULL), 0);
	return bytes;
}
