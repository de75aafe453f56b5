/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "ipam/manifest.h"

/*
 * Keys that stand twice in a map. libyaml gives both, and whichever a reader took, the author
 * may have meant the other. Sorting keeps a map of thousands of keys cheap.
 */

struct walk {
	struct problems *problems;
	struct text path;
};

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
	int order = strcmp(x->key, y->key);

	return order ? order : x < y ? -1 : x > y;
}

static void check_map(struct walk *walk, const struct node *map)
{
	auto_free const struct node **sorted = calloc(map->n_items + 1, sizeof(struct node *));

	if (!sorted) {
		walk->path.failed = true;
		return;
	}
	for (size_t i = 0; i < map->n_items; i++)
		sorted[i] = &map->items[i];
	qsort(sorted, map->n_items, sizeof(struct node *), compare_keys);
	for (size_t i = 1; i < map->n_items; i++) {
		size_t len = walk->path.len;

		if (strcmp(sorted[i - 1]->key, sorted[i]->key) != 0)
			continue;
		text_addf(&walk->path, "%s%s", len ? "." : "", sorted[i]->key);
		problems_add(walk->problems, PROBLEM_DUPLICATE, sorted[i]->line,
			     walk->path.failed ? "" : walk->path.bytes, NULL,
			     "this key stands in line %u already; keep one of them",
			     sorted[i - 1]->line);
		text_cut(&walk->path, len);
	}
}

static void check(struct walk *walk, const struct node *node)
{
	size_t len = walk->path.len;

	if (node->type == NODE_MAP && node->n_items > 1)
		check_map(walk, node);
	for (size_t i = 0; i < node->n_items; i++) {
		if (node->type == NODE_MAP)
			text_addf(&walk->path, "%s%s", len ? "." : "", node->items[i].key);
		else
			text_addf(&walk->path, "[%zu]", i);
		check(walk, &node->items[i]);
		text_cut(&walk->path, len);
	}
}

void manifest_check_duplicates(const struct node *root, struct problems *problems)
{
	struct walk walk = {.problems = problems};

	check(&walk, root);
	text_deinit(&walk.path);
}
