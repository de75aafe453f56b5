/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "ipam/schema.h"

/*
 * Tree -> typed struct. `path` is that of the node at hand. A value of the wrong type is a problem
 * and leaves its field zero; the rules that come after do not complain of it again (ipam/rules.h).
 */
struct reader {
	struct problems *problems;
	struct text path;
	bool no_memory;
};

static const char *path_of(const struct reader *reader)
{
	return reader->path.len ? reader->path.bytes : "";
}

static size_t enter(struct reader *reader, const char *name)
{
	size_t len = reader->path.len;

	if (len)
		text_add(&reader->path, ".");
	text_add(&reader->path, name);
	return len;
}

static void refuse(struct reader *reader, enum problem_type type, const struct node *node,
		   const char *detail)
{
	auto_call(text_deinit) struct text value = {};
	bool shown = type != PROBLEM_FORBIDDEN && type != PROBLEM_REQUIRED;

	if (shown)
		node_show(node, &value);
	problems_add(reader->problems, type, node->line, path_of(reader),
		     value.len ? value.bytes : NULL, "%s", detail);
}

static void refuse_type(struct reader *reader, const struct node *node, const char *wanted)
{
	bool quote = (node->type == NODE_NUMBER || node->type == NODE_BOOLEAN) &&
		     strcmp(wanted, "must be a string") == 0;
	bool unquote = node->type == NODE_STRING && strcmp(wanted, "must be a number") == 0;
	auto_call(text_deinit) struct text detail = {};

	text_addf(&detail, "%s%s", wanted,
		  quote     ? "; quote it"
		  : unquote ? ", without quotes"
			    : "");
	refuse(reader, PROBLEM_INVALID, node, detail.failed ? wanted : detail.bytes);
}

static bool is_string(struct reader *reader, const struct node *node)
{
	if (node->type == NODE_STRING)
		return true;
	refuse_type(reader, node, "must be a string");
	return false;
}

static char *copy(struct reader *reader, const char *string)
{
	char *result = strdup(string);

	if (!result)
		reader->no_memory = true;
	return result;
}

static void store_number(const struct field *field, uint64_t value, void *at)
{
	switch (field->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		return;
	case 2:
		*(uint16_t *)at = (uint16_t)value;
		return;
	case 4:
		*(uint32_t *)at = (uint32_t)value;
		return;
	}
	require(!"a field has a number of an unknown size");
}

static void read_number(struct reader *reader, const struct field *field, const struct node *node,
			void *at)
{
	auto_call(text_deinit) struct text detail = {};
	uint64_t value;
	int r;

	if (node->type != NODE_NUMBER) {
		refuse_type(reader, node, "must be a number");
		return;
	}
	r = text_parse_u64(node->text, field->max, &value);
	if (r == 0 && value >= field->min) {
		store_number(field, value, at);
		return;
	}
	text_addf(&detail, "must be %sbetween %llu and %llu",
		  r == -EINVAL && node->text[0] != '-' ? "a whole decimal number " : "",
		  (unsigned long long)field->min, (unsigned long long)field->max);
	refuse(reader, PROBLEM_INVALID, node, detail.failed ? "out of range" : detail.bytes);
}

/* "supported values: "IPv4", "IPv6"", or the reason of one that is known and not served. */
static void refuse_choice(struct reader *reader, const struct choice *choices,
			  const struct node *node)
{
	auto_call(text_deinit) struct text detail = {};

	for (const struct choice *choice = choices; choice->name; choice++) {
		if (choice->refused && strcmp(choice->name, node->text) == 0) {
			refuse(reader, PROBLEM_UNSUPPORTED, node, choice->refused);
			return;
		}
	}
	text_add(&detail, "supported values: ");
	for (const struct choice *choice = choices; choice->name; choice++) {
		if (!choice->refused)
			text_addf(&detail, "%s\"%s\"", choice == choices ? "" : ", ", choice->name);
	}
	refuse(reader, PROBLEM_UNSUPPORTED, node, detail.failed ? "" : detail.bytes);
}

static const struct choice *find_choice(const struct choice *choice, const char *name)
{
	for (; choice->name; choice++) {
		if (!choice->refused && strcmp(choice->name, name) == 0)
			return choice;
	}
	return NULL;
}

static void read_choice(struct reader *reader, const struct field *field, const struct node *node,
			void *at)
{
	const struct choice *choice;

	if (!is_string(reader, node))
		return;
	choice = find_choice(field->choices, node->text);
	if (!choice)
		refuse_choice(reader, field->choices, node);
	else if (field->type == FIELD_CHOICE)
		memcpy(at, &choice->value, sizeof(choice->value));
}

static void read_address(struct reader *reader, const struct node *node, struct address *at)
{
	if (is_string(reader, node) && address_parse(node->text, at) < 0)
		refuse(reader, PROBLEM_INVALID, node,
		       "must be an address like 10.0.0.1 or fd00::1, without zone or length");
}

static void read_cidr(struct reader *reader, const struct node *node, struct cidr *at)
{
	if (is_string(reader, node) && cidr_parse(node->text, at) < 0)
		refuse(reader, PROBLEM_INVALID, node,
		       "must be a prefix like 10.0.0.0/24 or fd00::/64");
}

