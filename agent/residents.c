/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "agent/residents.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

struct resident {
	struct address address;
	unsigned n_users;
	bool absent;
	uint64_t since_ms; /* 0: there never was news of it */
	UT_hash_handle hh;
};

struct residents {
	struct resident *all;
	size_t n_told;
	bool changed;
};

int residents_new(struct residents **ret_residents)
{
	*ret_residents = calloc(1, sizeof(**ret_residents));
	return *ret_residents ? 0 : -ENOMEM;
}

static void resident_free(struct residents *residents, struct resident *resident)
{
	HASH_DEL(residents->all, resident);
	residents->n_told -= resident->since_ms != 0;
	free(resident);
}

void residents_free(struct residents *residents)
{
	struct resident *resident, *next;

	if (!residents)
		return;
	HASH_ITER(hh, residents->all, resident, next)
	resident_free(residents, resident);
	free(residents);
}

static struct resident *find(const struct residents *residents, const struct address *address)
{
	struct resident *resident;

	HASH_FIND(hh, residents->all, address, sizeof(*address), resident);
	return resident;
}

int residents_add(struct residents *residents, const struct address *address)
{
	struct resident *resident = find(residents, address);

	if (!resident) {
		resident = calloc(1, sizeof(*resident));
		if (!resident)
			return -ENOMEM;
		resident->address = *address;
		HASH_ADD(hh, residents->all, address, sizeof(resident->address), resident);
		if (!resident->hh.tbl) {
			free(resident);
			return -ENOMEM;
		}
		residents->changed = true;
	}
	resident->n_users++;
	return 0;
}

bool residents_remove(struct residents *residents, const struct address *address)
{
	struct resident *resident = find(residents, address);

	if (!resident || --resident->n_users > 0)
		return false;
	resident_free(residents, resident);
	residents->changed = true;
	return true;
}

bool residents_is_changed(const struct residents *residents)
{
	return residents->changed;
}

static int compare(const void *a, const void *b)
{
	return address_compare(a, b);
}

int residents_list(struct residents *residents, struct address **ret_addresses,
		   size_t *ret_n_addresses)
{
	struct address *addresses = calloc(HASH_COUNT(residents->all) + 1, sizeof(*addresses));
	size_t n = 0;

	if (!addresses)
		return -ENOMEM;
	for (const struct resident *one = residents->all; one; one = one->hh.next)
		addresses[n++] = one->address;
	qsort(addresses, n, sizeof(*addresses), compare);
	residents->changed = false;
	*ret_addresses = addresses;
	*ret_n_addresses = n;
	return 0;
}

void residents_note(struct residents *residents, const struct address *absent, size_t n_absent,
		    uint64_t wall_ms, residents_fn *on_changed, void *user)
{
	struct resident *resident, *next;

	HASH_ITER(hh, residents->all, resident, next)
	{
		bool is_absent = n_absent > 0 && bsearch(&resident->address, absent, n_absent,
							 sizeof(*absent), compare);

		if (is_absent == resident->absent)
			continue;
		residents->n_told += resident->since_ms == 0;
		resident->absent = is_absent;
		resident->since_ms = wall_ms;
		on_changed(user, &resident->address, is_absent);
	}
}

void residents_visit_told(const struct residents *residents, residents_told_fn *visit, void *user)
{
	for (const struct resident *one = residents->all; one; one = one->hh.next) {
		if (one->since_ms)
			visit(user, &one->address, one->absent, one->since_ms);
	}
}

size_t residents_n_told(const struct residents *residents)
{
	return residents->n_told;
}
