/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "agent/vitals_private.h"
#include "base/array.h"
#include "base/text.h"

static uint16_t port_to_ask(const struct desired_lb *lb)
{
	if (lb->check.interval_s)
		return lb->check.port;
	for (size_t i = 0; i < lb->n_ports; i++) {
		if (lb->ports[i].protocol == PROTOCOL_TCP)
			return lb->ports[i].target;
	}
	return lb->n_ports > 0 ? lb->ports[0].target : 1; /* any machine refuses it */
}

static bool is_among(const struct probe_target *targets, size_t n, const struct address *address)
{
	for (size_t i = 0; i < n; i++) {
		if (address_equal(&targets[i].address, address))
			return true;
	}
	return false;
}

static size_t find_targets(const struct vitals *vitals, const char *node,
			   struct probe_target targets[static PROBES_TARGETS_MAX])
{
	size_t n = 0;

	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		ARRAY_FOREACH(destination, ward->lb->destinations, ward->lb->n_destinations) {
			if (n == PROBES_TARGETS_MAX || !text_equal(destination->node, node) ||
			    is_among(targets, n, &destination->address))
				continue;
			targets[n++] = (struct probe_target){.address = destination->address,
							     .port = port_to_ask(ward->lb)};
		}
	}
	return n;
}

static bool is_control(const struct vitals *vitals, const char *node, const char *suspect)
{
	return node && !text_equal(node, suspect) && !text_equal(node, vitals->options.node) &&
	       !verdicts_is_dead(vitals->verdicts, node);
}

/* Any, each as likely as the others. Source: reservoir sampling (Vitter 1985, algorithm R). */
static size_t find_controls(const struct vitals *vitals, const char *suspect,
			    struct probe_target controls[static PROBES_CONTROLS_MAX])
{
	uint32_t n_seen = 0;

	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		ARRAY_FOREACH(destination, ward->lb->destinations, ward->lb->n_destinations) {
			uint32_t at;

			if (!is_control(vitals, destination->node, suspect))
				continue;
			at = n_seen < PROBES_CONTROLS_MAX ? n_seen : arc4random_uniform(n_seen + 1);
			n_seen++;
			if (at < PROBES_CONTROLS_MAX)
				controls[at] =
					(struct probe_target){.address = destination->address,
							      .port = port_to_ask(ward->lb),
							      .control = true};
		}
	}
	return n_seen < PROBES_CONTROLS_MAX ? n_seen : PROBES_CONTROLS_MAX;
}

void vitals_probe(struct vitals *vitals, const char *node, const char *reply)
{
	struct probe_target targets[PROBES_TARGETS_MAX + PROBES_CONTROLS_MAX];
	size_t n = find_targets(vitals, node, targets);

	if (n > 0)
		n += find_controls(vitals, node, targets + n);
	if (probes_start(&vitals->probes, node, reply, targets, n) < 0)
		return; /* others are asked, too, and we are asked again */
}
