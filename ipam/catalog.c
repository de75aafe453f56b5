/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/array.h"
#include "base/require.h"
#include "ipam/selector.h"
#include "ipam/state.h"

int catalog_new(struct catalog **ret_catalog)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));

	if (!catalog)
		return -ENOMEM;
	*ret_catalog = catalog;
	return 0;
}

static void entry_free(struct catalog *catalog, struct entry *entry)
{
	HASH_DEL(catalog->entries, entry);
	object_free(entry->object);
	free(entry->key);
	free(entry);
}

void catalog_free(struct catalog *catalog)
{
	struct entry *entry, *next;

	if (!catalog)
		return;
	HASH_ITER(hh, catalog->entries, entry, next)
	{
		while (entry->links) {
			struct link *link = entry->links;

			entry->links = link->of_entry;
			free(link); /* the chains go as a whole */
		}
		entry_free(catalog, entry);
	}
	index_free(catalog);
	for (size_t kind = 0; kind < KIND_N_KINDS; kind++)
		free(catalog->sorted[kind]);
	free(catalog);
}

static struct entry *entry_find(const struct catalog *catalog, const char *key)
{
	struct entry *entry;

	HASH_FIND_STR(catalog->entries, key, entry);
	return entry;
}

static struct entry *entry_get(struct catalog *catalog, const char *key)
{
	struct entry *entry = entry_find(catalog, key);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry || !(entry->key = strdup(key))) {
		free(entry);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, catalog->entries, entry->key, strlen(entry->key), entry);
	return entry;
}

/* An entry without an object stays only while its key is still to be taken. */
static void entry_drop_unused(struct catalog *catalog, struct entry *entry)
{
	if (!entry->object && !entry->is_touched)
		entry_free(catalog, entry);
}

static int by_name(const struct object *a, const char *name_space, const char *name)
{
	int order = strcmp(a->meta.name_space, name_space);

	return order ? order : strcmp(a->meta.name, name);
}

static int compare_entries(const void *a, const void *b)
{
	const struct object *y = (*(struct entry *const *)b)->object;

	return by_name((*(struct entry *const *)a)->object, y->meta.name_space, y->meta.name);
}

static int sorted_add(struct catalog *catalog, struct entry *entry, enum kind kind)
{
	size_t n = catalog->n_sorted[kind];

	if (array_grow(&catalog->sorted[kind], n, sizeof(*catalog->sorted[kind])) < 0)
		return -ENOMEM;
	catalog->sorted[kind][n] = entry;
	entry->position = n;
	catalog->n_sorted[kind]++;
	catalog->is_sorted[kind] = false;
	return 0;
}

static void sorted_remove(struct catalog *catalog, struct entry *entry, enum kind kind)
{
	struct entry *last = catalog->sorted[kind][--catalog->n_sorted[kind]];

	catalog->sorted[kind][entry->position] = last;
	last->position = entry->position;
	catalog->is_sorted[kind] = false;
}

static void sort(struct catalog *catalog, enum kind kind)
{
	if (catalog->is_sorted[kind] || !catalog->n_sorted[kind])
		return;
	qsort(catalog->sorted[kind], catalog->n_sorted[kind], sizeof(*catalog->sorted[kind]),
	      compare_entries);
	for (size_t i = 0; i < catalog->n_sorted[kind]; i++)
		catalog->sorted[kind][i]->position = i;
	catalog->is_sorted[kind] = true;
}

/* A change of a LoadBalancer concerns itself; of others, what they concerned and what they do now. */
static void touch(struct catalog *catalog, struct entry *entry)
{
	if (entry->object->kind == KIND_LOAD_BALANCER)
		touch_lb(catalog, entry);
	else
		touch_concerned(catalog, entry);
}

static struct object *replace(struct catalog *catalog, struct entry *entry, struct object *object)
{
	struct object *old = entry->object;

	if (old) {
		touch(catalog, entry);
		detach(catalog, entry);
	}
	entry->object = object;
	return old;
}

int catalog_put(struct catalog *catalog, struct object *object, struct object **ret_old)
{
	char key[OBJECT_KEY_MAX];
	struct entry *entry = entry_get(catalog, object_key(object, key));
	struct object *old;

	if (!entry)
		return -ENOMEM;
	if (!entry->object && sorted_add(catalog, entry, object->kind) < 0) {
		entry_drop_unused(catalog, entry);
		return -ENOMEM;
	}
	old = replace(catalog, entry, object);
	if (attach(catalog, entry) < 0) {
		detach(catalog, entry);
		entry->object = old;
		/* What was just given back is there again, but for a race with other threads. */
		if (old && attach(catalog, entry) < 0)
			catalog->n_conflicts++;
		if (!old) {
			sorted_remove(catalog, entry, object->kind);
			entry_drop_unused(catalog, entry);
		}
		return -ENOMEM;
	}
	touch(catalog, entry);
	if (old)
		mark_freed(catalog, old);
	*ret_old = old;
	return 0;
}

struct object *catalog_remove(struct catalog *catalog, const char *key)
{
	struct entry *entry = entry_find(catalog, key);
	struct object *old;

