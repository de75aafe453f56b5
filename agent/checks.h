/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/attempt.h"
#include "agent/pulse.h"
#include "messages/health.h"

/*
 * The checks that this node makes in one Network, each again and again at its interval, at a phase
 * of its own. The same check of the same destination is made once, however many LoadBalancers ask
 * for it.
 */
struct checks;

/* A verdict is new, or another one than before. `verdict` is borrowed. */
typedef void checks_fn(void *user, const struct health_verdict *verdict);

/* @attempts, @net: borrowed. Return: 0, -ENOMEM. */
must_check int checks_new(struct attempts *attempts, const char *net, checks_fn *on_verdict,
			  void *user, struct checks **ret_checks);
void checks_free(struct checks *checks);
AUTO_DEFINE(struct checks, checks_free);

/*
 * Counted: the last checks_remove() ends it.
 * @trusted: as far as is known it is healthy, so that a new check needs more than one failure.
 * Return: 0, -ENOMEM.
 */
must_check int checks_add(struct checks *checks, const struct address *address,
			  const struct desired_check *check, bool trusted);
/* Return: whether that was the last, and its verdict is gone. */
bool checks_remove(struct checks *checks, const struct address *address, uint64_t check_id);

/*
 * The ways to these destinations are open again: those that are unhealthy are checked at once and
 * every half a second for a while, and the first success suffices.
 * @addresses: sorted; n_addresses: not 0.
 */
void checks_retry(struct checks *checks, const struct address *addresses, size_t n_addresses);

/*
 * All verdicts there are.
 * @n_room:       for so many more at the end.
 * @ret_verdicts: the caller frees the array, not what is in it.
 * Return: 0, -ENOMEM.
 */
must_check int checks_verdicts(const struct checks *checks, size_t n_room,
			       struct health_verdict **ret_verdicts, size_t *ret_n_verdicts);
