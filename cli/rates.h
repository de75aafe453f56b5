/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/*
 * Two rounds of answers about traffic (docs/wire.md, "Traffic") become rates, summed up over nodes.
 * Pure. What others sent is read member by member: what is missing or of another type counts as 0.
 *
 * A row:
 *	{"network", "loadbalancer", "nodes", "live", "connections", "connectionsPerSecond",
 *	 "packetsPerSecond": [from clients, to them], "bytesPerSecond": [.., ..],
 *	 "destinations": [{"address", "live", "packetsPerSecond", "bytesPerSecond"}]}
 */

/* @before: NULL: then all rates are 0. Return: rows, the busiest first; NULL without memory. */
json_t *rates_of(const json_t *before, const json_t *now);
