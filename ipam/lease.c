/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/lease.h"

#include <errno.h>
#include <string.h>

#include "base/require.h"
#include "ipam/wide.h"

static const struct flat *flat_of(const struct lease_table *table, const struct address *address)
{
	return address->family == FAMILY_IPV4 ? &table->ipv4 : &table->ipv6;
}

static struct flat *flat_of_mutable(struct lease_table *table, const struct address *address)
{
	return address->family == FAMILY_IPV4 ? &table->ipv4 : &table->ipv6;
}

static uint64_t *find(const struct lease_table *table, const struct address *address)
{
	uint64_t key[2];

	memcpy(key, address->bytes, sizeof(key));
	return flat_find(flat_of(table, address), key);
}

void lease_table_init(struct lease_table *table)
{
	*table = (struct lease_table){FLAT_INIT(2), FLAT_INIT(2)};
}

void lease_table_deinit(struct lease_table *table)
{
	flat_deinit(&table->ipv4);
	flat_deinit(&table->ipv6);
}

int lease_table_take(struct lease_table *table, const struct address *address, const void *holder)
{
	uint64_t key[2];

	if (find(table, address))
		return -EEXIST;
	memcpy(key, address->bytes, sizeof(key));
	return flat_add(flat_of_mutable(table, address), key, (uintptr_t)holder);
}

void lease_table_release(struct lease_table *table, const struct address *address,
			 const void *holder)
{
	uint64_t *value = find(table, address);

	if (value && *value == (uintptr_t)holder)
		flat_remove(flat_of_mutable(table, address), value);
}

const void *lease_table_holder(const struct lease_table *table, const struct address *address)
{
	const uint64_t *value = find(table, address);

	/* NOLINTNEXTLINE(performance-no-int-to-ptr): the table holds numbers and pointers alike */
	return value ? (const void *)(uintptr_t)*value : NULL;
}

bool lease_table_first_free(const struct lease_table *table, const struct cidr *within,
			    struct address *ret_address)
{
	struct cidr block = *within;
	wide first, n, i;

	cidr_mask(&block);
	first = wide_from_address(&block.address);
	n = wide_power(family_bits(block.address.family) - block.len); /* 0: 2^128 */
	for (i = 0; i != n || (n == 0 && i == 0); i++) {
		struct address address = wide_to_address(first + i, block.address.family);

		if (find(table, &address))
			continue;
		*ret_address = address;
		return true;
	}
	return false;
}

size_t lease_table_count(const struct lease_table *table)
{
	return table->ipv4.n_entries + table->ipv6.n_entries;
}

size_t lease_table_size(const struct lease_table *table)
{
	return flat_size(&table->ipv4) + flat_size(&table->ipv6);
}
