/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ipam/object.h"
#include "ipam/selector.h"

/*
 * All objects of the store as of one moment, with the indexes that make a change cost what it
 * changes, and the two structures derived from the leases on the objects: who holds which address of
 * a Network (ipam/lease.h), and what is free in each Prefix (ipam/pool.h).
 *
 * catalog_put() and catalog_remove() are the only ways in, and each undoes the other: putting
 * the old version back restores everything. So the allocator may apply a change before the store
 * has confirmed it, and take it back.
 */
struct catalog;

must_check int catalog_new(struct catalog **ret_catalog); /* -ENOMEM */
void catalog_free(struct catalog *catalog);
AUTO_DEFINE(struct catalog, catalog_free);

/*
 * Takes `object` in, in place of the one with the same key.
 * @ret_old: the version before, the caller frees it or puts it back; NULL when it is new.
 * Leases that collide with those of another object (a store that was tampered with) are left out of
 * the tables and counted by catalog_n_conflicts(); the object stands.
 * Return: 0, -ENOMEM (nothing changed).
 */
must_check int catalog_put(struct catalog *catalog, struct object *object, struct object **ret_old);

/* Takes the object out and gives it away; NULL when there is none. */
struct object *catalog_remove(struct catalog *catalog, const char *key);

/* Borrowed until the next put or remove of the same key; NULL when there is none. */
const struct object *catalog_find(const struct catalog *catalog, enum kind kind,
				  const char *name_space, const char *name);
const struct object *catalog_find_key(const struct catalog *catalog, const char *key);
size_t catalog_count(const struct catalog *catalog, enum kind kind);
size_t catalog_n_conflicts(const struct catalog *catalog);

/*
 * Lists objects of a kind in a namespace, sorted by name: calls `visit` for each whose labels
 * match `selector` (NULL: all) and whose name is greater than `after` (NULL: from the first), until
 * it gives false. name_space NULL: all namespaces, sorted by namespace and name.
 */
typedef bool catalog_visit_fn(void *user, const struct object *object);
void catalog_list(const struct catalog *catalog, enum kind kind, const char *name_space,
		  const struct selector *selector, const char *after, catalog_visit_fn *visit,
		  void *user);

/* LoadBalancers of a Network, in no particular order. */
void catalog_list_network_lbs(const struct catalog *catalog, const char *name_space,
			      const char *network, catalog_visit_fn *visit, void *user);

/*
 * LoadBalancers that have the address as a destination: by their selector, or by their routing. An
 * address of a LoadBalancer in another Network of the namespace may be among a routing's.
 */
void catalog_list_served(const struct catalog *catalog, const char *name_space, const char *network,
			 const struct address *address, catalog_visit_fn *visit, void *user);

/*
 * LoadBalancers whose desired state may have changed since they were taken last, each once:
 * itself, its NetworkInterfaces, its routing, its leases. Gives the key of one and forgets it; the
 * object may be gone by now.
 * Return: true while there was one.
 */
bool catalog_take_touched(struct catalog *catalog, char ret_key[static OBJECT_KEY_MAX]);

/* How much of a Prefix is used, for status and `ilb get prefixes`. */
struct prefix_usage {
	struct cidr block; /* what the Prefix has; .address.family NONE while not allocated */
	char size[48];     /* addresses, decimal (up to 2^128) */
	char used[48], free[48];
	unsigned largest_free; /* length of the largest free block; 255 when full */
	size_t n_waiters;      /* objects that wait for a block or address of it */
};

/* Return: 0, -ENOENT. */
must_check int catalog_prefix_usage(const struct catalog *catalog, const char *name_space,
				    const char *name, struct prefix_usage *ret_usage);
