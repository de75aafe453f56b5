/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "dataplane/link.h"
#include "messages/status.h"

/*
 * What an operator should know about a Network's namespace on this node, from what was seen there.
 * Pure. The reasons are stable, the sentences carry the remedy:
 *	ForwardingDisabled    the namespace routes no packets of a family that has VIPs
 *	StrictReversePath     rp_filter drops what comes back another way
 *	SharedBridge          ports of a bridge: replies between them bypass the rules
 *	NoSourceAddress       other nodes cannot answer: dead nodes are not found from here
 *	FlowtableUnsupported  everything works, established flows are slower than they could be
 *	FlowtableFailed       some device cannot be offloaded from
 *	ConntrackNearlyFull   new connections will soon be dropped
 *	ConntrackFailed       entries of removed destinations may live on
 *	RouteFailed           a VIP may not answer pings
 *	TableRepaired         somebody else changed our table; until the next change of state
 */
struct condition_facts {
	struct link_settings settings;
	bool has_vips4, has_vips6;
	bool bridge_ports; /* some bridge of the namespace has two or more */
	bool has_source;   /* an address that is neither loopback nor link-local */
	bool flowtable;
	uint64_t conntrack_count, conntrack_max; /* 0 of 0 where unknown */
	const char *flowtable_failure, *conntrack_failure, *route_failure; /* or "" */
	uint32_t n_repairs;
	const char *editor; /* program that made the last repair necessary; "" when unknown */
};

#define CONDITIONS_FILL_PERCENT 80

/* Adds the conditions that hold. Return: 0, -ENOMEM. */
must_check int conditions_add(struct status *status, const struct condition_facts *facts);
