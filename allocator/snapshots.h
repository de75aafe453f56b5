/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "allocator/networks.h"
#include "allocator/outgoing.h"

/*
 * Snapshots of Networks, packed once for all nodes that ask while nothing is committed: after a
 * failure of the bus, or of power, a thousand of them ask at once.
 */

#define SNAPSHOTS_BYTES_MAX (64U << 20) /* kept at a time; a single larger one is kept alone */

struct snapshots;

must_check int snapshots_new(struct snapshots **ret_snapshots);
void snapshots_free(struct snapshots *snapshots);
AUTO_DEFINE(struct snapshots, snapshots_free);

/*
 * The snapshot as of the last settle of `networks`.
 * @ret_parts: borrowed, until the next call.
 * Return: as networks_snapshot().
 */
must_check int snapshots_get(struct snapshots *snapshots, const struct networks *networks,
			     const struct uuid *epoch, const char *token,
			     struct outgoing *const **ret_parts, size_t *ret_n_parts);