	if (!entry || !entry->object)
		return NULL;
	old = replace(catalog, entry, NULL);
	sorted_remove(catalog, entry, old->kind);
	sized(catalog, entry);
	if (old->kind == KIND_PREFIX)
		close_prefix(catalog, old);
	mark_freed(catalog, old);
	entry_drop_unused(catalog, entry);
	return old;
}

const struct object *catalog_find_key(const struct catalog *catalog, const char *key)
{
	const struct entry *entry = entry_find(catalog, key);

	return entry ? entry->object : NULL;
}

const struct object *catalog_find(const struct catalog *catalog, enum kind kind,
				  const char *name_space, const char *name)
{
	char key[OBJECT_KEY_MAX];

	return catalog_find_key(catalog, object_key_of(kind, name_space, name, key));
}

size_t catalog_count(const struct catalog *catalog, enum kind kind)
{
	return catalog->n_sorted[kind];
}

size_t catalog_n_conflicts(const struct catalog *catalog)
{
	return catalog->n_conflicts;
}

/* The first one behind (name_space, after); after NULL: the first of the namespace. */
static size_t first_behind(const struct catalog *catalog, enum kind kind, const char *name_space,
			   const char *after)
{
	size_t low = 0, high = catalog->n_sorted[kind];

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct object *object = catalog->sorted[kind][middle]->object;
		int order = by_name(object, name_space, after ? after : "");

		if (order < 0 || (order == 0 && after))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void catalog_list(const struct catalog *catalog, enum kind kind, const char *name_space,
		  const struct selector *selector, const char *after, catalog_visit_fn *visit,
		  void *user)
{
	size_t i = 0;

	/* The order is a cache, not state. */
	sort((struct catalog *)catalog, kind);
	if (name_space)
		i = first_behind(catalog, kind, name_space, after);
	for (; i < catalog->n_sorted[kind]; i++) {
		const struct object *object = catalog->sorted[kind][i]->object;

		if (name_space && strcmp(object->meta.name_space, name_space) != 0)
			return;
		if (!name_space && after && strcmp(object->meta.name, after) <= 0)
			continue;
		if (selector && !selector_matches(selector, &object->meta.labels))
			continue;
		if (!visit(user, object))
			return;
	}
}

void catalog_list_network_lbs(const struct catalog *catalog, const char *name_space,
			      const char *network, catalog_visit_fn *visit, void *user)
{
	const struct net *net = net_find(catalog, name_space, network);
	struct link *link;

	if (!net)
		return;
	DL_FOREACH(net->lbs.first, link)
	{
		if (!visit(user, link->entry->object))
			return;
	}
}

bool catalog_take_touched(struct catalog *catalog, char ret_key[static OBJECT_KEY_MAX])
{
	struct entry *entry = catalog->touched;

	if (!entry)
		return false;
	DL_DELETE2(catalog->touched, entry, touched_prev, touched_next);
	entry->is_touched = false;
	(void)snprintf(ret_key, OBJECT_KEY_MAX, "%s", entry->key);
	entry_drop_unused(catalog, entry);
	return true;
}

static void format_count(wide count, bool is_whole, char text[static 48])
{
	(void)snprintf(text, 48, "340282366920938463463374607431768211456"); /* 2^128 */
	if (!is_whole)
		wide_format(count, text);
}

/* Waiters by selector count for every Prefix that they would take. */
static size_t count_seekers(const struct catalog *catalog, const struct object *prefix)
{
	struct scope scope = scope_of_prefixes(prefix->meta.name_space);
	const struct labels *labels = &prefix->meta.labels;
	size_t n = 0;

	for (size_t i = 0; i <= labels->n_items; i++) {
		const struct chain *seekers = index_seekers(catalog, &scope, labels, i);
		struct link *link;

		if (!seekers)
			continue;
		DL_FOREACH(seekers->first, link)
		{
			for (size_t k = 0; k < object_n_sources(link->entry->object); k++) {
				const struct prefix_spec *wanted =
					waits_for(link->entry->object, k);

				n += wanted && !wanted->parent &&
				     wanted->family == prefix->prefix.family &&
				     selector_matches(wanted->parent_selector, labels);
			}
		}
	}
	return n;
}

int catalog_prefix_usage(const struct catalog *catalog, const char *name_space, const char *name,
			 struct prefix_usage *ret_usage)
{
	const struct object *prefix = catalog_find(catalog, KIND_PREFIX, name_space, name);
	const struct space *space = space_find(catalog, name_space, name);
	struct prefix_usage usage = {.size = "0", .used = "0", .free = "0", .largest_free = 255};
	bool is_all;

	if (!prefix)
		return -ENOENT;
	usage.n_waiters = (space ? space->waiters.n : 0) + count_seekers(catalog, prefix);
	if (space && space->pool) {
		is_all = pool_n_addresses(space->pool) == 0;
		usage.block = *pool_block(space->pool);
		usage.largest_free = pool_largest_free(space->pool);
		format_count(pool_n_addresses(space->pool), is_all, usage.size);
		format_count(pool_n_used(space->pool), is_all && pool_is_full(space->pool),
			     usage.used);
		format_count(pool_n_free(space->pool),
			     is_all && usage.largest_free == usage.block.len, usage.free);
	}
	*ret_usage = usage;
	return 0;
}
