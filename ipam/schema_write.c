/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/require.h"
#include "ipam/schema.h"

/*
 * Typed struct -> JSON. Each writer gives a new reference, or NULL; `absent` tells an absent value
 * from a lack of memory.
 */
struct writer {
	bool absent;
};

static json_t *absent(struct writer *writer)
{
	writer->absent = true;
	return NULL;
}

static json_t *write_string(struct writer *writer, const void *at)
{
	char *string;

	memcpy(&string, at, sizeof(string));
	return string ? json_string(string) : absent(writer);
}

static uint64_t number_at(const struct field *field, const void *at)
{
	switch (field->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	}
	require(!"a field has a number of an unknown size");
	return 0;
}

/* Without a default, and with no rule of its own, a number is absent when it is 0. */
static json_t *write_number(struct writer *writer, const struct field *field, const void *at)
{
	uint64_t value = number_at(field, at);

	if (value == 0 && !field->fallback)
		return absent(writer);
	return json_integer((json_int_t)value);
}

static json_t *write_choice(struct writer *writer, const struct field *field, const void *at)
{
	int value;

	memcpy(&value, at, sizeof(value));
	for (const struct choice *choice = field->choices; choice->name; choice++) {
		if (!choice->refused && choice->value == value)
			return json_string(choice->name);
	}
	return absent(writer); /* FAMILY_NONE */
}

static json_t *write_address(struct writer *writer, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];

	if (address->family == FAMILY_NONE)
		return absent(writer);
	return json_string(address_format(address, text));
}

static json_t *write_cidr(struct writer *writer, const struct cidr *cidr)
{
	char text[CIDR_TEXT_MAX];

	if (cidr->address.family == FAMILY_NONE)
		return absent(writer);
	return json_string(cidr_format(cidr, text));
}

static json_t *write_labels(struct writer *writer, const struct labels *labels)
{
	json_t *map;

	if (labels->n_items == 0)
		return absent(writer);
	map = json_object();
	for (size_t i = 0; map && i < labels->n_items; i++) {
		const struct label *label = &labels->items[i];

		if (json_object_set_new(map, label->key, json_string(label->value)) < 0) {
			json_decref(map);
			return NULL;
		}
	}
	return map;
}

/* An object whose fields are all absent is absent itself. */
static json_t *write_object(struct writer *writer, const struct field *field, const void *at)
{
	json_t *object = schema_write(field->fields, at);

	if (object && json_object_size(object) == 0) {
		json_decref(object);
		return absent(writer);
	}
	return object;
}

/* A pointer that is there says something even when what it points to is empty: `{}`. */
static json_t *write_optional(struct writer *writer, const struct field *field, const void *at)
{
	void *pointer;

	memcpy(&pointer, at, sizeof(pointer));
	return pointer ? schema_write(field->fields, pointer) : absent(writer);
}

static json_t *write_value(struct writer *writer, const struct field *field, const void *at,
			   const void *base);

static json_t *write_list(struct writer *writer, const struct field *field, const void *at,
			  size_t n)
{
	const char *items = at;
	json_t *list;

	if (n == 0)
		return absent(writer);
	if (field->type == FIELD_LIST)
		memcpy(&items, at, sizeof(items));
	list = json_array();
	for (size_t i = 0; list && i < n; i++) {
		const char *item = items + i * field->size;
		struct writer of_item = {};
		json_t *value = write_value(&of_item, field->item, item, item);

		if (of_item.absent)
			value = json_object();
		if (json_array_append_new(list, value) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *write_value(struct writer *writer, const struct field *field, const void *at,
			   const void *base)
{
	if (field->is_absent && field->is_absent(base))
		return absent(writer);
	switch (field->type) {
	case FIELD_STRING:
		return write_string(writer, at);
	case FIELD_NUMBER:
		return write_number(writer, field, at);
	case FIELD_CHOICE:
		return write_choice(writer, field, at);
	case FIELD_ADDRESS:
		return write_address(writer, at);
	case FIELD_CIDR:
		return write_cidr(writer, at);
	case FIELD_LABELS:
		return write_labels(writer, at);
	case FIELD_OBJECT:
		return write_object(writer, field, at);
	case FIELD_OPTIONAL:
		return write_optional(writer, field, at);
	case FIELD_LIST:
	case FIELD_ARRAY:
		return write_list(writer, field, at,
				  *(const size_t *)((const char *)base + field->count));
	case FIELD_CONSTANT:
		return json_string(field->fallback);
	case FIELD_VERSION:
	case FIELD_IGNORED:
	case FIELD_REFUSED:
		return absent(writer);
	}
	return absent(writer);
}

json_t *schema_write(const struct field *fields, const void *base)
{
	json_t *object = json_object();

	for (; object && fields->name; fields++) {
		struct writer writer = {};
		json_t *value =
			write_value(&writer, fields, (const char *)base + fields->offset, base);

		if (writer.absent)
			continue;
		if (json_object_set_new(object, fields->name, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}
