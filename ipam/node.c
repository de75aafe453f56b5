/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/node.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "ipam/document.h"

#define SHOW_MAX 120 /* bytes of a value in a sentence */

void node_deinit(struct node *node)
{
	free(node->key);
	free(node->text);
	ARRAY_FOREACH(item, node->items, node->n_items)
		node_deinit(item);
	free(node->items);
	*node = (struct node){};
}

const struct node *node_find(const struct node *map, const char *key)
{
	if (!map || map->type != NODE_MAP)
		return NULL;
	ARRAY_FOREACH(item, map->items, map->n_items) {
		if (strcmp(item->key, key) == 0)
			return item;
	}
	return NULL;
}

const char *node_find_string(const struct node *map, const char *key)
{
	const struct node *node = node_find(map, key);

	return node && node->type == NODE_STRING ? node->text : NULL;
}

static void show_string(const char *string, struct text *text)
{
	size_t len = strlen(string);
	auto_free char *cut = NULL;

	if (len <= SHOW_MAX) {
		text_add_quoted(text, string);
		return;
	}
	len = SHOW_MAX;
	while (len && ((unsigned char)string[len] & 0xc0) == 0x80)
		len--; /* not through the middle of a character */
	cut = strndup(string, len);
	if (!cut) {
		text->failed = true;
		return;
	}
	text_add_quoted(text, cut);
	text_add(text, "...");
}

void node_show(const struct node *node, struct text *text)
{
	switch (node->type) {
	case NODE_NULL:
		text_add(text, "null");
		return;
	case NODE_BOOLEAN:
	case NODE_NUMBER:
		text_add_bytes(text, node->text, strnlen(node->text, SHOW_MAX));
		return;
	case NODE_STRING:
		show_string(node->text, text);
		return;
	case NODE_LIST:
		text_add(text, node->n_items ? "" : "[]");
		return;
	case NODE_MAP:
		text_add(text, node->n_items ? "" : "{}");
		return;
	}
}

static int from_json(const json_t *json, unsigned depth, struct node *node);

static int list_from_json(const json_t *json, unsigned depth, struct node *node)
{
	int r;

	node->type = NODE_LIST;
	for (size_t i = 0; i < json_array_size(json); i++) {
		struct node *item = ARRAY_ADD(node->items, node->n_items);

		r = item ? from_json(json_array_get(json, i), depth + 1, item) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static int map_from_json(const json_t *json, unsigned depth, struct node *node)
{
	json_t *members = (json_t *)json; /* jansson iterates over what it calls mutable */
	const char *key;
	json_t *value;
	int r;

	node->type = NODE_MAP;
	json_object_foreach(members, key, value)
	{
		struct node *item = ARRAY_ADD(node->items, node->n_items);

		if (!item)
			return -ENOMEM;
		item->key = strdup(key);
		r = item->key ? from_json(value, depth + 1, item) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static int scalar_from_json(const json_t *json, struct node *node)
{
	if (json_is_string(json)) {
		node->type = NODE_STRING;
		node->text = strdup(json_string_value(json));
	} else if (json_is_null(json)) {
		node->type = NODE_NULL;
		node->text = strdup("null");
	} else {
		node->type = json_is_boolean(json) ? NODE_BOOLEAN : NODE_NUMBER;
		node->text = json_dumps(json, JSON_ENCODE_ANY);
	}
	return node->text ? 0 : -ENOMEM;
}

static int from_json(const json_t *json, unsigned depth, struct node *node)
{
	if (depth > MANIFEST_DEPTH_MAX)
		return -E2BIG;
	if (json_is_array(json))
		return list_from_json(json, depth, node);
	if (json_is_object(json))
		return map_from_json(json, depth, node);
	return scalar_from_json(json, node);
}

int node_from_json(const json_t *json, struct node *ret_node)
{
	auto_call(node_deinit) struct node node = {};
	int r = from_json(json, 0, &node);

	if (r < 0)
		return r;
	*ret_node = node;
	node = (struct node){};
	return 0;
}
