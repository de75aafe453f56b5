/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/manifest.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/array.h"
#include "ipam/document.h"
#include "ipam/scalar.h"

/*
 * libyaml's events, read by recursion: it ends at MANIFEST_DEPTH_MAX. `path` is that of the
 * value being read, for the sentence of whatever is wrong with it.
 */
struct reader {
	yaml_parser_t parser;
	const struct manifest_part *part;
	const char *bytes;             /* what is parsed: the part, or its rewritten form */
	size_t char_index, byte_index; /* libyaml counts characters, limits are in bytes */
	struct text path;
	unsigned depth;
	struct problems *problems;
};

static unsigned line_of(const struct reader *reader, const yaml_mark_t *mark)
{
	return reader->part->line + (unsigned)mark->line;
}

static int refuse(struct reader *reader, unsigned line, const char *why)
{
	problems_add(reader->problems, PROBLEM_SYNTAX, line,
		     reader->path.len ? reader->path.bytes : "", NULL, "%s", why);
	return -EBADMSG;
}

/* The sentence for what libyaml refuses, with a remedy for the most common cause. */
static int refuse_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	unsigned line = line_of(reader, &parser->problem_mark);
	const char *problem = parser->problem ? parser->problem : "unreadable";
	bool tab = strstr(problem, "cannot start any token") != NULL;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR) {
		problems_add(reader->problems, PROBLEM_SYNTAX, 0, "", NULL,
			     "not YAML or JSON: %s at byte %zu", problem, parser->problem_offset);
		return -EBADMSG;
	}
	problems_add(reader->problems, PROBLEM_SYNTAX, line, "", NULL, "not YAML or JSON: %s%s%s%s",
		     problem, parser->context ? ", " : "", parser->context ? parser->context : "",
		     tab ? "; is it a tab? YAML is indented with blanks" : "");
	return -EBADMSG;
}

static int next_event(struct reader *reader, yaml_event_t *ret_event)
{
	return yaml_parser_parse(&reader->parser, ret_event) ? 0 : refuse_syntax(reader);
}

/* Marks only ever move forward, so that counting bytes costs one pass over the document. */
static size_t byte_of(struct reader *reader, const yaml_mark_t *mark)
{
	while (reader->char_index < mark->index && reader->byte_index < reader->part->len) {
		do {
			reader->byte_index++;
		} while (reader->byte_index < reader->part->len &&
			 ((unsigned char)reader->bytes[reader->byte_index] & 0xc0) == 0x80);
		reader->char_index++;
	}
	return reader->byte_index;
}

static int read_value(struct reader *reader, const yaml_event_t *event, struct node *node);

/* Reads an element of a list, or the value of a key; `event` is consumed. */
static int read_item(struct reader *reader, yaml_event_t *event, struct node *node)
{
	int r;

	if (++reader->depth > MANIFEST_DEPTH_MAX)
		r = refuse(reader, line_of(reader, &event->start_mark),
			   "nested too deeply; at most 32 levels");
	else
		r = read_value(reader, event, node);
	reader->depth--;
	return r;
}

static int read_list(struct reader *reader, struct node *list)
{
	size_t path_len = reader->path.len;

	for (;;) {
		auto_call(yaml_event_delete) yaml_event_t event = {};
		struct node *item;
		int r = next_event(reader, &event);

		if (r < 0)
			return r;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			list->size = byte_of(reader, &event.end_mark) - list->size;
			return 0;
		}
		text_addf(&reader->path, "[%zu]", list->n_items);
		item = ARRAY_ADD(list->items, list->n_items);
		r = item ? read_item(reader, &event, item) : -ENOMEM;
		if (r < 0)
			return r;
		text_cut(&reader->path, path_len);
	}
}

/* Keys are strings; `80:` and `true:` as a key of labels would be another key in other tools. */
static int read_key(struct reader *reader, const yaml_event_t *event, char **ret_key)
{
	const char *text = (const char *)event->data.scalar.value;
	unsigned line = line_of(reader, &event->start_mark);
	bool plain;

	if (event->type != YAML_SCALAR_EVENT)
		return refuse(reader, line,
			      event->type == YAML_ALIAS_EVENT
				      ? "aliases are not supported; write it out"
				      : "a key must be a string");
	if (strlen(text) != event->data.scalar.length)
		return refuse(reader, line, "a key must not hold a NUL character");
	plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (plain && scalar_resolve(text) != NODE_STRING)
		return refuse(reader, line, "a key must be a string; quote it");
	*ret_key = strdup(text);
	return *ret_key ? 0 : -ENOMEM;
}

