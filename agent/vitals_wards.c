/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <stdlib.h>

#include "agent/vitals_private.h"
#include "messages/overlay.h"

static struct ward *find_ward(const struct vitals *vitals, const struct uuid *uid)
{
	struct ward *ward;

	HASH_FIND(hh, vitals->wards, uid, sizeof(*uid), ward);
	return ward;
}

static void ward_free(struct vitals *vitals, struct ward *ward)
{
	for (size_t i = 0; i < ward->lb->n_destinations; i++)
		vitals_disown(vitals, ward, i);
	vitals_let_go(vitals, ward);
	vitals->n_shared -= ward->shared;
	desired_lb_free(ward->lb);
	free(ward->marks);
	free(ward);
}

void vitals_remove_ward(struct vitals *vitals, struct ward *ward)
{
	HASH_DEL(vitals->wards, ward);
	ward_free(vitals, ward);
}

int vitals_compare_destinations(const void *a, const void *b)
{
	const struct desired_destination *x = a, *y = b;

	return address_compare(&x->address, &y->address);
}

/*
 * What holds until somebody says something: as it was in the LoadBalancer before, so that another
 * check or port takes nothing out. A new destination is bad, but for one that we may have forwarded
 * to before we were restarted.
 */
static void inherit(const struct vitals *vitals, struct ward *ward, const struct ward *old)
{
	const struct desired_lb *before = old ? old->lb : NULL;

	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		const struct desired_destination *found = NULL;

		if (before && before->n_destinations > 0)
			found = bsearch(&ward->lb->destinations[i], before->destinations,
					before->n_destinations, sizeof(*before->destinations),
					vitals_compare_destinations);
		ward->marks[i].bad = found ? old->marks[found - before->destinations].bad
					   : vitals_now(vitals) >= vitals->grace_until;
		ward->marks[i].old = found && !ward->marks[i].bad;
		ward->lb->destinations[i].dead = found && found->dead;
	}
}

static bool is_shared(const struct desired_lb *lb)
{
	for (size_t i = 0; i < lb->n_destinations; i++) {
		if (!lb->destinations[i].node)
			return true;
	}
	return false;
}

static int ward_new(struct vitals *vitals, const struct desired_lb *lb, struct ward **ret_ward)
{
	struct ward *ward = calloc(1, sizeof(*ward));

	if (!ward)
		return -ENOMEM;
	ward->marks = calloc(lb->n_destinations + 1, sizeof(*ward->marks));
	if (!ward->marks || overlay_copy(lb, &ward->lb) < 0) {
		free(ward->marks);
		free(ward);
		return -ENOMEM;
	}
	ward->uid = lb->uid;
	ward->check_id = health_check_id(&lb->check);
	ward->round = vitals->round;
	ward->patience_until = vitals_patience(vitals, ward);
	ward->shared = ward->check_id && is_shared(ward->lb);
	vitals->n_shared += ward->shared;
	*ret_ward = ward;
	return 0;
}

/* In place of the one before. */
static int put_ward(struct vitals *vitals, const struct desired_lb *lb, struct ward **ret_ward)
{
	struct ward *old = find_ward(vitals, &lb->uid), *ward;

	if (ward_new(vitals, lb, &ward) < 0)
		return -ENOMEM;
	inherit(vitals, ward, old);
	vitals_take_in(vitals, ward);
	vitals_share_out(vitals, ward); /* before the old one lets go, so that checks go on */
	if (old)
		vitals_remove_ward(vitals, old);
	HASH_ADD(hh, vitals->wards, uid, sizeof(ward->uid), ward);
	if (!ward->hh.tbl) {
		ward_free(vitals, ward);
		return -ENOMEM;
	}
	*ret_ward = ward;
	return 0;
}

static void overlay_one(struct vitals *vitals, struct desired_lb *lb)
{
	struct ward *ward;

	if (put_ward(vitals, lb, &ward) < 0)
		return;
	(void)vitals_judge(vitals, ward); /* it is being handed over as it becomes */
	for (size_t i = 0; i < lb->n_destinations; i++)
		lb->destinations[i].dead = ward->lb->destinations[i].dead;
}

void vitals_overlay(struct vitals *vitals, struct desired *desired)
{
	bool shared = vitals->n_shared > 0;
	struct ward *ward, *next;

	vitals->round++;
	for (size_t i = 0; i < desired->n_lbs; i++)
		overlay_one(vitals, desired->lbs[i]);
	for (size_t i = 0; i < desired->n_removed; i++) {
		ward = find_ward(vitals, &desired->removed[i]);
		if (ward && ward->round != vitals->round)
			vitals_remove_ward(vitals, ward);
	}
	HASH_ITER(hh, vitals->wards, ward, next)
	{
		if (desired->snapshot && ward->round != vitals->round)
			vitals_remove_ward(vitals, ward);
	}
	if (!shared && vitals->n_shared > 0)
		vitals_greet(vitals); /* before it is decided who checks what */
	if (residents_is_changed(vitals->residents))
		vitals->options.on_residents(vitals->options.user);
}

int vitals_residents(struct vitals *vitals, struct address **ret_addresses, size_t *ret_n_addresses)
{
	return residents_list(vitals->residents, ret_addresses, ret_n_addresses);
}

struct desired *vitals_take_change(struct vitals *vitals)
{
	auto_call(desired_freep) struct desired *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->lbs = calloc(HASH_COUNT(vitals->wards) + 1, sizeof(struct desired_lb *));
	if (!change->lbs)
		return NULL;
	for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		if (ward->dirty && overlay_copy(ward->lb, &change->lbs[change->n_lbs]) == 0) {
			change->n_lbs++;
			ward->dirty = false;
		}
	}
	return change->n_lbs > 0 ? TAKE(change) : NULL;
}

struct vitals_counts vitals_counts(const struct vitals *vitals)
{
	struct vitals_counts counts = {};

	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		bool open = false;

		for (size_t i = 0; ward->check_id && i < ward->lb->n_destinations; i++) {
			counts.n_checked++;
			counts.n_unhealthy += ward->marks[i].bad;
			open = open || (ward->marks[i].bad && !ward->lb->destinations[i].dead);
		}
		counts.n_open += open;
	}
	return counts;
}
