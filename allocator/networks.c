/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/networks.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"
#include "ipam/resolve.h"
#include "messages/codec.h"

/* A Network with a LoadBalancer, or that had one. */
struct net {
	char token[SUBJECT_TOKEN_MAX + 1];
	uint64_t revision, digest;
	bool changed_since_load;
	struct entry *entries;
	struct desired *delta; /* while settling; NULL: unchanged so far */
	uint64_t delta_revision;
	struct net *next_changed;
	UT_hash_handle hh;
};

/* A LoadBalancer that has desired state, or was touched. */
struct entry {
	char *key;
	struct net *net; /* NULL: has no desired state */
	struct uuid uid;
	uint64_t digest, revision;
	bool touched;
	uint64_t first, last;          /* records that touched it; 0: none that stands */
	struct entry *prev, *next;     /* in its net, by revision */
	struct entry *t_prev, *t_next; /* in the touched */
	UT_hash_handle hh;
};

struct networks {
	const struct catalog *catalog;
	struct net *nets;
	struct entry *entries;
	struct entry *touched;
	struct net *changed;
	uint64_t settled_at, loaded_at;
};

int networks_new(const struct catalog *catalog, struct networks **ret_networks)
{
	struct networks *networks = calloc(1, sizeof(*networks));

	if (!networks)
		return -ENOMEM;
	networks->catalog = catalog;
	*ret_networks = networks;
	return 0;
}

static void entry_free(struct networks *networks, struct entry *entry)
{
	HASH_DEL(networks->entries, entry);
	free(entry->key);
	free(entry);
}

void networks_free(struct networks *networks)
{
	struct entry *entry, *next_entry;
	struct net *net, *next_net;

	if (!networks)
		return;
	HASH_ITER(hh, networks->entries, entry, next_entry)
	entry_free(networks, entry);
	HASH_ITER(hh, networks->nets, net, next_net)
	{
		HASH_DEL(networks->nets, net);
		desired_free(net->delta);
		free(net);
	}
	free(networks);
}

static struct entry *entry_get(struct networks *networks, const char *key)
{
	struct entry *entry;

	HASH_FIND_STR(networks->entries, key, entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = strdup(key);
	if (!entry->key) {
		free(entry);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, networks->entries, entry->key, strlen(entry->key), entry);
	return entry;
}

int networks_touch(struct networks *networks, const char *key, uint64_t sequence)
{
	struct entry *entry = entry_get(networks, key);

	if (!entry)
		return -ENOMEM;
	if (!entry->touched) {
		DL_APPEND2(networks->touched, entry, t_prev, t_next);
		entry->touched = true;
		entry->first = entry->last = 0;
	}
	if (!sequence)
		return 0;
	entry->last = sequence;
	if (!entry->first)
		entry->first = sequence;
	return 0;
}

void networks_undone(struct networks *networks, uint64_t sequence)
{
	struct entry *entry;

	DL_FOREACH2(networks->touched, entry, t_next)
	{
		if (entry->first > sequence)
			entry->first = entry->last = 0;
		else if (entry->last > sequence)
			entry->last = sequence;
	}
}

bool networks_is_touched(const struct networks *networks)
{
	return networks->touched;
}

static struct net *net_find(const struct networks *networks, const char *token)
{
	struct net *net;

	HASH_FIND_STR(networks->nets, token, net);
	return net;
}

static struct net *net_get(struct networks *networks, const char *token)
{
	struct net *net = net_find(networks, token);

	if (net)
		return net;
	net = calloc(1, sizeof(*net));
	if (!net)
		return NULL;
	memcpy(net->token, token, strlen(token) + 1);
	net->revision = networks->loaded_at;
	HASH_ADD_STR(networks->nets, token, net);
	return net;
}

/* The delta that the change at `revision` goes into. NULL without memory. */
static struct desired *net_delta(struct networks *networks, struct net *net, uint64_t revision)
{
	if (revision > net->delta_revision)
		net->delta_revision = revision;
	if (net->delta)
		return net->delta;
	net->delta = calloc(1, sizeof(*net->delta));
	if (!net->delta)
		return NULL;
	net->delta->net = strdup(net->token);
	if (!net->delta->net) {
		desired_free(TAKE(net->delta));
		return NULL;
	}
	LL_PREPEND2(networks->changed, net, next_changed);
	return net->delta;
}

static int add_removed(struct networks *networks, struct entry *entry, uint64_t revision)
{
	struct desired *delta = net_delta(networks, entry->net, revision);
	struct uuid *removed = delta ? ARRAY_ADD(delta->removed, delta->n_removed) : NULL;

	if (!removed)
		return -ENOMEM;
	*removed = entry->uid;
	entry->net->digest -= entry->digest;
	DL_DELETE(entry->net->entries, entry);
	entry->net = NULL;
	return 0;
}

/* Takes `lb` in any case. */
static int add_changed(struct networks *networks, struct net *net, struct entry *entry,
		       struct desired_lb *lb, uint64_t digest, uint64_t revision)
{
	auto_call(desired_lb_freep) struct desired_lb *owned = lb;
	struct desired *delta = net_delta(networks, net, revision);
	struct desired_lb **place = delta ? ARRAY_ADD(delta->lbs, delta->n_lbs) : NULL;

