/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dataplane/plan.h"

/*
 * Which conntrack entries a change leaves stale, added to `plan`. Part of plan_diff().
 *
 *	LoadBalancer or VIP gone   all its entries at once: the address may be given away
 *	destination gone           UDP and SCTP at once, TCP after the drain
 *	listener gone              the same
 *	targetPort changed         UDP and SCTP at once; TCP goes on with the old one
 *	VIP new                    entries of before that were not balanced, at once
 *	weight now 0               nothing: established flows go on
 *
 * Return: 0, -ENOMEM.
 */
must_check int cleanup_diff(const struct forwarding *have, const struct forwarding *want,
			    struct plan *plan);
