/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ipam/catalog.h"
#include "messages/desired.h"

/*
 * From a LoadBalancer and the catalog to what nodes are to forward: selectors become destinations.
 *
 * Destinations are the NetworkInterfaces of the same namespace and Network whose labels match, each
 * of their addresses whose family the LoadBalancer has; or those of the LoadBalancerRouting of the
 * same name. Sorted, distinct. More than DESIRED_DESTINATIONS_MAX: the rest in sort order is left out,
 * and counted.
 */
struct resolution {
	struct desired_lb
		*lb; /* NULL: nothing to forward (being deleted, no Network, no address) */
	size_t n_destinations; /* found, also those left out */
	bool no_routing;       /* no selector, and no routing of its name */
	bool network_missing;  /* no Network object */
};

void resolution_deinit(struct resolution *resolution);

/* Return: 0, -ENOMEM. */
must_check int resolve_lb(const struct catalog *catalog, const struct object *lb,
			  struct resolution *ret_resolution);
