/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/destinations.h"

#include <stdio.h>

#include "messages/health.h"

#define CONDITION "DestinationsAvailable"

const char *destination_state_name(enum destination_state state)
{
	switch (state) {
	case DESTINATION_READY:
		return "Ready";
	case DESTINATION_DRAINING:
		return "Draining";
	case DESTINATION_UNHEALTHY:
		return "Unhealthy";
	case DESTINATION_UNKNOWN:
		return "Unknown";
	}
	return "?";
}

/* ---- one ---- */

static bool take_verdict(const struct desired_destination *destination, uint64_t check_id,
			 const struct destinations_health *health,
			 struct destination_finding *finding)
{
	const struct health_verdict *verdict;

	verdict = verdicts_look(health->verdicts, destination->node, &destination->address,
				check_id, health->now_ms, &finding->checker);
	if (!verdict) {
		finding->checker = "";
		return false;
	}
	finding->state = verdict->healthy ? DESTINATION_READY : DESTINATION_UNHEALTHY;
	finding->reason = verdict->reason ? verdict->reason : "";
	finding->since_ms = verdict->since_ms;
	finding->checked_ms = verdict->checked_ms;
	finding->source = verdict->source;
	return true;
}

/* What makes it unhealthy whatever is checked. */
static bool is_gone(const struct desired_destination *destination,
		    const struct destinations_health *health, struct destination_finding *finding)
{
	if (!health->verdicts)
		return false;
	if (verdicts_is_dead(health->verdicts, destination->node)) {
		finding->state = DESTINATION_UNHEALTHY;
		finding->reason = "NodeDead";
		return true;
	}
	return verdicts_is_cut(health->verdicts, destination->node, &destination->address) &&
	       take_verdict(destination, HEALTH_CHECK_LINK, health, finding);
}

void destination_find(const struct desired_lb *lb, const struct desired_destination *destination,
		      const struct destinations_health *health,
		      struct destination_finding *ret_finding)
{
	uint64_t check_id = health_check_id(&lb->check);

	*ret_finding = (struct destination_finding){.reason = "", .checker = ""};
	if (!is_gone(destination, health, ret_finding) && check_id &&
	    (!health->verdicts || !take_verdict(destination, check_id, health, ret_finding))) {
		ret_finding->state = DESTINATION_UNKNOWN;
		ret_finding->reason = "NotChecked";
	}
	if (!destination->weight)
		ret_finding->state = DESTINATION_DRAINING;
}

static const char *time_or_none(uint64_t ms, char text[static 32])
{
	return ms ? conditions_format_time((int64_t)ms, text) : NULL;
}

static const char *word_or_none(const char *word)
{
	return *word ? word : NULL;
}

json_t *destination_describe(const struct desired_destination *destination,
			     const struct destination_finding *finding)
{
	char address[ADDRESS_TEXT_MAX], source[ADDRESS_TEXT_MAX], since[32], checked[32];

	return json_pack(
		"{ss ss* sI ss ss* ss* ss* ss* ss*}", "address",
		address_format(&destination->address, address), "node", destination->node, "weight",
		(json_int_t)destination->weight, "state", destination_state_name(finding->state),
		"reason", word_or_none(finding->reason), "since",
		time_or_none(finding->since_ms, since), "lastCheck",
		time_or_none(finding->checked_ms, checked), "checkedBy",
		word_or_none(finding->checker), "source",
		finding->source.family == FAMILY_NONE ? NULL
						      : address_format(&finding->source, source));
}

/* ---- all of them ---- */

struct counts {
	size_t ready, draining, unhealthy, unknown;
	bool ready4, ready6; /* some of the family are */
	bool some4, some6;   /* there are some that would take connections, were they healthy */
	const struct desired_destination *bad; /* the first that is not healthy */
	struct destination_finding bad_finding;
};

static void count_one(const struct desired_destination *destination,
		      const struct destination_finding *finding, struct counts *counts)
{
	bool v4 = destination->address.family == FAMILY_IPV4;

	switch (finding->state) {
	case DESTINATION_DRAINING:
		counts->draining++;
		return;
	case DESTINATION_READY:
		counts->ready++;
		counts->ready4 = counts->ready4 || v4;
		counts->ready6 = counts->ready6 || !v4;
		break;
	case DESTINATION_UNHEALTHY:
	case DESTINATION_UNKNOWN:
		counts->unhealthy++;
		counts->unknown += finding->state == DESTINATION_UNKNOWN;
		if (!counts->bad) {
			counts->bad = destination;
			counts->bad_finding = *finding;
		}
		break;
	}
	counts->some4 = counts->some4 || v4;
	counts->some6 = counts->some6 || !v4;
}

static struct counts count(const struct resolution *resolution,
			   const struct destinations_health *health)
{
	struct counts counts = {};

	for (size_t i = 0; resolution->lb && i < resolution->lb->n_destinations; i++) {
		const struct desired_destination *destination = &resolution->lb->destinations[i];
		struct destination_finding finding;

		destination_find(resolution->lb, destination, health, &finding);
		count_one(destination, &finding, &counts);
	}
	return counts;
}