static void read_version(struct reader *reader, const struct node *node, uint64_t *at)
{
	if ((node->type != NODE_STRING && node->type != NODE_NUMBER) ||
	    text_parse_u64(node->text, UINT64_MAX, at) < 0)
		refuse(reader, PROBLEM_INVALID, node,
		       "must be a version as it was read; leave it out to write in any case");
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

static void read_label(struct reader *reader, const struct node *node, struct labels *labels)
{
	size_t len = reader->path.len;
	struct label *label;

	text_addf(&reader->path, "[%s]", node->key);
	if (node->type == NODE_NULL || is_string(reader, node)) {
		label = ARRAY_ADD(labels->items, labels->n_items);
		if (label) {
			label->key = copy(reader, node->key);
			label->value = copy(reader, node->type == NODE_NULL ? "" : node->text);
		} else {
			reader->no_memory = true;
		}
	}
	text_cut(&reader->path, len);
}

/* A key that stands twice was reported by manifest_check_duplicates(): the first counts. */
static void drop_repeated(struct labels *labels)
{
	size_t n = 0;

	for (size_t i = 0; i < labels->n_items; i++) {
		if (n && strcmp(labels->items[n - 1].key, labels->items[i].key) == 0) {
			free(labels->items[i].key);
			free(labels->items[i].value);
		} else {
			labels->items[n++] = labels->items[i];
		}
	}
	labels->n_items = n;
}

static void read_labels(struct reader *reader, const struct node *node, struct labels *labels)
{
	if (node->type != NODE_MAP) {
		refuse_type(reader, node, "must be a map of strings");
		return;
	}
	ARRAY_FOREACH(item, node->items, node->n_items)
		read_label(reader, item, labels);
	if (reader->no_memory)
		return;
	if (labels->n_items)
		qsort(labels->items, labels->n_items, sizeof(struct label), compare_labels);
	drop_repeated(labels);
}

static void read_value(struct reader *reader, const struct field *field, const struct node *node,
		       void *at, void *base);

static bool is_scalar_item(const struct field *item)
{
	return item->type != FIELD_OBJECT;
}

static void check_distinct(struct reader *reader, const struct node *list, size_t i)
{
	const struct node *item = &list->items[i];

	for (size_t j = 0; j < i; j++) {
		size_t len = reader->path.len;

		if (!item->text || !list->items[j].text ||
		    strcmp(item->text, list->items[j].text) != 0)
			continue;
		text_addf(&reader->path, "[%zu]", i);
		refuse(reader, PROBLEM_DUPLICATE, item, "name it once");
		text_cut(&reader->path, len);
		return;
	}
}

static void read_item(struct reader *reader, const struct field *item, const struct node *node,
		      size_t i, void *at)
{
	static const struct node empty = {.type = NODE_MAP};
	size_t len = reader->path.len;
	struct node present = empty;

	present.line = node->line;
	text_addf(&reader->path, "[%zu]", i);
	if (node->type == NODE_NULL && item->type == FIELD_OBJECT)
		node = &present;
	if (item->required &&
	    (node->type == NODE_NULL || (node->type == NODE_STRING && !*node->text)))
		refuse(reader, PROBLEM_REQUIRED, node, item->required);
	else
		read_value(reader, item, node, at, at);
	text_cut(&reader->path, len);
}

/* Room for the element `i` of a list; NULL without memory. */
static void *list_room(struct reader *reader, const struct field *field, void *at, size_t i)
{
	char *items;

	if (field->type == FIELD_ARRAY)
		return (char *)at + i * field->size;
	if (array_grow(at, i, field->size) < 0) {
		reader->no_memory = true;
		return NULL;
	}
	memcpy(&items, at, sizeof(items));
	return memset(items + i * field->size, 0, field->size);
}

static void read_list(struct reader *reader, const struct field *field, const struct node *node,
		      void *at, size_t *count)
{
	auto_call(text_deinit) struct text n = {};

	if (node->type != NODE_LIST) {
		refuse_type(reader, node, "must be a list");
		return;
	}
	if (node->n_items > field->max) {
		text_addf(&n, "%zu", node->n_items);
		problems_add(reader->problems, PROBLEM_TOO_MANY, node->line, path_of(reader),
			     n.failed ? NULL : n.bytes, "must have at most %llu items",
			     (unsigned long long)field->max);
	}
	for (size_t i = 0; i < node->n_items && i < field->max; i++) {
		void *room = list_room(reader, field, at, i);

		if (!room)
			return;
		*count = i + 1;
		read_item(reader, field->item, &node->items[i], i, room);
		if (field->distinct && is_scalar_item(field->item))
			check_distinct(reader, node, i);
	}
}

static void read_fields(struct reader *reader, const struct field *fields, const struct node *node,
			void *base);

static void read_optional(struct reader *reader, const struct field *field, const struct node *node,
			  void *at)
{
	void *value = calloc(1, field->size);

	if (!value) {
		reader->no_memory = true;
		return;
	}
	memcpy(at, &value, sizeof(value));
	read_fields(reader, field->fields, node, value);
}

/* @at: the field's place; @base: of the table that the field is in. */
static void read_value(struct reader *reader, const struct field *field, const struct node *node,
		       void *at, void *base)
{
	char *string;

	switch (field->type) {
	case FIELD_STRING:
		if (!is_string(reader, node))
			return;
		string = copy(reader, node->text);
		memcpy(at, &string, sizeof(string));
		return;
	case FIELD_NUMBER:
		read_number(reader, field, node, at);
		return;
	case FIELD_CHOICE:
	case FIELD_CONSTANT:
		read_choice(reader, field, node, at);
		return;
	case FIELD_ADDRESS:
		read_address(reader, node, at);
		return;
	case FIELD_CIDR:
		read_cidr(reader, node, at);
		return;
	case FIELD_LABELS:
		read_labels(reader, node, at);
		return;
	case FIELD_OBJECT:
		read_fields(reader, field->fields, node, at);
		return;
	case FIELD_OPTIONAL:
		read_optional(reader, field, node, at);
		return;
	case FIELD_LIST:
	case FIELD_ARRAY:
		read_list(reader, field, node, at, (size_t *)((char *)base + field->count));
		return;
	case FIELD_VERSION:
		read_version(reader, node, at);
		return;
	case FIELD_IGNORED:
		return;
	case FIELD_REFUSED:
		refuse(reader, PROBLEM_FORBIDDEN, node, field->doc);
		return;
	}
}

/* null, and the empty values that Go's tools leave out or write as they like. */
static bool counts_as_absent(const struct field *field, const struct node *node)
{
	if (node->type == NODE_NULL)
		return true;
	if (node->type == NODE_STRING && !*node->text)
		return field->type == FIELD_STRING || field->type == FIELD_CHOICE ||
		       field->type == FIELD_CONSTANT || field->type == FIELD_VERSION;
	return (field->type == FIELD_LIST || field->type == FIELD_ARRAY) &&
	       node->type == NODE_LIST && node->n_items == 0;
}

static void read_absent(struct reader *reader, const struct field *field, unsigned line, void *base)
{
	struct node stand_in = {.type = NODE_MAP, .line = line};
	void *at = (char *)base + field->offset;

	size_t len;

	if (!field->required && !field->fallback && !field->always)
		return;
	len = enter(reader, field->name);
	if (field->required) {
		refuse(reader, PROBLEM_REQUIRED, &stand_in, field->required);
	} else if (field->fallback) {
		stand_in.type = field->type == FIELD_NUMBER ? NODE_NUMBER : NODE_STRING;
		stand_in.text = (char *)field->fallback;
		read_value(reader, field, &stand_in, at, base);
	} else {
		read_value(reader, field, &stand_in, at, base);
	}
	text_cut(&reader->path, len);
}

static void refuse_unknown(struct reader *reader, const struct field *fields,
			   const struct node *node)
{
	const char *nearest = schema_nearest(fields, node->key);

	problems_add(reader->problems, PROBLEM_UNKNOWN, node->line, path_of(reader), NULL,
		     nearest ? "did you mean \"%s\"?" : "%sthere is no such field",
		     nearest ? nearest : "");
}

/* Both spellings of one field at once: which one counts is not ours to guess. */
static void refuse_both(struct reader *reader, const struct field *field, const struct node *node)
{
	problems_add(reader->problems, PROBLEM_FORBIDDEN, node->line, path_of(reader), NULL,
		     "\"%s\" and \"%s\" are two spellings of one field; give one of them",
		     field->name, field->alias);
}

static void read_member(struct reader *reader, const struct field *fields, const struct node *node,
			void *base, uint64_t *seen)
{
	const struct field *field = schema_find(fields, node->key);
	uint64_t bit = field ? UINT64_C(1) << (field - fields) : 0;
	size_t len = enter(reader, node->key);

	if (!field)
		refuse_unknown(reader, fields, node);
	else if (counts_as_absent(field, node))
		;
	else if (!(*seen & bit))
		read_value(reader, field, node, (char *)base + field->offset, base);
	else if (field->alias)
		refuse_both(reader, field, node);
	if (field && !counts_as_absent(field, node))
		*seen |= bit;
	text_cut(&reader->path, len);
}

static void read_fields(struct reader *reader, const struct field *fields, const struct node *node,
			void *base)
{
	uint64_t seen = 0; /* a bit for each field of the table; the largest has 15 */

	if (node->type != NODE_MAP) {
		refuse_type(reader, node, "must be a map");
		return;
	}
	ARRAY_FOREACH(item, node->items, node->n_items)
		read_member(reader, fields, item, base, &seen);
	for (size_t i = 0; fields[i].name; i++) {
		if (!(seen & (UINT64_C(1) << i)))
			read_absent(reader, &fields[i], node->line, base);
	}
}

int schema_read(const struct field *fields, const struct node *node, void *base,
		struct problems *problems)
{
	struct reader reader = {.problems = problems};

	read_fields(&reader, fields, node, base);
	if (reader.path.failed)
		reader.no_memory = true;
	text_deinit(&reader.path);
	return reader.no_memory ? -ENOMEM : 0;
}
