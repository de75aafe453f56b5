/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deltas.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

void deltas_drop(struct deltas *deltas)
{
	for (size_t i = 0; i < deltas->n_items; i++)
		desired_free(deltas->items[i]);
	free(deltas->items);
	*deltas = (struct deltas){};
}

int deltas_add(struct deltas *deltas, struct desired *delta)
{
	size_t place = deltas->n_items;

	if (place == DELTAS_MAX)
		return -ENOBUFS;
	for (; place > 0; place--) {
		const struct desired *before = deltas->items[place - 1];

		if (before->revision < delta->revision)
			break;
		if (before->revision == delta->revision &&
		    uuid_compare(&before->epoch, &delta->epoch) == 0)
			return -EEXIST;
	}
	if (!ARRAY_ADD(deltas->items, deltas->n_items))
		return -ENOMEM;
	memmove(&deltas->items[place + 1], &deltas->items[place],
		(deltas->n_items - 1 - place) * sizeof(struct desired *));
	deltas->items[place] = delta;
	return 0;
}

struct desired *deltas_first(const struct deltas *deltas)
{
	return deltas->n_items > 0 ? deltas->items[0] : NULL;
}

struct desired *deltas_take_first(struct deltas *deltas)
{
	struct desired *first = deltas_first(deltas);

	if (first)
		memmove(&deltas->items[0], &deltas->items[1],
			--deltas->n_items * sizeof(struct desired *));
	return first;
}

bool deltas_keep_epoch(struct deltas *deltas, const struct uuid *kept, const struct uuid *known)
{
	bool unknown = false;
	size_t n = 0;

	for (size_t i = 0; i < deltas->n_items; i++) {
		struct desired *delta = deltas->items[i];

		if (uuid_compare(&delta->epoch, kept) == 0) {
			deltas->items[n++] = delta;
			continue;
		}
		unknown = unknown || uuid_compare(&delta->epoch, known) != 0;
		desired_free(delta);
	}
	deltas->n_items = n;
	return unknown;
}
