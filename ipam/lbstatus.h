/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipam/catalog.h"
#include "ipam/destinations.h"
#include "ipam/resolve.h"

/*
 * `status` of objects, computed from the object, its leases and what nodes report. Pure; the
 * allocator's roster says what nodes report.
 */

/* What live nodes that host the Network say about one LoadBalancer. */
struct lb_report {
	size_t n_nodes;      /* live, hosting the Network */
	size_t n_programmed; /* of them, those that applied the object's desired state */
	char waiting[254];   /* one node that has not; "" */
	char refused_by[254], refusal[512]; /* one that refused it, and its sentence; "" */
	bool forwarded[2]; /* per VIP of the resolution: at least one node forwards it */
	size_t n_silent;   /* nodes that hosted it and stopped reporting */
	char silent[254];
	int64_t silent_since_ms;
	size_t n_ill, n_ill_of; /* most nodes are silent: so many of so many; 0: no */
	struct destinations_health health;
};

/*
 * @previous: the status before, for lastTransitionTime of conditions that did not change; may be
 *            NULL.
 * Return: the "status" member (a new reference), NULL without memory.
 */
json_t *lb_status(const struct catalog *catalog, const struct object *lb,
		  const struct resolution *resolution, const struct lb_report *report,
		  const json_t *previous, int64_t now_ms);

/* `status` of the other kinds: Prefix phase and usage, NetworkInterface ips and conditions... */
json_t *object_status(const struct catalog *catalog, const struct object *object,
		      const json_t *previous, int64_t now_ms);
