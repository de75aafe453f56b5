/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "dataplane/conntrack.h"
#include "dataplane/entries.h"
#include "dataplane/stale.h"

/*
 * Connection entries of a former run that the first state has no use for: made for a LoadBalancer
 * or a destination that went while nobody was looking. All of a LoadBalancer that is gone, and UDP
 * and SCTP of a destination that is gone, are deleted; TCP connections of such a destination are
 * drained from now on.
 * Return: 0, -ENOMEM, or an errno.
 */
must_check int leftovers_delete(struct conntrack *conntrack, const struct entries *entries,
				struct stale *stale, uint64_t now_ms, struct error *err);
