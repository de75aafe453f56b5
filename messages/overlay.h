/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "messages/desired.h"

/*
 * Desired state as it is with the health of its destinations: the same struct, with `dead` set. A
 * pure function, so that every node that knows the same forwards the same, and `ilb trace` says what
 * they do.
 */

/*
 * @bad: for each destination, whether it should be left out. Of each family, when all that could
 *       take flows are bad, `when_all_unhealthy` decides: Reject leaves them out all the same, so
 *       that clients are refused at once; FailOpen leaves all of them in.
 * Return: whether a destination is `dead` now that was not, or the other way round.
 */
bool overlay_apply(struct desired_lb *lb, const bool *bad);

/* A copy of all of it. Return: 0, -ENOMEM. */
must_check int overlay_copy(const struct desired_lb *lb, struct desired_lb **ret_copy);
