/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/require.h"
#include "ipam/state.h"

bool object_is_older(const struct object *a, const struct object *b)
{
	if (a->meta.created_ms != b->meta.created_ms)
		return a->meta.created_ms < b->meta.created_ms;
	return uuid_compare(&a->meta.uid, &b->meta.uid) < 0;
}

bool entry_is_older(const struct entry *a, const struct entry *b)
{
	return object_is_older(a->object, b->object);
}

bool entry_is_stored_before(const struct entry *a, const struct entry *b)
{
	return a->object->meta.resource_version < b->object->meta.resource_version;
}

/* The element to insert before: mostly the newest comes last, so the search begins there. */
static struct link *place_in(const struct chain *chain, const struct entry *entry,
			     before_fn *before)
{
	struct link *behind = NULL;

	if (!before || !chain->first)
		return NULL;
	if (before(entry, chain->first->entry))
		return chain->first;
	for (struct link *link = chain->first->prev; before(entry, link->entry); link = link->prev)
		behind = link;
	return behind;
}

struct link *chain_add(struct chain *chain, struct entry *entry, before_fn *before)
{
	struct link *link = calloc(1, sizeof(*link)), *behind = place_in(chain, entry, before);

	if (!link)
		return NULL;
	link->entry = entry;
	link->chain = chain;
	link->of_entry = entry->links;
	entry->links = link;
	if (behind)
		DL_PREPEND_ELEM(chain->first, behind, link);
	else
		DL_APPEND(chain->first, link);
	chain->n++;
	return link;
}

void chain_remove(struct link *link)
{
	DL_DELETE(link->chain->first, link);
	link->chain->n--;
	free(link);
}

static const char *name_key(const char *name_space, const char *name, char key[static NAME_KEY_MAX])
{
	int n = snprintf(key, NAME_KEY_MAX, "%s/%s", name_space, name);

	require(n > 0 && n < NAME_KEY_MAX);
	return key;
}

struct net *net_find(const struct catalog *catalog, const char *name_space, const char *name)
{
	char key[NAME_KEY_MAX];
	struct net *net;

	HASH_FIND_STR(catalog->nets, name_key(name_space, name, key), net);
	return net;
}

struct net *net_get(struct catalog *catalog, const char *name_space, const char *name)
{
	char key[NAME_KEY_MAX];
	struct net *net = net_find(catalog, name_space, name);

	if (net)
		return net;
	net = calloc(1, sizeof(*net));
	if (!net || !(net->key = strdup(name_key(name_space, name, key)))) {
		free(net);
		return NULL;
	}
	lease_table_init(&net->addresses);
	net->numbers = (struct flat)FLAT_INIT(2);
	HASH_ADD_KEYPTR(hh, catalog->nets, net->key, strlen(net->key), net);
	return net;
}

static void net_free(struct catalog *catalog, struct net *net)
{
	HASH_DEL(catalog->nets, net);
	lease_table_deinit(&net->addresses);
	flat_deinit(&net->numbers);
	free(net->key);
	free(net);
}

void net_drop_unused(struct catalog *catalog, struct net *net)
{
	if (!net->users.n)
		net_free(catalog, net);
}

struct space *space_find(const struct catalog *catalog, const char *name_space, const char *name)
{
	char key[NAME_KEY_MAX];
	struct space *space;

	HASH_FIND_STR(catalog->spaces, name_key(name_space, name, key), space);
	return space;
}

struct space *space_get(struct catalog *catalog, const char *name_space, const char *name)
{
	char key[NAME_KEY_MAX];
	struct space *space = space_find(catalog, name_space, name);

	if (space)
		return space;
	space = calloc(1, sizeof(*space));
	if (!space || !(space->key = strdup(name_key(name_space, name, key)))) {
		free(space);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, catalog->spaces, space->key, strlen(space->key), space);
	return space;
}

static void space_free(struct catalog *catalog, struct space *space)
{
	HASH_DEL(catalog->spaces, space);
	pool_free(space->pool);
	free(space->key);
	free(space);
}

void space_drop_unused(struct catalog *catalog, struct space *space)
{
	if (space->pool || space->holders.n || space->waiters.n)
		return;
	space_clear(catalog, space);
	space_free(catalog, space);
}

bool space_is_roomier(const struct space *a, const struct space *b)
{
	/* Both have room, so 0 is 2^128: one less of it is more than all others. */
	wide x = pool_n_free(a->pool) - 1, y = pool_n_free(b->pool) - 1;

	return x != y ? x > y : strcmp(a->key, b->key) < 0;
}

struct scope scope_of_nics(const char *name_space, const char *network)
{
	struct scope scope;

	(void)snprintf(scope.text, sizeof(scope.text), "nic %s/%s", name_space, network);
	return scope;
}

struct scope scope_of_prefixes(const char *name_space)
{
	struct scope scope;

	(void)snprintf(scope.text, sizeof(scope.text), "prefix %s", name_space);
	return scope;
}

/* Labels are at most 253 + 1 + 63 + 1 + 63 bytes; longer ones cannot come out of validation. */
#define BUCKET_KEY_MAX 1024

static size_t bucket_key(const struct scope *scope, const struct label *label,
			 char key[static BUCKET_KEY_MAX])
{
	int n = snprintf(key, BUCKET_KEY_MAX, label ? "%s %s=%s" : "%s", scope->text,
			 label ? label->key : "", label ? label->value : "");

	require(n > 0 && n < BUCKET_KEY_MAX);
	return (size_t)n;
}

