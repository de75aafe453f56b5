/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ipam/schema.h"

/*
 * Rules speak of fields by their own path ("spec.ips[0].ip"); the document may spell it otherwise
 * ("spec.ips[0].value"). The walk goes down the table and the tree at once.
 */

struct step {
	char name[320]; /* of a field, or what stands in brackets */
	size_t len;     /* bytes of the path, without a leading dot */
};

/* Takes "name", ".name", "[3]" or "[a label's key]" off the front. */
static struct step next_step(const char *path)
{
	struct step step = {};
	const char *end = NULL;

	if (*path == '[') {
		end = strchr(path, ']');
		step.len = end ? (size_t)(end - path) + 1 : strlen(path);
		(void)snprintf(step.name, sizeof(step.name), "%.*s", (int)step.len - 2, path + 1);
		return step;
	}
	path += *path == '.';
	step.len = strcspn(path, ".[");
	(void)snprintf(step.name, sizeof(step.name), "%.*s", (int)step.len, path);
	return step;
}

static const struct node *find_spelled(const struct field *field, const struct node *map,
				       const char *name)
{
	const struct node *node = node_find(map, name);

	if (!node && field && field->alias)
		node = node_find(map, strcmp(name, field->name) == 0 ? field->alias : field->name);
	return node;
}

static const struct node *list_item(const struct node *list, const char *index)
{
	uint64_t i;

	if (list->type != NODE_LIST || text_parse_u64(index, UINT64_MAX, &i) < 0 ||
	    i >= list->n_items)
		return NULL;
	return &list->items[i];
}

const struct node *schema_locate(const struct field *fields, const struct node *root,
				 const char *path, struct text *ret_path, bool *ret_found)
{
	const struct node *node = root, *next;

	while (node && *path) {
		bool bracket = *path == '[', dot = *path == '.';
		struct step step = next_step(path);
		const struct field *field =
			fields && !bracket ? schema_find(fields, step.name) : NULL;

		if (!bracket)
			next = find_spelled(field, node, step.name);
		else
			next = node->type == NODE_LIST ? list_item(node, step.name)
						       : node_find(node, step.name);
		if (!next)
			break;
		if (bracket)
			text_add_bytes(ret_path, path, step.len);
		else
			text_addf(ret_path, "%s%s", dot ? "." : "", next->key);
		path += step.len + dot;
		node = next;
		if (field)
			fields = schema_inside(field);
	}
	text_add(ret_path, path);
	*ret_found = node && !*path;
	return node;
}
