/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "ipam/document.h"
#include "ipam/scalar.h"

/*
 * JSON -> YAML, in the manner of kubectl: two blanks a level, the dashes of a list under its key.
 * Every value reads back as what it was.
 */

static void write_value(const json_t *json, unsigned indent, struct text *text);

static void write_indent(unsigned indent, struct text *text)
{
	text_addf(text, "%*s", (int)(2 * indent), "");
}

static void write_scalar(const json_t *json, struct text *text)
{
	char number[64];

	if (json_is_string(json))
		scalar_write(json_string_value(json), text);
	else if (json_is_boolean(json))
		text_add(text, json_is_true(json) ? "true" : "false");
	else if (json_is_integer(json))
		text_addf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
	else if (json_is_null(json))
		text_add(text, "null");
	else if (json_dumpb(json, number, sizeof(number), JSON_ENCODE_ANY) <= sizeof(number))
		text_add_bytes(text, number, json_dumpb(json, NULL, 0, JSON_ENCODE_ANY));
}

/* `first` stands on the line of a dash already. */
static void write_map(const json_t *json, unsigned indent, bool first, struct text *text)
{
	json_t *map = (json_t *)json; /* jansson iterates over what it calls mutable */
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value)
	{
		if (!first)
			write_indent(indent, text);
		first = false;
		scalar_write(key, text);
		text_add(text, ":");
		write_value(value, indent, text);
	}
}

static void write_list(const json_t *json, unsigned indent, struct text *text)
{
	for (size_t i = 0; i < json_array_size(json); i++) {
		const json_t *item = json_array_get(json, i);

		write_indent(indent, text);
		text_add(text, "-");
		if (json_is_object(item) && json_object_size(item)) {
			text_add(text, " ");
			write_map(item, indent + 1, true, text);
		} else {
			write_value(item, indent + 1, text);
		}
	}
}

/* What follows "key:" or "-", to the end of the line or further. */
static void write_value(const json_t *json, unsigned indent, struct text *text)
{
	if (json_is_object(json) && json_object_size(json)) {
		text_add(text, "\n");
		write_map(json, indent + 1, false, text);
	} else if (json_is_array(json) && json_array_size(json)) {
		text_add(text, "\n");
		write_list(json, indent, text);
	} else {
		text_add(text, " ");
		if (json_is_object(json))
			text_add(text, "{}");
		else if (json_is_array(json))
			text_add(text, "[]");
		else
			write_scalar(json, text);
		text_add(text, "\n");
	}
}

int yaml_from_json(const json_t *json, struct text *text)
{
	if (json_is_object(json) && json_object_size(json))
		write_map(json, 0, false, text);
	else if (json_is_array(json) && json_array_size(json))
		write_list(json, 0, text);
	else if (json_is_object(json) || json_is_array(json))
		text_add(text, json_is_object(json) ? "{}\n" : "[]\n");
	else {
		write_scalar(json, text);
		text_add(text, "\n");
	}
	return text->failed ? -ENOMEM : 0;
}