	if (!place)
		return -ENOMEM;
	if (entry->net) {
		DL_DELETE(net->entries, entry);
		net->digest -= entry->digest;
	}
	DL_APPEND(net->entries, entry);
	net->digest += digest;
	entry->net = net;
	entry->uid = owned->uid;
	entry->digest = digest;
	entry->revision = revision;
	*place = TAKE(owned);
	return 0;
}

/* What the LoadBalancer is to be now, and where; no `lb`: nothing. */
struct wanted {
	struct resolution resolution;
	char token[SUBJECT_TOKEN_MAX + 1];
	uint64_t digest;
};

static int want(const struct networks *networks, const char *key, struct wanted *wanted)
{
	const struct object *object = catalog_find_key(networks->catalog, key);
	struct desired_lb *lb;
	int r;

	if (!object || object->kind != KIND_LOAD_BALANCER)
		return 0;
	r = resolve_lb(networks->catalog, object, &wanted->resolution);
	if (r < 0)
		return r;
	lb = wanted->resolution.lb;
	if (!lb)
		return 0;
	if (subject_net_token(object->meta.name_space, object_network(object), wanted->token) < 0) {
		desired_lb_free(TAKE(wanted->resolution.lb)); /* a name too long for a node */
		return 0;
	}
	return codec_digest(lb, &wanted->digest);
}

static int settle_wanted(struct networks *networks, struct entry *entry, struct wanted *wanted,
			 uint64_t revision)
{
	struct desired_lb *lb = wanted->resolution.lb;
	struct net *net = NULL;
	bool repeated = entry->first != entry->last;

	if (lb) {
		net = net_get(networks, wanted->token);
		if (!net)
			return -ENOMEM;
	}
	if (entry->net && (!lb || entry->net != net || uuid_compare(&entry->uid, &lb->uid) != 0)) {
		if (add_removed(networks, entry, revision) < 0)
			return -ENOMEM;
	}
	if (!lb || (entry->net && entry->digest == wanted->digest && !repeated))
		return 0;
	return add_changed(networks, net, entry, TAKE(wanted->resolution.lb), wanted->digest,
			   revision);
}

static int settle_entry(struct networks *networks, struct entry *entry, uint64_t sequence)
{
	struct wanted wanted = {};
	uint64_t revision = entry->last && entry->last < sequence ? entry->last : sequence;
	int r = want(networks, entry->key, &wanted);

	if (r == 0)
		r = settle_wanted(networks, entry, &wanted, revision);
	resolution_deinit(&wanted.resolution);
	if (r < 0)
		return r;
	DL_DELETE2(networks->touched, entry, t_prev, t_next);
	entry->touched = false;
	if (!entry->net)
		entry_free(networks, entry);
	return 0;
}

static bool is_too_large(const struct desired *delta)
{
	size_t size = delta->n_removed * sizeof(struct uuid);

	for (size_t i = 0; i < delta->n_lbs && size <= NETWORKS_PART_MAX; i++)
		size += codec_size(delta->lbs[i]);
	return size > NETWORKS_PART_MAX;
}

static void delta_empty(struct desired *delta)
{
	ARRAY_FOREACH(lb, delta->lbs, delta->n_lbs)
		desired_lb_free(*lb);
	delta->n_lbs = delta->n_removed = 0;
	delta->resync = true;
}

static void emit_delta(struct net *net, const struct uuid *epoch, networks_delta_fn *emit,
		       void *user)
{
	struct desired *delta = net->delta;

	delta->epoch = *epoch;
	delta->previous = net->revision;
	delta->revision = net->delta_revision;
	delta->part = delta->n_parts = 1;
	if (is_too_large(delta))
		delta_empty(delta);
	if (emit) {
		net->changed_since_load = true;
		emit(user, delta);
	}
	net->revision = net->delta_revision;
	net->delta_revision = 0;
	desired_free(TAKE(net->delta));
}

int networks_settle(struct networks *networks, const struct uuid *epoch, uint64_t sequence,
		    networks_delta_fn *emit, void *user)
{
	struct net *net, *next;

	if (!emit)
		networks->loaded_at = sequence;
	while (networks->touched) {
		int r = settle_entry(networks, networks->touched, sequence);

		if (r < 0)
			return r;
	}
	LL_FOREACH_SAFE2(networks->changed, net, next, next_changed)
	emit_delta(net, epoch, emit, user);
	networks->changed = NULL;
	networks->settled_at = sequence;
	return 0;
}

void networks_get(const struct networks *networks, const char *token, struct network *ret_network)
{
	const struct net *net = net_find(networks, token);

	*ret_network = (struct network){
		.token = token,
		.revision = net ? net->revision : networks->loaded_at,
		.digest = net ? net->digest : 0,
		.since_load = !net || !net->changed_since_load,
	};
}

uint64_t networks_settled_at(const struct networks *networks)
{
	return networks->settled_at;
}

uint64_t networks_lb_revision(const struct networks *networks, const char *key)
{
	const struct entry *entry;

	HASH_FIND_STR(networks->entries, key, entry);
	return entry && entry->net ? entry->revision : 0;
}

void networks_visit(const struct networks *networks, const char *token, uint64_t since,
		    void (*visit)(void *user, const char *key), void *user)
{
	const struct net *net = net_find(networks, token);
	const struct entry *entry = net && net->entries ? net->entries->prev : NULL;

	while (entry && entry->revision > since) {
		visit(user, entry->key);
		entry = entry == net->entries ? NULL
					      : entry->prev; /* the first one's is the last */
	}
}

/* Snapshots: two passes over the same LoadBalancers, to count the parts and to emit them. */
struct cutter {
	const struct networks *networks;
	struct desired part;
	size_t size;
	networks_delta_fn *emit; /* NULL: only counts */
	void *user;
};

static void cutter_emit(struct cutter *cutter)
{
	struct desired *part = &cutter->part;

	part->part++;
	if (cutter->emit)
		cutter->emit(cutter->user, part);
	ARRAY_FOREACH(lb, part->lbs, part->n_lbs)
		desired_lb_free(*lb);
	free(TAKE(part->lbs));
	part->n_lbs = 0;
	cutter->size = 0;
}

static int cutter_add(struct cutter *cutter, const char *key)
{
	struct wanted wanted = {};
	struct desired_lb **place;
	size_t size;
	int r = want(cutter->networks, key, &wanted);

	if (r < 0 || !wanted.resolution.lb) {
		resolution_deinit(&wanted.resolution);
		return r;
	}
	size = codec_size(wanted.resolution.lb);
	if (cutter->part.n_lbs && cutter->size + size > NETWORKS_PART_MAX)
		cutter_emit(cutter);
	place = ARRAY_ADD(cutter->part.lbs, cutter->part.n_lbs);
	if (place)
		*place = TAKE(wanted.resolution.lb);
	cutter->size += size;
	resolution_deinit(&wanted.resolution);
	return place ? 0 : -ENOMEM;
}

static int cut(struct cutter *cutter, const struct net *net)
{
	const struct entry *entry;
	int r = 0;

	if (net) {
		DL_FOREACH(net->entries, entry)
		{
			r = cutter_add(cutter, entry->key);
			if (r < 0)
				break;
		}
	}
	if (r == 0 && (cutter->part.n_lbs || cutter->part.part == 0))
		cutter_emit(cutter);
	ARRAY_FOREACH(lb, cutter->part.lbs, cutter->part.n_lbs)
		desired_lb_free(*lb);
	free(cutter->part.lbs);
	return r;
}

int networks_snapshot(const struct networks *networks, const struct uuid *epoch, const char *token,
		      networks_delta_fn *emit, void *user)
{
	const struct net *net = net_find(networks, token);
	struct cutter count = {.networks = networks};
	struct cutter cutter = {.networks = networks, .emit = emit, .user = user};
	int r;

	if (!subject_is_token(token))
		return -EINVAL;
	r = cut(&count, net);
	if (r < 0)
		return r;
	cutter.part = (struct desired){
		.net = (char *)token, /* borrowed: the part is never freed as a whole */
		.epoch = *epoch,
		.revision = networks->settled_at,
		.snapshot = true,
		.n_parts = count.part.part,
	};
	return cut(&cutter, net);
}
