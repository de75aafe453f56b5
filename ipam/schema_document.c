/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ipam/document.h"
#include "ipam/schema.h"

/* The table as Markdown: the body of docs/api.md. */

/* A '|' would end the cell. */
static void add_cell(const char *words, struct text *text)
{
	for (; *words; words++) {
		if (*words == '|')
			text_add(text, "\\");
		text_add_bytes(text, words, 1);
	}
}

static bool is_said_alike(const struct field *a, const struct field *b)
{
	return b->name && a->type == b->type && strcmp(a->doc, b->doc) == 0 &&
	       (a->type == FIELD_IGNORED || a->type == FIELD_REFUSED);
}

/* One row for fields in a row of which the same is said. Gives the last of them. */
static const struct field *add_row(const struct field *field, const char *path, struct text *text)
{
	auto_call(text_deinit) struct text constraints = {};

	text_addf(text, "| `%s%s`", path, field->name);
	for (; is_said_alike(field, field + 1); field++)
		text_addf(text, ", `%s`", field[1].name);
	text_add(text, " | ");
	schema_type_name(field, text);
	text_add(text, " | ");
	add_cell(field->doc, text);
	schema_constraints(field, &constraints);
	if (constraints.len) {
		text_add(text, " ");
		add_cell(constraints.bytes, text);
	}
	if (constraints.failed)
		text->failed = true;
	text_add(text, " |\n");
	return field;
}

/* A row for each field, what is inside below it. */
static void add_rows(const struct field *fields, struct text *path, struct text *text)
{
	for (; fields->name; fields++) {
		size_t len = path->len;

		fields = add_row(fields, len ? path->bytes : "", text);
		if (!schema_inside(fields))
			continue;
		text_addf(path, "%s%s.", fields->name, fields->item ? "[]" : "");
		add_rows(schema_inside(fields), path, text);
		text_cut(path, len);
	}
}

static void add_table(const struct field *fields, const char *prefix, struct text *text)
{
	auto_call(text_deinit) struct text path = {};

	text_add(&path, prefix);
	text_add(text, "| field | type | |\n| --- | --- | --- |\n");
	add_rows(fields, &path, text);
	if (path.failed)
		text->failed = true;
}

static bool is_envelope(const struct field *field)
{
	static const char *const names[] = {"apiVersion", "kind", "metadata", "status"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(field->name, names[i]) == 0)
			return true;
	}
	return false;
}

/* What is a kind's own: what is in its spec, or beside the envelope of one without. */
static void add_kind(enum kind kind, struct text *text)
{
	const struct field *fields = schema_of(kind), *spec = schema_find(fields, "spec");
	struct field own[16] = {};
	size_t n = 0;

	text_addf(text, "\n## %s\n\n`%s`\n\n%s\n\n", kind_name(kind), kind_api_version(kind),
		  schema_kind_doc(kind));
	if (spec) {
		add_table(spec->fields, "spec.", text);
		return;
	}
	for (; fields->name && n + 1 < sizeof(own) / sizeof(own[0]); fields++) {
		if (!is_envelope(fields))
			own[n++] = *fields;
	}
	add_table(own, "", text);
}

void schema_document(struct text *text)
{
	text_add(text, "\n## metadata\n\nThe same for all kinds.\n\n");
	add_table(schema_metadata, "metadata.", text);
	for (enum kind kind = 0; kind < KIND_N_KINDS; kind++)
		add_kind(kind, text);
}
