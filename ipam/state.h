/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "ipam/catalog.h"
#include "ipam/flat.h"
#include "ipam/lease.h"
#include "ipam/object.h"
#include "ipam/pool.h"

/*
 * The insides of the catalog, for ipam/ alone: catalog.c takes objects in and out, attach.c keeps
 * the tables below in step with them, touch.c remembers what a change concerns, index.c is the plumbing.
 *
 * Every table is made of chains of entries. An entry knows its links, so that taking it out costs
 * what it is in.
 */

/* One object. It outlives its object while somebody is still to be told that it is gone. */
struct entry {
	UT_hash_handle hh; /* in catalog.entries, by key */
	char *key;
	struct object *object; /* NULL: gone */
	struct link *links;
	size_t position;    /* in catalog.sorted[kind] */
	size_t n_conflicts; /* of its leases, left out of the tables */
	bool is_touched, is_unsized;
	struct entry *touched_prev, *touched_next; /* LoadBalancers: catalog.touched */
	struct entry *unsized_prev, *unsized_next; /* LoadBalancers: catalog.unsized */
};

struct chain {
	struct link *first; /* utlist.h, DL */
	size_t n;
};

struct link {
	struct entry *entry;
	struct link *of_entry; /* next in entry.links */
	struct chain *chain;
	struct link *prev, *next;
	struct cidr block; /* in space.holders: what is held */
	bool taken, conflict;
};

/* A Network, by the name that objects call it: exists while any does. */
struct net {
	UT_hash_handle hh;
	char *key;                    /* "namespace/name" */
	struct lease_table addresses; /* holders are entries */
	struct flat numbers;          /* of LoadBalancers */
	uint32_t last_number; /* given last: the next search begins behind it; 0: none was */
	struct chain users, lbs;
	struct chain waiters; /* objects with an ephemeral address still to be had */
	struct chain leaving; /* being deleted, or with a lease to give back; by resourceVersion */
	struct net *leaving_prev,
		*leaving_next; /* catalog.leaving: nets whose chain is not empty */
};

/* A Prefix, by the name that objects call it. */
struct space {
	UT_hash_handle hh;
	char *key;                     /* "namespace/name" */
	struct pool *pool;             /* NULL: does not exist, or has no block yet */
	struct chain holders, waiters; /* waiters: by age */
	bool is_dirty;                 /* a waiter may be served: in catalog.dirty */
	struct space *dirty_prev, *dirty_next;
};

/* What bears a label, and who selects by it. The label "" is everything's. */
struct bucket {
	UT_hash_handle hh;
	char *key; /* scope and label */
	struct chain members, seekers;
};

struct catalog {
	struct entry *entries;
	struct net *nets;
	struct space *spaces;
	struct bucket *buckets;
	struct entry **sorted[KIND_N_KINDS]; /* by namespace and name, when is_sorted */
	size_t n_sorted[KIND_N_KINDS];
	bool is_sorted[KIND_N_KINDS];
	struct entry *touched, *unsized;
	struct space *dirty;
	struct net *leaving;
	size_t n_conflicts;
	size_t n_looked_at; /* LoadBalancers whose selector was tried, for tests and bench/ */
};

/* Numbers of LoadBalancers are given in a circle, and compare as in RFC 1982. */
static inline bool number_is_behind(uint32_t number, uint32_t other)
{
	return ((other - number) & DESIRED_NUMBER_MAX) <= DESIRED_NUMBER_MAX / 2;
}

/* index.c */

#define NAME_KEY_MAX 384 /* "namespace/name" */

typedef bool before_fn(const struct entry *a, const struct entry *b);
bool object_is_older(const struct object *a, const struct object *b); /* creation, then uid */
bool entry_is_older(const struct entry *a, const struct entry *b);
bool entry_is_stored_before(const struct entry *a, const struct entry *b);

/*
 * Puts `entry` into `chain`, behind all that are before it; NULL: at the end.
 * Return: the link; NULL without memory.
 */
