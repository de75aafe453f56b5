/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "agent/vitals_private.h"
#include "base/text.h"
#include "messages/overlay.h"

/* ---- what counts ---- */

uint64_t vitals_patience(const struct vitals *vitals, const struct ward *ward)
{
	return vitals_now(vitals) + VITALS_PATIENCE_MS + ward->lb->check.timeout_s * UINT64_C(1000);
}

/* Nobody says anything about it: as before, until our patience ends. */
static void judge_unknown(struct vitals *vitals, struct ward *ward, struct mark *mark)
{
	if (TAKE(mark->known))
		ward->patience_until = vitals_patience(vitals, ward);
	if (mark->bad)
		return;
	vitals->restless = true;
	if (bus_is_connected(vitals->options.bus) && vitals->grace_until != UINT64_MAX &&
	    vitals_now(vitals) >= ward->patience_until)
		mark->bad = true;
}

static void judge_one(struct vitals *vitals, struct ward *ward, size_t i)
{
	const struct desired_destination *destination = &ward->lb->destinations[i];
	struct mark *mark = &ward->marks[i];
	enum health_state state;

	if (!ward->check_id) {
		mark->bad = false;
		return;
	}
	state = verdicts_find(vitals->verdicts, destination->node, &destination->address,
			      ward->check_id, vitals_now(vitals));
	if (state == HEALTH_UNKNOWN) {
		judge_unknown(vitals, ward, mark);
		return;
	}
	mark->known = true;
	mark->bad = state == HEALTH_UNHEALTHY;
}

/* Its node is dead, or the link that leads to it is down: bad, whatever is checked. */
static bool is_gone(const struct verdicts *verdicts, const struct desired_destination *destination)
{
	return verdicts_is_dead(verdicts, destination->node) ||
	       verdicts_is_cut(verdicts, destination->node, &destination->address);
}

/* Return: whether it must be handed over anew. Without memory nothing changes. */
bool vitals_judge(struct vitals *vitals, struct ward *ward)
{
	auto_free bool *bad = calloc(ward->lb->n_destinations + 1, sizeof(*bad));

	if (!bad)
		return false;
	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		judge_one(vitals, ward, i);
		bad[i] =
			ward->marks[i].bad || is_gone(vitals->verdicts, &ward->lb->destinations[i]);
	}
	return overlay_apply(ward->lb, bad);
}

void vitals_judge_all(struct vitals *vitals)
{
	bool any = false;

	vitals->restless = false;
	for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		if (vitals_judge(vitals, ward))
			ward->dirty = true;
		any = any || ward->dirty;
	}
	if (any)
		vitals->options.on_changed(vitals->options.user);
}

/* ---- whose it is to check ---- */

void vitals_disown(struct vitals *vitals, struct ward *ward, size_t i)
{
	const struct address *address = &ward->lb->destinations[i].address;

	if (TAKE(ward->marks[i].ours) && checks_remove(vitals->checks, address, ward->check_id))
		verdicts_drop(vitals->verdicts, address, ward->check_id);
}

/* It was healthy until now: by this check on another node or before our start, or by another check. */
static bool is_trusted(const struct vitals *vitals, const struct ward *ward, size_t i)
{
	const struct desired_destination *destination = &ward->lb->destinations[i];

	if (ward->marks[i].bad)
		return false;
	return ward->marks[i].old ||
	       verdicts_find(vitals->verdicts, destination->node, &destination->address,
			     ward->check_id, vitals_now(vitals)) == HEALTH_HEALTHY;
}

/* Takes up checks that are ours, and leaves others to others. */
void vitals_share_out(struct vitals *vitals, struct ward *ward)
{
	for (size_t i = 0; ward->check_id && i < ward->lb->n_destinations; i++) {
		const struct desired_destination *destination = &ward->lb->destinations[i];
		bool ours =
			verdicts_is_ours(vitals->verdicts, destination->node, &destination->address,
					 ward->check_id, vitals_now(vitals));

		if (!ours)
			vitals_disown(vitals, ward, i);
		else if (!ward->marks[i].ours)
			ward->marks[i].ours =
				checks_add(vitals->checks, &destination->address, &ward->lb->check,
					   is_trusted(vitals, ward, i)) == 0;
	}
}

/* Return: whether other nodes are there than before. */
bool vitals_share_out_all(struct vitals *vitals)
{
	uint64_t peers = verdicts_peers(vitals->verdicts, vitals_now(vitals));

	if (peers == vitals->peers)
		return false;
	vitals->peers = peers;
	for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next)
		vitals_share_out(vitals, ward);
	return true;
}

/* ---- who lives here ---- */

void vitals_take_in(struct vitals *vitals, struct ward *ward)
{
	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		const struct desired_destination *destination = &ward->lb->destinations[i];

		ward->marks[i].local = text_equal(destination->node, vitals->options.node) &&
				       residents_add(vitals->residents, &destination->address) == 0;
	}
}

void vitals_let_go(struct vitals *vitals, const struct ward *ward)
{
	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		const struct address *address = &ward->lb->destinations[i].address;

		if (ward->marks[i].local && residents_remove(vitals->residents, address))
			verdicts_drop(vitals->verdicts, address, HEALTH_CHECK_LINK);
	}
}
