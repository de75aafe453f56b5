/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ipam/catalog.h"
#include "ipam/object.h"
#include "ipam/problem.h"
#include "ipam/state.h"

/*
 * Which addresses and blocks an object is to hold: those that it keeps, and for entries without one
 * what is to be had. Decides only; the catalog takes what stands on the object.
 */

#define LEASES_MAX 64 /* of one object: what it names, and what it waits to give back */

/*
 * Fills in `object->leases`. Older objects that wait for an address get it first: it is left to them.
 * @existing: the version before, NULL for a new object. Its leases stay with the entries that ask
 *            for the same; those that no entry asks for become `releasing`.
 * @problems: gets literals that somebody else holds.
 * Return: 0, -ENOMEM.
 */
must_check int allocate(const struct catalog *catalog, struct object *object,
			const struct object *existing, struct problems *problems);

/* Length of the block that is asked for: all bits for an address. */
unsigned allocate_len(const struct object *object, const struct prefix_spec *wanted);

/* True when something that `object` waits for could be had from `space` now. */
bool allocate_could_serve(const struct catalog *catalog, const struct object *object,
			  const struct space *space);

/* The oldest object that waits for `space` and could be served from it; NULL: none. */
const struct object *allocate_oldest_waiter(const struct catalog *catalog,
					    const struct space *space);

/*
 * A LoadBalancer number that was not in use for long. 0: all are in use.
 * @sequence: of the record that will say so. Nothing remembers the numbers of what was deleted, but
 *            they were taken from sequences before this one.
 */
uint32_t allocate_number(const struct catalog *catalog, const struct object *lb, uint64_t sequence);

/* "LoadBalancer default/web", and that it is on its way out where it is. */
void allocate_describe_holder(const struct object *holder, const struct address *address,
			      char *text, size_t room);
