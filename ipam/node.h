/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/text.h"

/*
 * A document as a tree: what YAML and JSON have in common, with the line of everything.
 */

enum node_type {
	NODE_NULL,
	NODE_BOOLEAN,
	NODE_NUMBER, /* every notation that YAML 1.1 knows; its text is as written */
	NODE_STRING,
	NODE_LIST,
	NODE_MAP,
};

struct node {
	enum node_type type;
	unsigned line; /* 1..; where its key stands, or it begins; 0: unknown */
	char *key;     /* in a map */
	char *text;    /* of a scalar; UTF-8 without NUL */
	struct node *items;
	size_t n_items;
	size_t size; /* bytes of the document that it takes */
};

void node_deinit(struct node *node);

/* The first of that key; NULL when there is none, or `map` is NULL or no map. */
const struct node *node_find(const struct node *map, const char *key);

/* The text of a string member, NULL when there is none. */
const char *node_find_string(const struct node *map, const char *key);

/*
 * The value as people should see it quoted in a sentence: a scalar as JSON, cut when long; "{}"
 * and "[]" when empty, nothing for other lists and maps.
 */
void node_show(const struct node *node, struct text *text);

/*
 * The tree of a JSON value. Lines are unknown.
 * Return: 0, -ENOMEM, -E2BIG (nested too deep).
 */
must_check int node_from_json(const json_t *json, struct node *ret_node);
