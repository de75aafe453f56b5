/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/filters.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/forwarding.h"

static bool is_numbered(const struct conntrack_filter *filter)
{
	return filter->mark_mask == MARK_NUMBER_MASK;
}

static uint32_t number_bits(uint32_t mark)
{
	return mark & MARK_NUMBER_MASK;
}

static int compare(const void *a, const void *b)
{
	const struct conntrack_filter *x = a, *y = b;
	uint32_t left = number_bits(x->mark), right = number_bits(y->mark);

	if (is_numbered(x) != is_numbered(y))
		return is_numbered(x) ? -1 : 1;
	return is_numbered(x) ? (left > right) - (left < right) : 0;
}

int conntrack_filters_init(struct conntrack_filters *ret_filters,
			   const struct conntrack_filter *filters, size_t n_filters)
{
	struct conntrack_filter *items = calloc(n_filters + 1, sizeof(*items));
	size_t n_numbered = 0;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < n_filters; i++) {
		items[i] = filters[i];
		n_numbered += is_numbered(&filters[i]);
	}
	qsort(items, n_filters, sizeof(*items), compare);
	*ret_filters = (struct conntrack_filters){items, n_numbered, n_filters};
	return 0;
}

void conntrack_filters_deinit(struct conntrack_filters *filters)
{
	free(filters->items);
	*filters = (struct conntrack_filters){};
}

static bool matches(const struct conntrack_filter *filter, const struct conntrack_entry *entry)
{
	if ((entry->mark & filter->mark_mask) != (filter->mark & filter->mark_mask))
		return false;
	if (filter->destination.family != FAMILY_NONE &&
	    !address_equal(&filter->destination, &entry->destination))
		return false;
	if (filter->vip.family != FAMILY_NONE && !address_equal(&filter->vip, &entry->vip))
		return false;
	if (filter->protocol != 0 && filter->protocol != entry->protocol)
		return false;
	if (filter->first != 0 && (entry->port < filter->first || entry->port > filter->last))
		return false;
	return !filter->unreplied || !entry->replied;
}

/* The first one of that number, or where it would be. */
static size_t find_number(const struct conntrack_filters *filters, uint32_t number)
{
	size_t start = 0, end = filters->n_numbered;

	while (start < end) {
		size_t middle = start + (end - start) / 2;

		if (number_bits(filters->items[middle].mark) < number)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

bool conntrack_filters_match(const struct conntrack_filters *filters,
			     const struct conntrack_entry *entry)
{
	uint32_t number = number_bits(entry->mark);

	for (size_t i = find_number(filters, number);
	     i < filters->n_numbered && number_bits(filters->items[i].mark) == number; i++) {
		if (matches(&filters->items[i], entry))
			return true;
	}
	for (size_t i = filters->n_numbered; i < filters->n_items; i++) {
		if (matches(&filters->items[i], entry))
			return true;
	}
	return false;
}
