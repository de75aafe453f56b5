/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/cleanup.h"

#include <errno.h>

#include "base/array.h"

/* Entries of the LoadBalancer, whatever its class was when they were made. */
static struct plan_cleanup entries_of(const struct forwarding *f)
{
	return (struct plan_cleanup){.mark = f->number << 8, .mark_mask = MARK_NUMBER_MASK};
}

static int add(struct plan *plan, enum cleanup_when when, uint16_t drain_s,
	       struct plan_cleanup cleanup)
{
	struct plan_cleanup *added = ARRAY_ADD(plan->cleanups, plan->n_cleanups);

	if (!added)
		return -ENOMEM;
	*added = cleanup;
	added->when = when;
	added->drain_s = when == CLEANUP_AFTER_DRAIN ? drain_s : 0;
	return 0;
}

/* Established TCP has the drain; everything else goes at once. */
static int add_drained(struct plan *plan, uint16_t drain_s, struct plan_cleanup cleanup)
{
	bool has_tcp = cleanup.protocol == 0 || cleanup.protocol == PROTOCOL_TCP;
	int r;

	if (!drain_s || !has_tcp)
		return add(plan, CLEANUP_ALL_NOW, 0, cleanup);
	r = add(plan, CLEANUP_NOW, 0, cleanup);
	return r < 0 ? r : add(plan, CLEANUP_AFTER_DRAIN, drain_s, cleanup);
}

static int destinations(const struct forwarding *have, const struct forwarding *want,
			struct plan *plan)
{
	ARRAY_FOREACH(member, have->members, have->n_members) {
		const struct forwarding_member *now =
			forwarding_find_member(want, &member->address);
		struct plan_cleanup cleanup = entries_of(have);
		int r = 0;

		cleanup.destination = member->address;
		if (!now)
			r = add_drained(plan, want->drain_s, cleanup);
		else if (now->dead && !member->dead)
			r = add(plan, CLEANUP_ALL_NOW, 0, cleanup);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The parts of a listener that no listener of `want` covers. */
static int uncovered(const struct forwarding_port *port, const struct forwarding *want,
		     struct plan_cleanup cleanup, struct plan *plan)
{
	for (uint32_t at = port->first; at <= port->last;) {
		const struct forwarding_port *next =
			forwarding_next_port(want, port->protocol, (uint16_t)at);
		int r;

		if (next && next->first <= at) {
			at = next->last + 1U;
			continue;
		}
		cleanup.first = (uint16_t)at;
		cleanup.last = next && next->first <= port->last ? next->first - 1 : port->last;
		r = add_drained(plan, want->drain_s, cleanup);
		if (r < 0)
			return r;
		at = cleanup.last + 1U;
	}
	return 0;
}

static int listeners(const struct forwarding *have, const struct forwarding *want,
		     struct plan *plan)
{
	ARRAY_FOREACH(port, have->ports, have->n_ports) {
		struct plan_cleanup cleanup = entries_of(have);
		const struct forwarding_port *now =
			forwarding_find_port(want, port->protocol, port->first);
		int r;

		cleanup.protocol = port->protocol;
		r = uncovered(port, want, cleanup, plan);
		if (r < 0)
			return r;
		if (!now || now->target - now->first == port->target - port->first)
			continue;
		cleanup.first = cleanup.last = port->first;
		r = add(plan, CLEANUP_NOW, 0, cleanup);
		if (r < 0)
			return r;
	}
	return 0;
}

static int vips(const struct forwarding *have, const struct forwarding *want, struct plan *plan)
{
	for (size_t i = 0; i < ARRAY_SIZE(want->vips); i++) {
		struct address before = have ? have->vips[i] : (struct address){};
		struct plan_cleanup cleanup = {.mark_mask = UINT32_MAX, .vip = want->vips[i]};
		int r = 0;

		if (address_equal(&before, &want->vips[i]))
			continue;
		if (want->vips[i].family != FAMILY_NONE)
			r = add(plan, CLEANUP_ALL_NOW, 0, cleanup);
		if (r == 0 && before.family != FAMILY_NONE) {
			cleanup = entries_of(have);
			cleanup.vip = before;
			r = add(plan, CLEANUP_ALL_NOW, 0, cleanup);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int cleanup_diff(const struct forwarding *have, const struct forwarding *want, struct plan *plan)
{
	int r = want ? vips(have, want, plan) : 0;

	if (r < 0 || !have)
		return r;
	if (!want || want->number != have->number)
		return add(plan, CLEANUP_ALL_NOW, 0, entries_of(have));
	r = destinations(have, want, plan);
	return r < 0 ? r : listeners(have, want, plan);
}
