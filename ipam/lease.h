/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/auto.h"
#include "ipam/flat.h"

/*
 * Who holds which address of a Network: addresses of NetworkInterfaces and of LoadBalancers,
 * literal and ephemeral ones alike. One address has one holder.
 */
struct lease_table {
	struct flat ipv4, ipv6; /* address -> holder */
};

void lease_table_init(struct lease_table *table);
void lease_table_deinit(struct lease_table *table);

/*
 * @holder: borrowed, what lease_table_holder() is to give; an address of at least 2.
 * Return: 0, -EEXIST (somebody holds it), -ENOMEM.
 */
must_check int lease_table_take(struct lease_table *table, const struct address *address,
				const void *holder);

/* Only what `holder` holds is given back. */
void lease_table_release(struct lease_table *table, const struct address *address,
			 const void *holder);

/* NULL: free. */
const void *lease_table_holder(const struct lease_table *table, const struct address *address);

/*
 * The lowest address of `within` that nobody holds. Costs a step for each held address below it.
 * Return: true when there is one.
 */
bool lease_table_first_free(const struct lease_table *table, const struct cidr *within,
			    struct address *ret_address);

size_t lease_table_count(const struct lease_table *table);
size_t lease_table_size(const struct lease_table *table); /* memory that it takes */
