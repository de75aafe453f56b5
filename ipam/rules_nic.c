/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/rules.h"

/* Rules of a NetworkInterface. N7 and N8 are of fields that the table refuses. */

/* N3 */
static void machine_name_is_a_dns_label(struct judge *judge, const struct nic_spec *nic)
{
	const char *why = nic->machine ? why_not_dns_label(nic->machine) : NULL;

	if (why)
		judge_refuse(judge, PROBLEM_INVALID, "spec.machineRef.name", "%s", why);
}

static void node_name_is_a_node_name(struct judge *judge, const struct nic_spec *nic)
{
	rules_check_reference(judge, "spec.nodeRef.name", nic->node);
}

/* N5 */
static void there_is_an_ip_for_each_family(struct judge *judge, const struct addressing *addressing)
{
	if (addressing->n_families && addressing->n_families != addressing->n_ips)
		judge_refuse(judge, PROBLEM_INVALID, "spec.ips",
			     "ip families must match ips: spec.ipFamilies has %zu, spec.ips %zu",
			     addressing->n_families, addressing->n_ips);
}

void rules_check_nic(struct judge *judge, const struct object *nic)
{
	rules_check_addressing(judge, &nic->nic.addressing); /* N1, N2, N4, N6 */
	there_is_an_ip_for_each_family(judge, &nic->nic.addressing);
	machine_name_is_a_dns_label(judge, &nic->nic);
	node_name_is_a_node_name(judge, &nic->nic);
}
