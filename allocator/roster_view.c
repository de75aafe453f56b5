/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "allocator/roster_private.h"
#include "base/array.h"

struct applied {
	uint64_t revision;
	const char *node;
};

struct refused {
	struct uuid uid;
	char *sentence;
	uint64_t revision; /* that the node has applied */
	const char *node;
};

/* Borrows from the roster: to be used before it changes. */
struct roster_view {
	struct applied *applied; /* live nodes, by revision */
	size_t n_applied;
	struct refused *refused; /* by uid */
	size_t n_refused;
	struct address *addresses; /* that any live node forwards */
	size_t n_addresses;
	const struct status *last; /* that was added */
	size_t n_silent;
	const char *silent;
	int64_t silent_since_ms;
};

void roster_view_free(struct roster_view *view)
{
	if (!view)
		return;
	free(view->applied);
	free(view->refused);
	free(view->addresses);
	free(view);
}

/* Nodes mostly serve the same: ten thousand addresses of a thousand of them are kept once. */
static bool is_repetition(struct roster_view *view, const struct status *status)
{
	const struct status *last = view->last;

	view->last = status;
	return last && last->n_addresses == status->n_addresses &&
	       (last->n_addresses == 0 ||
		memcmp(last->addresses, status->addresses,
		       last->n_addresses * sizeof(*last->addresses)) == 0);
}

static int add_status(struct roster_view *view, const struct member *member, uint64_t revision)
{
	const struct status *status = member->status;

	for (size_t i = 0; i < status->n_refusals; i++) {
		struct refused *refused = ARRAY_ADD(view->refused, view->n_refused);

		if (!refused)
			return -ENOMEM;
		*refused = (struct refused){.uid = status->refusals[i].uid,
					    .sentence = status->refusals[i].sentence,
					    .revision = revision,
					    .node = member->node->name};
	}
	if (is_repetition(view, status))
		return 0;
	for (size_t i = 0; i < status->n_addresses; i++) {
		struct address *address = ARRAY_ADD(view->addresses, view->n_addresses);

		if (!address)
			return -ENOMEM;
		*address = status->addresses[i];
	}
	return 0;
}

static int add_member(struct roster_view *view, const struct member *member,
		      const struct roster_truth *truth)
{
	const struct node *node = member->node;
	struct applied *applied;

	if (!node->alive) {
		view->n_silent++;
		if (!view->silent || node->silent_since_ms < view->silent_since_ms) {
			view->silent = node->name;
			view->silent_since_ms = node->silent_since_ms;
		}
		return 0;
	}
	applied = ARRAY_ADD(view->applied, view->n_applied);
	if (!applied)
		return -ENOMEM;
	applied->revision = roster_applied(member->status, truth);
	applied->node = node->name;
	return member->status ? add_status(view, member, applied->revision) : 0;
}

static int compare_applied(const void *a, const void *b)
{
	const struct applied *x = a, *y = b;

	return x->revision < y->revision ? -1 : x->revision > y->revision;
}

static int compare_refused(const void *a, const void *b)
{
	const struct refused *x = a, *y = b;

	return uuid_compare(&x->uid, &y->uid);
}

static int compare_addresses(const void *a, const void *b)
{
	return address_compare(a, b);
}

static void sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n)
		qsort(items, n, size, compare);
}

int roster_view_new(const struct roster *roster, const struct roster_truth *truth,
		    struct roster_view **ret_view)
{
	auto_call(roster_view_freep) struct roster_view *view = calloc(1, sizeof(*view));
	const struct place *place = place_find(roster, truth->network.token);
	const struct member *member;

	if (!view)
		return -ENOMEM;
	if (place) {
		DL_FOREACH2(place->members, member, p_next)
		{
			if (add_member(view, member, truth) < 0)
				return -ENOMEM;
		}
	}
	sort(view->applied, view->n_applied, sizeof(*view->applied), compare_applied);
	sort(view->refused, view->n_refused, sizeof(*view->refused), compare_refused);
	sort(view->addresses, view->n_addresses, sizeof(*view->addresses), compare_addresses);
	*ret_view = TAKE(view);
	return 0;
}

/* How many live nodes are behind `revision`. */
static size_t count_behind(const struct roster_view *view, uint64_t revision)
{
	size_t low = 0, high = view->n_applied;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (view->applied[middle].revision < revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t first_refusal(const struct roster_view *view, const struct uuid *uid)
{
	size_t low = 0, high = view->n_refused;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (uuid_compare(&view->refused[middle].uid, uid) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void report_refusals(const struct roster_view *view, const struct uuid *uid,
			    uint64_t revision, struct lb_report *report)
{
	for (size_t i = first_refusal(view, uid);
	     i < view->n_refused && uuid_compare(&view->refused[i].uid, uid) == 0; i++) {
		const struct refused *refused = &view->refused[i];

		if (!report->refusal[0]) {
			(void)snprintf(report->refused_by, sizeof(report->refused_by), "%s",
				       refused->node);
			(void)snprintf(report->refusal, sizeof(report->refusal), "%s",
				       refused->sentence ? refused->sentence : "");
		}
		if (refused->revision >= revision && report->n_programmed)
			report->n_programmed--;
	}
}

void roster_view_report(const struct roster_view *view, const struct uuid *uid, uint64_t revision,
			const struct address *vips, size_t n_vips, struct lb_report *ret_report)
{
	size_t behind = count_behind(view, revision);

	*ret_report = (struct lb_report){
		.n_nodes = view->n_applied,
		.n_programmed = view->n_applied - behind,
		.n_silent = view->n_silent,
		.silent_since_ms = view->silent_since_ms,
	};
	if (behind)
		(void)snprintf(ret_report->waiting, sizeof(ret_report->waiting), "%s",
			       view->applied[0].node);
	if (view->silent)
		(void)snprintf(ret_report->silent, sizeof(ret_report->silent), "%s", view->silent);
	report_refusals(view, uid, revision, ret_report);
	for (size_t i = 0; i < n_vips && i < ARRAY_SIZE(ret_report->forwarded); i++) {
		ret_report->forwarded[i] =
			view->n_addresses && bsearch(&vips[i], view->addresses, view->n_addresses,
						     sizeof(*vips), compare_addresses);
	}
}