struct link *chain_add(struct chain *chain, struct entry *entry, before_fn *before);
void chain_remove(struct link *link); /* and frees it; the entry forgets it by itself */

struct net *net_find(const struct catalog *catalog, const char *name_space, const char *name);
struct net *net_get(struct catalog *catalog, const char *name_space, const char *name);
void net_drop_unused(struct catalog *catalog, struct net *net);
struct space *space_find(const struct catalog *catalog, const char *name_space, const char *name);
struct space *space_get(struct catalog *catalog, const char *name_space, const char *name);
void space_drop_unused(struct catalog *catalog, struct space *space);
/* More free addresses, or as many and the lower name. Both have a pool. */
bool space_is_roomier(const struct space *a, const struct space *b);
void index_free(struct catalog *catalog);

/* Scopes of labels: NetworkInterfaces of a Network, Prefixes of a namespace. */
struct scope {
	char text[NAME_KEY_MAX];
};
struct scope scope_of_nics(const char *name_space, const char *network);
struct scope scope_of_prefixes(const char *name_space);

must_check int index_add_member(struct catalog *catalog, const struct scope *scope,
				const struct labels *labels, struct entry *entry);
must_check int index_add_seeker(struct catalog *catalog, const struct scope *scope,
				const struct selector *selector, struct entry *entry,
				before_fn *before);
void index_drop_unused(struct catalog *catalog, const struct scope *scope,
		       const struct labels *labels);
void index_drop_seeker(struct catalog *catalog, const struct scope *scope,
		       const struct selector *selector);

/* The smallest chain that holds all members that can match; may be NULL: none does. */
const struct chain *index_members(const struct catalog *catalog, const struct scope *scope,
				  const struct selector *selector);

/* The chain of seekers behind the label number i of `labels`; i = n_items: those behind none. */
const struct chain *index_seekers(const struct catalog *catalog, const struct scope *scope,
				  const struct labels *labels, size_t i);

/* LoadBalancerRoutings of a namespace by an address that they name: its node may change. */
must_check int index_add_route(struct catalog *catalog, const char *name_space,
			       const struct address *address, struct entry *entry);
void index_drop_route(struct catalog *catalog, const char *name_space,
		      const struct address *address);
const struct chain *index_routes(const struct catalog *catalog, const char *name_space,
				 const struct address *address);

/* attach.c */

/* Puts entry.object into all tables. Return: 0, -ENOMEM (detach then). */
must_check int attach(struct catalog *catalog, struct entry *entry);

/*
 * Takes it out again, but for what is free in a Prefix: close_prefix(), once it is gone for good.
 */
void detach(struct catalog *catalog, struct entry *entry);
void close_prefix(struct catalog *catalog, const struct object *prefix);

/*
 * What the object waits for.
 * @i: entry of spec.ips; 0 for a Prefix.
 * Return: the request, NULL when entry i waits for nothing.
 */
const struct prefix_spec *waits_for(const struct object *object, size_t i);
bool object_is_leaving(const struct object *object);
const struct lease *object_lease(const struct object *object, size_t i); /* not a releasing one */
static inline size_t object_n_sources(const struct object *object)
{
	const struct addressing *addressing = object_addressing(object);

	return addressing ? addressing->n_ips : object->kind == KIND_PREFIX ? 1 : 0;
}

/* touch.c */

/* Marks the LoadBalancers that the object, as it is or was, has a part in. */
void touch_concerned(struct catalog *catalog, const struct entry *entry);
void touch_lb(struct catalog *catalog, struct entry *entry);
void sized(struct catalog *catalog, struct entry *entry); /* nothing to do about its table */

/* Marks Prefixes whose waiters are worth a look. */
void space_mark(struct catalog *catalog, struct space *space);
void space_clear(struct catalog *catalog, struct space *space);
void mark_awaited(struct catalog *catalog, const struct object *waiter);
void mark_freed(struct catalog *catalog, const struct object *old); /* after old has changed */