/* A VIP whose family has no destination refuses connections, while the other may serve. */
static const struct address *vip_without(const struct resolution *resolution,
					 const struct counts *counts)
{
	for (size_t i = 0; resolution->lb && i < resolution->lb->n_vips; i++) {
		const struct address *vip = &resolution->lb->vips[i];

		if (!(vip->family == FAMILY_IPV4 ? counts->ready4 : counts->ready6))
			return vip;
	}
	return NULL;
}

static bool fails_open(const struct resolution *resolution)
{
	return resolution->lb->when_all_unhealthy == ALL_UNHEALTHY_FAIL_OPEN;
}

static void family_without(const struct resolution *resolution, const struct counts *counts,
			   const struct address *vip, struct conditions *conditions)
{
	bool some = vip->family == FAMILY_IPV4 ? counts->some4 : counts->some6;
	const char *family = family_name(vip->family);
	char text[ADDRESS_TEXT_MAX];

	(void)address_format(vip, text);
	if (!some)
		conditions_add(conditions, CONDITION, true, "NoDestinationsOfFamily",
			       "%s refuses connections: there is no %s destination", text, family);
	else if (fails_open(resolution))
		conditions_add(conditions, CONDITION, true, "FailOpen",
			       "%s sends to all %s destinations, as whenAllUnhealthy asks: none is "
			       "healthy",
			       text, family);
	else
		conditions_add(conditions, CONDITION, true, "NoHealthyDestinationsOfFamily",
			       "%s refuses connections: no %s destination is healthy", text,
			       family);
}

static void some_ready(const struct resolution *resolution, const struct counts *counts,
		       struct conditions *conditions)
{
	const struct address *vip = vip_without(resolution, counts);
	char text[ADDRESS_TEXT_MAX];

	if (vip)
		family_without(resolution, counts, vip, conditions);
	else if (resolution->n_destinations > DESIRED_DESTINATIONS_MAX)
		conditions_add(conditions, CONDITION, true, "TooManyDestinations",
			       "%zu destinations match; the first %d by address are used",
			       resolution->n_destinations, DESIRED_DESTINATIONS_MAX);
	else if (counts->bad)
		conditions_add(conditions, CONDITION, true, "SomeUnhealthy",
			       "%zu of %zu destinations are not healthy, the first is %s: %s",
			       counts->unhealthy, counts->unhealthy + counts->ready,
			       address_format(&counts->bad->address, text),
			       counts->bad_finding.reason);
	else
		conditions_add(conditions, CONDITION, true, CONDITION, "%s", "");
}

static void none_healthy(const struct resolution *resolution, const struct counts *counts,
			 struct conditions *conditions)
{
	char text[ADDRESS_TEXT_MAX];

	(void)address_format(&counts->bad->address, text);
	if (fails_open(resolution))
		conditions_add(conditions, CONDITION, true, "FailOpen",
			       "none of %zu destinations is healthy, the first is %s: %s; all get "
			       "connections, as whenAllUnhealthy asks",
			       counts->unhealthy, text, counts->bad_finding.reason);
	else if (counts->unknown == counts->unhealthy)
		conditions_add(conditions, CONDITION, false, "NotChecked",
			       "none of %zu destinations has been checked yet", counts->unhealthy);
	else
		conditions_add(conditions, CONDITION, false, "AllUnhealthy",
			       "none of %zu destinations is healthy, the first is %s: %s",
			       counts->unhealthy, text, counts->bad_finding.reason);
}

static void add_condition(const struct object *lb, const struct resolution *resolution,
			  const struct counts *counts, struct conditions *conditions)
{
	if (counts->ready)
		some_ready(resolution, counts, conditions);
	else if (counts->bad)
		none_healthy(resolution, counts, conditions);
	else if (resolution->no_routing)
		conditions_add(conditions, CONDITION, false, "RoutingNotFound",
			       "there is no networkInterfaceSelector, and no LoadBalancerRouting "
			       "%s/%s for this network",
			       lb->meta.name_space, lb->meta.name);
	else if (counts->draining)
		conditions_add(conditions, CONDITION, false, "AllDraining",
			       "all %zu destinations have weight 0", counts->draining);
	else if (!resolution->lb && resolution->n_destinations)
		conditions_add(conditions, CONDITION, true, CONDITION, "%s", "");
	else
		conditions_add(conditions, CONDITION, false, "NoDestinations", "%s",
			       lb->lb.selector ? "no network interface with an address of the "
						 "load balancer's families matches the selector"
					       : "the LoadBalancerRouting names no address of the "
						 "load balancer's families");
}

json_t *destinations_status(const struct object *lb, const struct resolution *resolution,
			    const struct destinations_health *health, struct conditions *conditions)
{
	struct counts counts = count(resolution, health);
	json_t *before = json_object_get(conditions->previous, "destinations");

	/* Who was restarted must not say that all are lost before anybody could tell. */
	if (health->pending && counts.unknown && before && conditions_keep(conditions, CONDITION))
		return json_incref(before);
	add_condition(lb, resolution, &counts, conditions);
	return json_pack("{sI sI sI sI}", "total", (json_int_t)resolution->n_destinations, "ready",
			 (json_int_t)counts.ready, "unhealthy", (json_int_t)counts.unhealthy,
			 "draining", (json_int_t)counts.draining);
}
