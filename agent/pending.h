/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "messages/desired.h"

/*
 * Changes that wait for the kernel thread, merged into one: however long it is busy, what waits is
 * bounded by the size of the Network, and the newest state wins.
 *
 * A pending change is a struct desired whose `lbs` and `removed` are sorted by uid and disjoint.
 */

/*
 * Appends `change` to `*pending` (NULL: nothing waits). A snapshot replaces all that waited.
 * @change: taken in every case. Within it, a LoadBalancer both named and removed is named.
 * Return: 0, -EBADMSG (it names a LoadBalancer twice; nothing changed), -ENOMEM (nothing waits any
 *         more: only a snapshot helps).
 */
must_check int pending_merge(struct desired **pending, struct desired *change);
