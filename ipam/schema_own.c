/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "ipam/schema.h"

/* Freeing and copying what the fields of a table own. */

/* Places may hold any pointer type, so they are read and written as bytes. */
static void *pointer_at(const void *at)
{
	void *pointer;

	memcpy(&pointer, at, sizeof(pointer));
	return pointer;
}

static void set_pointer(void *at, void *pointer)
{
	memcpy(at, &pointer, sizeof(pointer));
}

static void deinit_field(const struct field *field, void *at, void *base);

static char *items_at(const struct field *field, void *at)
{
	return field->type == FIELD_LIST ? pointer_at(at) : at;
}

static void deinit_list(const struct field *field, void *at, size_t *count)
{
	char *items = items_at(field, at);

	for (size_t i = 0; i < *count; i++)
		deinit_field(field->item, items + i * field->size, items + i * field->size);
	*count = 0;
	if (field->type == FIELD_LIST) {
		free(items);
		set_pointer(at, NULL);
	}
}

static void deinit_field(const struct field *field, void *at, void *base)
{
	switch (field->type) {
	case FIELD_STRING:
		free(pointer_at(at));
		set_pointer(at, NULL);
		return;
	case FIELD_LABELS:
		labels_deinit(at);
		return;
	case FIELD_OBJECT:
		schema_deinit(field->fields, at);
		return;
	case FIELD_OPTIONAL:
		if (pointer_at(at))
			schema_deinit(field->fields, pointer_at(at));
		free(pointer_at(at));
		set_pointer(at, NULL);
		return;
	case FIELD_LIST:
	case FIELD_ARRAY:
		deinit_list(field, at, (size_t *)((char *)base + field->count));
		return;
	case FIELD_NUMBER:
	case FIELD_CHOICE:
	case FIELD_ADDRESS:
	case FIELD_CIDR:
	case FIELD_CONSTANT:
	case FIELD_VERSION:
	case FIELD_IGNORED:
	case FIELD_REFUSED:
		return;
	}
}

void schema_deinit(const struct field *fields, void *base)
{
	for (; fields->name; fields++)
		deinit_field(fields, (char *)base + fields->offset, base);
}

static int copy_string(void *at)
{
	const char *string = pointer_at(at);
	char *copy = string ? strdup(string) : NULL;

	set_pointer(at, copy);
	return copy || !string ? 0 : -ENOMEM;
}

static int copy_labels(struct labels *labels)
{
	const struct labels old = *labels;

	*labels = (struct labels){};
	for (size_t i = 0; i < old.n_items; i++) {
		struct label *label = ARRAY_ADD(labels->items, labels->n_items);

		if (!label)
			return -ENOMEM;
		label->key = strdup(old.items[i].key);
		label->value = strdup(old.items[i].value);
		if (!label->key || !label->value)
			return -ENOMEM;
	}
	return 0;
}

static int copy_field(const struct field *field, void *at, void *base);

/* Elements that are not copied yet are not ours: the count grows with what is. */
static int copy_list(const struct field *field, void *at, size_t *count)
{
	char *old = items_at(field, at);
	size_t n = *count;
	int r = 0;

	*count = 0;
	if (field->type == FIELD_LIST)
		set_pointer(at, NULL);
	for (size_t i = 0; i < n && r == 0; i++) {
		char *item;

		if (field->type == FIELD_LIST && array_grow(at, i, field->size) < 0)
			return -ENOMEM;
		item = items_at(field, at) + i * field->size;
		memmove(item, old + i * field->size, field->size);
		*count = i + 1;
		r = copy_field(field->item, item, item);
	}
	return r;
}

static int copy_optional(const struct field *field, void *at)
{
	const void *old = pointer_at(at);
	void *copy = old ? calloc(1, field->size) : NULL;

	set_pointer(at, copy);
	if (!copy)
		return old ? -ENOMEM : 0;
	memcpy(copy, old, field->size);
	return schema_copy(field->fields, copy);
}

static int copy_field(const struct field *field, void *at, void *base)
{
	switch (field->type) {
	case FIELD_STRING:
		return copy_string(at);
	case FIELD_LABELS:
		return copy_labels(at);
	case FIELD_OBJECT:
		return schema_copy(field->fields, at);
	case FIELD_OPTIONAL:
		return copy_optional(field, at);
	case FIELD_LIST:
	case FIELD_ARRAY:
		return copy_list(field, at, (size_t *)((char *)base + field->count));
	case FIELD_NUMBER:
	case FIELD_CHOICE:
	case FIELD_ADDRESS:
	case FIELD_CIDR:
	case FIELD_CONSTANT:
	case FIELD_VERSION:
	case FIELD_IGNORED:
	case FIELD_REFUSED:
		return 0;
	}
	return 0;
}

/* Goes on after a failure, so that nothing is left that belongs to the original. */
int schema_copy(const struct field *fields, void *copy)
{
	int result = 0;

	for (; fields->name; fields++) {
		int r = copy_field(fields, (char *)copy + fields->offset, copy);

		if (r < 0)
			result = r;
	}
	return result;
}