static struct bucket *bucket_find(const struct catalog *catalog, const struct scope *scope,
				  const struct label *label)
{
	char key[BUCKET_KEY_MAX];
	size_t len = bucket_key(scope, label, key);
	struct bucket *bucket;

	HASH_FIND(hh, catalog->buckets, key, len, bucket);
	return bucket;
}

static struct bucket *bucket_get(struct catalog *catalog, const struct scope *scope,
				 const struct label *label)
{
	struct bucket *bucket = bucket_find(catalog, scope, label);
	char key[BUCKET_KEY_MAX];
	size_t len = bucket_key(scope, label, key);

	if (bucket)
		return bucket;
	bucket = calloc(1, sizeof(*bucket));
	if (!bucket || !(bucket->key = strdup(key))) {
		free(bucket);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, catalog->buckets, bucket->key, len, bucket);
	return bucket;
}

static void bucket_free(struct catalog *catalog, struct bucket *bucket)
{
	HASH_DEL(catalog->buckets, bucket);
	free(bucket->key);
	free(bucket);
}

static void bucket_drop_unused(struct catalog *catalog, const struct scope *scope,
			       const struct label *label)
{
	struct bucket *bucket = bucket_find(catalog, scope, label);

	if (bucket && !bucket->members.n && !bucket->seekers.n)
		bucket_free(catalog, bucket);
}

int index_add_member(struct catalog *catalog, const struct scope *scope,
		     const struct labels *labels, struct entry *entry)
{
	for (size_t i = 0; i <= labels->n_items; i++) {
		const struct label *label = i < labels->n_items ? &labels->items[i] : NULL;
		struct bucket *bucket = bucket_get(catalog, scope, label);

		if (!bucket || !chain_add(&bucket->members, entry, NULL))
			return -ENOMEM;
	}
	return 0;
}

/* A seeker stands behind the first label that it asks for: who lacks that one need not look. */
static const struct label *first_label(const struct selector *selector)
{
	return selector->match_labels.n_items ? &selector->match_labels.items[0] : NULL;
}

int index_add_seeker(struct catalog *catalog, const struct scope *scope,
		     const struct selector *selector, struct entry *entry, before_fn *before)
{
	struct bucket *bucket = bucket_get(catalog, scope, first_label(selector));

	return bucket && chain_add(&bucket->seekers, entry, before) ? 0 : -ENOMEM;
}

void index_drop_unused(struct catalog *catalog, const struct scope *scope,
		       const struct labels *labels)
{
	for (size_t i = 0; i < labels->n_items; i++)
		bucket_drop_unused(catalog, scope, &labels->items[i]);
	bucket_drop_unused(catalog, scope, NULL);
}

void index_drop_seeker(struct catalog *catalog, const struct scope *scope,
		       const struct selector *selector)
{
	bucket_drop_unused(catalog, scope, first_label(selector));
}

const struct chain *index_members(const struct catalog *catalog, const struct scope *scope,
				  const struct selector *selector)
{
	const struct labels *labels = &selector->match_labels;
	const struct chain *least = NULL;

	for (size_t i = 0; i < labels->n_items || i == 0; i++) {
		const struct bucket *bucket =
			bucket_find(catalog, scope, labels->n_items ? &labels->items[i] : NULL);

		if (!bucket)
			return NULL;
		if (!least || bucket->members.n < least->n)
			least = &bucket->members;
	}
	return least;
}

const struct chain *index_seekers(const struct catalog *catalog, const struct scope *scope,
				  const struct labels *labels, size_t i)
{
	const struct bucket *bucket =
		bucket_find(catalog, scope, i < labels->n_items ? &labels->items[i] : NULL);

	return bucket ? &bucket->seekers : NULL;
}

/* An address is a label too, of a scope of its own. */
struct route {
	struct scope scope;
	char text[ADDRESS_TEXT_MAX];
	struct label label;
};

static void route_init(struct route *route, const char *name_space, const struct address *address)
{
	(void)snprintf(route->scope.text, sizeof(route->scope.text), "route %s", name_space);
	address_format(address, route->text);
	route->label = (struct label){route->text, route->text};
}

int index_add_route(struct catalog *catalog, const char *name_space, const struct address *address,
		    struct entry *entry)
{
	struct route route;
	struct bucket *bucket;

	route_init(&route, name_space, address);
	bucket = bucket_get(catalog, &route.scope, &route.label);
	return bucket && chain_add(&bucket->members, entry, NULL) ? 0 : -ENOMEM;
}

void index_drop_route(struct catalog *catalog, const char *name_space,
		      const struct address *address)
{
	struct route route;

	route_init(&route, name_space, address);
	bucket_drop_unused(catalog, &route.scope, &route.label);
}

const struct chain *index_routes(const struct catalog *catalog, const char *name_space,
				 const struct address *address)
{
	const struct bucket *bucket;
	struct route route;

	route_init(&route, name_space, address);
	bucket = bucket_find(catalog, &route.scope, &route.label);
	return bucket ? &bucket->members : NULL;
}

void index_free(struct catalog *catalog)
{
	struct net *net, *next_net;
	struct space *space, *next_space;
	struct bucket *bucket, *next_bucket;

	HASH_ITER(hh, catalog->nets, net, next_net)
	net_free(catalog, net);
	HASH_ITER(hh, catalog->spaces, space, next_space)
	space_free(catalog, space);
	HASH_ITER(hh, catalog->buckets, bucket, next_bucket)
	bucket_free(catalog, bucket);
}
