/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "allocator/world.h"
#include "base/error.h"

/*
 * `status` of objects: worked out from the object, its leases and what nodes report; shown in
 * answers and events, and mirrored to the bucket "ilb-status" for who watches buckets. The mirror is
 * soft: plain puts, only of what differs, after a short random wait, so that of several replicas
 * one usually writes. What is there is also the memory of when a condition last changed.
 */

#define MIRROR_BUCKET "ilb-status"

must_check int mirror_new(struct world *world, unsigned replicas, struct mirror **ret_mirror);
void mirror_free(struct mirror *mirror); /* before bus_close() */

/* The status of an object as of now. Return: a new reference; NULL without memory. */
json_t *mirror_status(struct mirror *mirror, const struct object *object);

/* The object with its status, as people see it. Return: a new reference; NULL without memory. */
json_t *mirror_object(struct mirror *mirror, const struct object *object);

/* The status of that object may have changed. */
void mirror_touch(struct mirror *mirror, const char *key);
/* Of the LoadBalancers of a Network whose desired state is from a revision beyond `since`. */
void mirror_touch_network(struct mirror *mirror, const char *token, uint64_t since);
/* An object was stored or removed: its own status, and that of the Prefixes that it draws on. */
void mirror_touch_object(struct mirror *mirror, const struct object *object);

/*
 * Does a bounded share of what is due. Only while the catalog is settled.
 * Return: true when more is due now.
 */
bool mirror_work(struct mirror *mirror);

void mirror_tick(struct mirror *mirror); /* every 100 ms or so */