static int read_member(struct reader *reader, const yaml_event_t *key, struct node *map)
{
	auto_call(yaml_event_delete) yaml_event_t event = {};
	struct node *item = ARRAY_ADD(map->items, map->n_items);
	unsigned line = line_of(reader, &key->start_mark);
	int r = item ? read_key(reader, key, &item->key) : -ENOMEM;

	if (r < 0)
		return r;
	text_addf(&reader->path, "%s%s", reader->path.len ? "." : "", item->key);
	r = next_event(reader, &event);
	if (r == 0)
		r = read_item(reader, &event, item);
	item->line = line;
	return r;
}

static int read_map(struct reader *reader, struct node *map)
{
	size_t path_len = reader->path.len;

	for (;;) {
		auto_call(yaml_event_delete) yaml_event_t event = {};
		int r = next_event(reader, &event);

		if (r < 0)
			return r;
		if (event.type == YAML_MAPPING_END_EVENT) {
			map->size = byte_of(reader, &event.end_mark) - map->size;
			return 0;
		}
		r = read_member(reader, &event, map);
		if (r < 0)
			return r;
		text_cut(&reader->path, path_len);
	}
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct node *node)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (strlen(text) != event->data.scalar.length)
		return refuse(reader, node->line, "a value must not hold a NUL character");
	if (tag && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
		return refuse(reader, node->line, "tags (!!...) are not supported; leave it out");
	node->type = plain && !tag ? scalar_resolve(text) : NODE_STRING;
	node->text = strdup(text);
	return node->text ? 0 : -ENOMEM;
}

static int read_value(struct reader *reader, const yaml_event_t *event, struct node *node)
{
	node->line = line_of(reader, &event->start_mark);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, event, node);
	case YAML_SEQUENCE_START_EVENT:
		node->type = NODE_LIST;
		node->size = byte_of(reader, &event->start_mark);
		return read_list(reader, node);
	case YAML_MAPPING_START_EVENT:
		node->type = NODE_MAP;
		node->size = byte_of(reader, &event->start_mark);
		return read_map(reader, node);
	case YAML_ALIAS_EVENT:
		return refuse(reader, node->line, "aliases are not supported; write it out");
	default:
		return refuse(reader, node->line, "expected a value");
	}
}

/* What may follow the document's value is its end, and the end of the part. */
static int read_end(struct reader *reader)
{
	for (;;) {
		auto_call(yaml_event_delete) yaml_event_t event = {};
		int r = next_event(reader, &event);

		if (r < 0)
			return r;
		if (event.type == YAML_STREAM_END_EVENT)
			return 0;
		if (event.type != YAML_DOCUMENT_END_EVENT)
			return refuse(reader, line_of(reader, &event.start_mark),
				      "another document begins here without a line `---`");
	}
}

static int read_document(struct reader *reader, struct node *root)
{
	for (;;) {
		auto_call(yaml_event_delete) yaml_event_t event = {};
		int r = next_event(reader, &event);

		if (r < 0)
			return r;
		if (event.type == YAML_STREAM_START_EVENT ||
		    event.type == YAML_DOCUMENT_START_EVENT)
			continue;
		if (event.type == YAML_STREAM_END_EVENT) {
			root->line = reader->part->line;
			return 0; /* nothing: null */
		}
		r = read_value(reader, &event, root);
		return r < 0 ? r : read_end(reader);
	}
}

static int parse(struct reader *reader, size_t len, struct node *root)
{
	int r;

	if (!yaml_parser_initialize(&reader->parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->bytes, len);
	r = read_document(reader, root);
	yaml_parser_delete(&reader->parser);
	return r;
}

int manifest_parse(const struct manifest_part *part, struct node *ret_root,
		   struct problems *problems)
{
	auto_call(node_deinit) struct node root = {};
	auto_call(text_deinit) struct text json = {};
	struct manifest_part parsed = *part;
	struct reader reader = {.part = &parsed, .problems = problems};
	int r;

	if (manifest_is_json(part)) {
		manifest_from_json_text(part->bytes, part->len, &json);
		if (json.failed)
			return -ENOMEM;
		parsed.bytes = json.bytes;
		parsed.len = json.len;
	}
	reader.bytes = parsed.bytes;
	r = parse(&reader, parsed.len, &root);
	if (r == 0 && reader.path.failed)
		r = -ENOMEM;
	text_deinit(&reader.path);
	if (r < 0)
		return r;
	*ret_root = root;
	root = (struct node){};
	return 0;
}
