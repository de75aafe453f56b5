/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ipam/document.h"
#include "ipam/schema.h"

/* `ilb explain`: the table, in the manner of `kubectl explain`. */

#define EXPLAIN_WIDTH 80

static const char *scalar_name(enum field_type type)
{
	switch (type) {
	case FIELD_NUMBER:
		return "integer";
	case FIELD_OBJECT:
	case FIELD_OPTIONAL:
		return "Object";
	case FIELD_LABELS:
		return "map[string]string";
	case FIELD_LIST:
	case FIELD_ARRAY:
	case FIELD_STRING:
	case FIELD_CHOICE:
	case FIELD_ADDRESS:
	case FIELD_CIDR:
	case FIELD_CONSTANT:
	case FIELD_VERSION:
		return "string";
	case FIELD_IGNORED:
		return "ignored";
	case FIELD_REFUSED:
		return "not served";
	}
	return "";
}

void schema_type_name(const struct field *field, struct text *text)
{
	if (field->item)
		text_addf(text, "[]%s", scalar_name(field->item->type));
	else
		text_add(text, scalar_name(field->type));
}

static void add_choices(const struct choice *choices, struct text *text)
{
	const char *separator = " One of ";

	for (; choices->name; choices++) {
		if (choices->refused)
			continue;
		text_addf(text, "%s%s", separator, choices->name);
		separator = ", ";
	}
	text_add(text, ".");
}

void schema_constraints(const struct field *field, struct text *text)
{
	const struct choice *choices = field->item ? field->item->choices : field->choices;
	size_t before = text->len;

	if (field->required)
		text_add(text, " Required.");
	if (field->fallback && !field->required)
		text_addf(text, " Default: %s.", field->fallback);
	if (field->otherwise)
		text_addf(text, " Default: %s.", field->otherwise);
	if (choices)
		add_choices(choices, text);
	if (field->type == FIELD_NUMBER)
		text_addf(text, " %llu to %llu.", (unsigned long long)field->min,
			  (unsigned long long)field->max);
	if (field->item)
		text_addf(text, " At most %llu.", (unsigned long long)field->max);
	if (field->alias)
		text_addf(text, " Also spelled `%s`.", field->alias);
	if (text->len > before && !text->failed) { /* without the first blank */
		memmove(text->bytes + before, text->bytes + before + 1, text->len - before);
		text->len--;
	}
}

/* Breaks `words` at blanks into lines of EXPLAIN_WIDTH, each indented. */
static void add_wrapped(const char *words, int indent, struct text *text)
{
	size_t column = 0;

	while (*words) {
		size_t len = strcspn(words, " ");

		if (column && column + 1 + len > EXPLAIN_WIDTH) {
			text_add(text, "\n");
			column = 0;
		}
		if (column == 0)
			text_addf(text, "%*s", indent, "");
		text_addf(text, "%s%.*s", column ? " " : "", (int)len, words);
		column = (column ? column + 1 : (size_t)indent) + len;
		words += len;
		words += strspn(words, " ");
	}
	text_add(text, "\n");
}

static void add_description(const struct field *field, int indent, struct text *text)
{
	auto_call(text_deinit) struct text words = {};

	text_add(&words, field->doc);
	text_add(&words, " ");
	schema_constraints(field, &words);
	if (words.failed)
		text->failed = true;
	else
		add_wrapped(words.bytes, indent, text);
}

static void add_fields(const struct field *fields, struct text *text)
{
	text_add(text, "FIELDS:\n");
	for (; fields->name; fields++) {
		text_addf(text, "  %s\t<", fields->name);
		schema_type_name(fields, text);
		text_add(text, ">\n");
		add_description(fields, 4, text);
		if (fields[1].name)
			text_add(text, "\n");
	}
}

static void add_head(enum kind kind, struct text *text)
{
	text_addf(text, "KIND:     %s\nVERSION:  %s\n\n", kind_name(kind), kind_api_version(kind));
}

static void explain_kind(enum kind kind, struct text *text)
{
	add_head(kind, text);
	text_add(text, "DESCRIPTION:\n");
	add_wrapped(schema_kind_doc(kind), 4, text);
	text_add(text, "\n");
	add_fields(schema_of(kind), text);
}

static void explain_field(enum kind kind, const struct field *field, struct text *text)
{
	add_head(kind, text);
	text_addf(text, "FIELD:    %s <", field->name);
	schema_type_name(field, text);
	text_add(text, ">\n\nDESCRIPTION:\n");
	add_description(field, 4, text);
	if (schema_inside(field)) {
		text_add(text, "\n");
		add_fields(schema_inside(field), text);
	}
}

/* The next name of the path, without the brackets of a list. */
static const char *next_name(const char *path, char name[static 64])
{
	size_t len = strcspn(path, ".");

	(void)snprintf(name, 64, "%.*s", (int)(len < 64 ? len : 63), path);
	name[strcspn(name, "[")] = '\0';
	return path[len] ? path + len + 1 : path + len;
}

static int refuse_field(const struct field *fields, const char *name, const char *path,
			struct error *err)
{
	const char *nearest = fields ? schema_nearest(fields, name) : NULL;
	auto_call(text_deinit) struct text known = {};

	if (!fields)
		return error_set(err, -ENOENT, "%s: what is before \"%s\" has no fields", path,
				 name);
	if (nearest)
		return error_set(err, -ENOENT, "%s: there is no field \"%s\"; did you mean \"%s\"?",
				 path, name, nearest);
	for (; fields->name; fields++)
		text_addf(&known, "%s%s", known.len ? ", " : "", fields->name);
	return error_set(err, -ENOENT, "%s: there is no field \"%s\"; there are: %s", path, name,
			 known.failed ? "?" : known.bytes);
}

int schema_explain(const char *path, struct text *text, struct error *err)
{
	const struct field *fields, *field = NULL;
	const char *rest;
	enum kind kind;
	char name[64];

	rest = next_name(path, name);
	if (kind_parse(name, &kind) < 0)
		return error_set(err, -ENOENT,
				 "there is no kind \"%s\"; there are: network, networkinterface, "
				 "loadbalancer, loadbalancerrouting, prefix",
				 name);
	fields = schema_of(kind);
	while (*rest) {
		rest = next_name(rest, name);
		field = fields ? schema_find(fields, name) : NULL;
		if (!field)
			return refuse_field(fields, name, path, err);
		fields = schema_inside(field);
	}
	if (field)
		explain_field(kind, field, text);
	else
		explain_kind(kind, text);
	return text->failed ? error_errno(err, -ENOMEM, "explain") : 0;
}
