/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ipam/catalog.h"

/*
 * The slow and plain version of what ipam/ decides: no index, no pool, nothing kept. Everything is
 * worked out from a list of all objects, address by address. Knows 10.0.0.0/24 and fd00::/120 only.
 */
struct naive {
	const struct object *objects[256];
	size_t n_objects;
};

void naive_load(struct naive *naive, const struct catalog *catalog);

/*
 * What entry i of `object` would get of `prefix` if it asked now, whoever else waits.
 * Return: true when it would get something.
 */
bool naive_fit(const struct naive *naive, const struct object *object, size_t i,
	       const struct object *prefix, struct cidr *ret_block);

/* True when entry i of `object` waits, and may be served by `prefix`. */
bool naive_waits_for(const struct object *object, size_t i, const struct object *prefix);
bool naive_is_older(const struct object *a, const struct object *b);

/* The oldest object that waits for `prefix` and could be served. */
const struct object *naive_oldest_waiter(const struct naive *naive, const struct object *prefix);

/* What entry i should be given: from which prefix, and what. NULL: it has to wait. */
const struct object *naive_choose(const struct naive *naive, const struct object *object, size_t i,
				  struct cidr *ret_block);

/* Who else holds the address in the Network of `object`; NULL: nobody. */
const struct object *naive_holder(const struct naive *naive, const struct object *object,
				  const struct address *address);

size_t naive_n_used(const struct naive *naive, const struct object *prefix);

/* Fails the test when any two leases collide, or one lies outside of its prefix. */
void naive_check(const struct naive *naive);
