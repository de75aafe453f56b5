/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "allocator/healthtable.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "base/array.h"
#include "base/text.h"
#include "messages/codec.h"
#include "messages/subjects.h"

struct packed {
	void *bytes;
	size_t len;
};

struct net {
	char token[SUBJECT_TOKEN_MAX + 1];
	struct healthtable *table;
	struct verdicts *verdicts;
	struct packed *packed; /* as of packed_ms */
	size_t n_packed;
	uint64_t packed_ms;
	UT_hash_handle hh;
};

struct healthtable {
	struct net *nets;
	healthtable_fn *on_changed;
	void *user;
	struct healthtable_counts counts;
};

int healthtable_new(healthtable_fn *on_changed, void *user, struct healthtable **ret_table)
{
	struct healthtable *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->on_changed = on_changed;
	table->user = user;
	*ret_table = table;
	return 0;
}

static void forget_packed(struct net *net)
{
	ARRAY_FOREACH(packed, net->packed, net->n_packed)
		free(packed->bytes);
	free(TAKE(net->packed));
	net->n_packed = 0;
}

static void net_free(struct net *net)
{
	HASH_DEL(net->table->nets, net);
	net->table->counts.nets--;
	net->table->counts.verdicts -= verdicts_count(net->verdicts);
	forget_packed(net);
	verdicts_free(net->verdicts);
	free(net);
}

void healthtable_free(struct healthtable *table)
{
	struct net *net, *next;

	if (!table)
		return;
	HASH_ITER(hh, table->nets, net, next)
	net_free(net);
	free(table);
}

static void on_verdict(void *user, const char *node, const struct health_verdict *verdict)
{
	struct net *net = user;

	(void)node;
	net->table->on_changed(net->table->user, net->token, &verdict->address);
}

static struct net *net_find(const struct healthtable *table, const char *token)
{
	struct net *net;

	HASH_FIND_STR(table->nets, token, net);
	return net;
}

static int net_new(struct healthtable *table, const char *token, struct net **ret_net)
{
	struct net *net;

	if (table->counts.nets >= HEALTHTABLE_NETS_MAX || strlen(token) >= sizeof(net->token))
		return -E2BIG;
	net = calloc(1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	memcpy(net->token, token, strlen(token) + 1);
	net->table = table;
	if (verdicts_new(NULL, on_verdict, net, &net->verdicts) == 0)
		HASH_ADD_STR(table->nets, token, net);
	if (!net->hh.tbl) {
		verdicts_free(net->verdicts);
		free(net);
		return -ENOMEM;
	}
	table->counts.nets++;
	*ret_net = net;
	return 0;
}

int healthtable_take(struct healthtable *table, const struct health *health, uint64_t now)
{
	struct net *net = net_find(table, health->net);
	bool was_dead, is_new;
	size_t n_before, n;
	int r = 0;

	if (!net)
		r = net_new(table, health->net, &net);
	if (r < 0)
		return r;
	was_dead = verdicts_is_dead(net->verdicts, health->node);
	n_before = verdicts_count(net->verdicts);
	/* One maximum for all, and for what is new: at it, what is known changes and goes all the same. */
	verdicts_set_max(net->verdicts,
			 n_before + HEALTHTABLE_VERDICTS_MAX - table->counts.verdicts);
	r = verdicts_take(net->verdicts, health, now, &is_new);
	n = verdicts_count(net->verdicts);
	table->counts.verdicts += n - n_before;
	table->counts.taken++;
	if (n < n_before || was_dead != verdicts_is_dead(net->verdicts, health->node))
		table->on_changed(table->user, net->token, NULL);
	return r;
}

void healthtable_expire(struct healthtable *table, uint64_t now)
{
	struct net *net, *next;

	if (now < HEALTHTABLE_KEEP_MS)
		return;
	HASH_ITER(hh, table->nets, net, next)
	{
		size_t n_before = verdicts_count(net->verdicts), n;

		verdicts_forget(net->verdicts, now - HEALTHTABLE_KEEP_MS);
		n = verdicts_count(net->verdicts);
		table->counts.verdicts -= n_before - n;
		if (n < n_before)
			table->on_changed(table->user, net->token, NULL);
		if (verdicts_is_empty(net->verdicts))
			net_free(net);
	}
}

const struct verdicts *healthtable_find(const struct healthtable *table, const char *net)
{
	const struct net *found = net_find(table, net);

	return found ? found->verdicts : NULL;
}

static int pack_part(struct net *net, const struct health *part)
{
	struct packed *packed = ARRAY_ADD(net->packed, net->n_packed);

	if (!packed)
		return -ENOMEM;
	return health_pack(part, &packed->bytes, &packed->len);
}

struct packing {
	struct net *net;
	int r;
};

static void pack_node(void *user, const struct health *health)
{
	struct packing *packing = user;
	struct health part = *health;
	size_t at = 0;

	part.net = packing->net->token;
	do {
		size_t n = health->n_verdicts - at;

		part.verdicts = health->verdicts + at;
		part.n_verdicts = n < HEALTHTABLE_PART_MAX ? n : HEALTHTABLE_PART_MAX;
		if (packing->r == 0)
			packing->r = pack_part(packing->net, &part);
		at += part.n_verdicts;
	} while (at < health->n_verdicts);
}

static int pack(struct net *net, uint64_t now)
{
	struct packing packing = {.net = net};
	int r;

	if (net->packed && now - net->packed_ms < HEALTHTABLE_PACKED_MS)
		return 0;
	forget_packed(net);
	net->packed_ms = now;
	r = verdicts_visit(net->verdicts, pack_node, &packing);
	return r < 0 ? r : packing.r;
}

int healthtable_say(struct healthtable *table, const char *net, uint64_t now,
		    healthtable_say_fn *say, void *user)
{
	struct net *found = net_find(table, net);
	int r;

	if (!found)
		return 0;
	r = pack(found, now);
	ARRAY_FOREACH(packed, found->packed, found->n_packed) {
		if (packed->bytes)
			say(user, packed->bytes, packed->len);
	}
	return r;
}

struct healthtable_counts healthtable_counts(const struct healthtable *table)
{
	return table->counts;
}
