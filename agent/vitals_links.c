/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "agent/notes.h"
#include "agent/vitals_private.h"
#include "base/array.h"
#include "base/log.h"

enum {
	/* Of one change: more cannot be said at once. One beyond, so that it is known to be missing. */
	EVENTS_MAX = NOTES_BURST + 1,
};

/* What one change of links brings: one device may lead to all machines there are. */
struct links {
	struct vitals *vitals;
	struct health_verdict *changes; /* their reasons are constants */
	size_t n_changes;
};

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_link(void *user, const struct address *address, bool absent)
{
	struct links *links = user;
	struct vitals *vitals = links->vitals;
	struct health_verdict verdict = vitals_link_verdict(address, absent, wall_ms());
	struct health_verdict *change = ARRAY_ADD(links->changes, links->n_changes);
	char text[ADDRESS_TEXT_MAX];

	log_info("net=%s destination=%s: its link is %s", vitals->options.net,
		 address_format(address, text), absent ? "down" : "up");
	vitals_note(vitals, &verdict);
	if (change) /* without memory there is no event, and its checks come in their time */
		*change = verdict;
}

static int compare(const void *a, const void *b)
{
	const struct health_verdict *x = a, *y = b;

	return address_compare(&x->address, &y->address);
}

/* Return: how many more events may come. */
static size_t tell_ward(const struct links *links, const struct ward *ward, size_t n_left)
{
	for (size_t i = 0; i < ward->lb->n_destinations && n_left > 0; i++) {
		const struct health_verdict wanted = {.address = ward->lb->destinations[i].address};
		const struct health_verdict *change;

		if (!ward->marks[i].local)
			continue;
		change =
			bsearch(&wanted, links->changes, links->n_changes, sizeof(wanted), compare);
		if (!change)
			continue;
		vitals_tell_of(links->vitals, ward, change);
		n_left--;
	}
	return n_left;
}

static void tell_all(const struct links *links)
{
	const struct ward *ward = links->vitals->wards;

	for (size_t n_left = EVENTS_MAX; ward && n_left > 0; ward = ward->hh.next)
		n_left = tell_ward(links, ward, n_left);
}

/* Of those that are there again. */
static void retry_checks(const struct links *links)
{
	auto_free struct address *present = calloc(links->n_changes, sizeof(*present));
	size_t n = 0;

	for (size_t i = 0; present && i < links->n_changes; i++) {
		if (links->changes[i].healthy)
			present[n++] = links->changes[i].address;
	}
	if (n > 0)
		checks_retry(links->vitals->checks, present, n);
}

void vitals_on_links(struct vitals *vitals, const struct address *absent, size_t n_absent)
{
	struct links links = {.vitals = vitals};

	residents_note(vitals->residents, absent, n_absent, wall_ms(), on_link, &links);
	if (vitals->n_news > 0) /* at once: until then clients are sent to where nobody is */
		vitals_act(vitals);
	if (links.n_changes > 0) {
		qsort(links.changes, links.n_changes, sizeof(*links.changes), compare);
		tell_all(&links);
		retry_checks(&links);
	}
	free(links.changes);
}
