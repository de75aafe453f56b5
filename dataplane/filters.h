/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/conntrack.h"

/*
 * Many filters that are held against many entries: those of one LoadBalancer's number are found by
 * it, so that the time does not grow with the number of LoadBalancers that went at once. Pure.
 */
struct conntrack_filters {
	struct conntrack_filter *items; /* of a number, sorted by it; then the others */
	size_t n_numbered, n_items;
};

/* Copies the filters. Return: 0, -ENOMEM. */
must_check int conntrack_filters_init(struct conntrack_filters *ret_filters,
				      const struct conntrack_filter *filters, size_t n_filters);
void conntrack_filters_deinit(struct conntrack_filters *filters);

/* Whether any of them does. */
bool conntrack_filters_match(const struct conntrack_filters *filters,
			     const struct conntrack_entry *entry);
