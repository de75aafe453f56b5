/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "ipam/catalog.h"
#include "ipam/document.h"
#include "messages/desired.h"

/*
 * The allocator's decisions without an allocator: manifests go into a catalog in memory, desired
 * state comes out. Pure: uids are made of names, so the same manifests give the same state.
 */

/*
 * Applies one manifest, as `ilb apply` would, and serves whoever waited for something in it.
 * @problems: a line each, "loadbalancer/web: spec.ips[0].ip: ...".
 * Return: 0, -EBADMSG (there are problems), -ENOMEM.
 */
must_check int offline_apply(struct catalog *catalog, const struct documents *documents,
			     struct text *problems);

/*
 * Everything of one Network, its LoadBalancers sorted by name. The caller fills in epoch, revision,
 * previous and whether it is a snapshot.
 * @waiting: a line for each LoadBalancer that has nothing to forward yet.
 * Return: 0, -EINVAL (no name of a Network), -ENOMEM.
 */
must_check int offline_desired(const struct catalog *catalog, const char *name_space,
			       const char *network, struct desired **ret_desired,
			       struct text *waiting, struct error *err);

/* An id that is made of a text, always the same. */
struct uuid offline_uuid(const char *text);
