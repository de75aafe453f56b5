/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics_networks.h"

#include <stdio.h>

#include "agent/metrics.h"
#include "base/array.h"
#include "messages/subjects.h"
#include "monitor/exposition.h"

/* The labels of a Network; "" and the token, where that is no Network's. */
struct names {
	char name_space[64], name[SUBJECT_TOKEN_MAX + 1];
};

static void name_it(const char *net, struct names *names)
{
	if (subject_net_names(net, names->name_space, names->name) < 0) {
		names->name_space[0] = '\0';
		(void)snprintf(names->name, sizeof(names->name), "%s", net);
	}
}

#define LABELS(names)                            \
	{                                        \
		{"namespace", names.name_space}, \
		{                                \
			"network", names.name    \
		}                                \
	}

/* ---- what the loop knows: a row for each metric ---- */

static uint64_t is_open(const struct network *network)
{
	return network->stage == NETWORK_OPEN || network->stage == NETWORK_APPLYING;
}

static uint64_t revision(const struct network *network)
{
	return network->report.status->revision;
}

static uint64_t is_complete(const struct network *network)
{
	return network->reconcile.complete;
}

static uint64_t is_recalled(const struct network *network)
{
	return network->recalled;
}

static uint64_t n_addresses(const struct network *network)
{
	return network->report.status->n_addresses;
}

static uint64_t n_refused(const struct network *network)
{
	return network->report.status->n_refused;
}

static uint64_t n_deltas(const struct network *network)
{
	return network->reconcile.counts.deltas;
}

static uint64_t n_duplicates(const struct network *network)
{
	return network->reconcile.counts.duplicates;
}

static uint64_t n_gaps(const struct network *network)
{
	return network->reconcile.counts.gaps;
}

static uint64_t n_snapshots(const struct network *network)
{
	return network->reconcile.counts.snapshots;
}

static uint64_t n_stale(const struct network *network)
{
	return network->n_stale;
}

static uint64_t n_checked(const struct network *network)
{
	return network->vitals ? vitals_counts(network->vitals).n_checked : 0;
}

static uint64_t n_unhealthy(const struct network *network)
{
	return network->vitals ? vitals_counts(network->vitals).n_unhealthy : 0;
}

static uint64_t n_left_out(const struct network *network)
{
	return network->notes.n_left_out;
}

static const struct row {
	enum exposition_type type;
	const char *name, *help;
	uint64_t (*value)(const struct network *network);
} rows[] = {
	{EXPOSITION_GAUGE, "ilb_agent_network_open", "1 while the Network's namespace is served.",
	 is_open},
	{EXPOSITION_GAUGE, "ilb_agent_network_revision",
	 "Revision of the desired state that is in the kernel.", revision},
	{EXPOSITION_GAUGE, "ilb_agent_network_synced",
	 "1 while the desired state is whole, as far as the agent knows.", is_complete},
	{EXPOSITION_GAUGE, "ilb_agent_network_recalled",
	 "1 while what is forwarded comes from disk, confirmed by no allocator.", is_recalled},
	{EXPOSITION_GAUGE, "ilb_agent_network_addresses", "VIPs that are forwarded.", n_addresses},
	{EXPOSITION_GAUGE, "ilb_agent_network_refused",
	 "LoadBalancers that could not be programmed.", n_refused},
	{EXPOSITION_COUNTER, "ilb_agent_network_changes_total", "Changes that came from the bus.",
	 n_deltas},
	{EXPOSITION_COUNTER, "ilb_agent_network_duplicates_total",
	 "Changes that were known already.", n_duplicates},
	{EXPOSITION_COUNTER, "ilb_agent_network_gaps_total", "Changes that were lost.", n_gaps},
	{EXPOSITION_COUNTER, "ilb_agent_network_snapshots_total",
	 "Times that all state was fetched.", n_snapshots},
	{EXPOSITION_COUNTER, "ilb_agent_network_stale_total",
	 "Comparisons that found the state out of date.", n_stale},
	{EXPOSITION_GAUGE, "ilb_agent_network_checked_destinations",
	 "Destinations that have a health check, of each LoadBalancer.", n_checked},
	{EXPOSITION_GAUGE, "ilb_agent_network_unhealthy_destinations",
	 "Those of them that are unhealthy.", n_unhealthy},
	{EXPOSITION_COUNTER, "ilb_agent_network_notes_left_out_total",
	 "Events that were not told, because there were too many.", n_left_out},
};

static void write_row(const struct network *networks, const struct row *row, struct text *text)
{
	unsigned n = 0;

	exposition_metric(text, row->type, row->name, row->help);
	for (const struct network *network = networks; network && n < METRICS_NETWORKS_MAX;
	     network = network->hh.next, n++) {
		struct names names;

		name_it(network->net, &names);
		exposition_count(text, row->name, (struct exposition_label[])LABELS(names), 2,
				 row->value(network));
	}
}

static void write_applied(const struct network *networks, struct text *text)
{
	static const char name[] = "ilb_agent_network_applied_timestamp_seconds";
	unsigned n = 0;

	exposition_metric(text, EXPOSITION_GAUGE, name,
			  "When the kernel was brought to that revision; Unix time.");
	for (const struct network *network = networks; network && n < METRICS_NETWORKS_MAX;
	     network = network->hh.next, n++) {
		uint64_t at_ms = network->report.status->applied_at_ms;
		struct names names;

		name_it(network->net, &names);
		if (at_ms > 0)
			exposition_seconds(text, name, (struct exposition_label[])LABELS(names), 2,
					   at_ms);
	}
}

static void write_condition(const struct network *network, const char *reason, struct text *text)
{
	struct names names;

	name_it(network->net, &names);
	exposition_count(text, "ilb_agent_network_condition",
			 (struct exposition_label[]){{"namespace", names.name_space},
						     {"network", names.name},
						     {"reason", reason}},
			 3, 1);
}

/* There are a dozen reasons, all of them in the source: no text of others becomes a label. */
static void write_conditions(const struct network *networks, struct text *text)
{
	unsigned n = 0;

	exposition_metric(text, EXPOSITION_GAUGE, "ilb_agent_network_condition",
			  "1 for each condition that holds; what to do is in 'ilb nodes'.");
	for (const struct network *network = networks; network && n < METRICS_NETWORKS_MAX;
	     network = network->hh.next, n++) {
		const struct status *status = network->report.status;

		for (unsigned i = 0; i < REPORT_N_CONDITIONS; i++) {
			if (network->report.sentences[i])
				write_condition(network, report_condition_reason(i), text);
		}
		for (size_t i = 0; i < status->n_conditions; i++)
			write_condition(network, status->conditions[i].reason, text);
	}
}

void metrics_networks_write(const struct network *networks, struct text *text)
{
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows))
		write_row(networks, row, text);
	write_applied(networks, text);
	write_conditions(networks, text);
}

/* ---- what the kernel thread knows ---- */

static uint64_t conntrack_count(const struct traffic *traffic)
{
	return traffic->conntrack_count;
}

static uint64_t conntrack_max(const struct traffic *traffic)
{
	return traffic->conntrack_max;
}

static uint64_t n_repairs(const struct traffic *traffic)
{
	return traffic->n_repairs;
}

static uint64_t n_missed(const struct traffic *traffic)
{
	return traffic->n_missed;
}

static uint64_t n_lbs(const struct traffic *traffic)
{
	return traffic->n_lbs;
}

static uint64_t offloads(const struct traffic *traffic)
{
	return traffic->offloads;
}

static const struct kernel_row {
	enum exposition_type type;
	const char *name, *help;
	uint64_t (*value)(const struct traffic *traffic);
} kernel_rows[] = {
	{EXPOSITION_GAUGE, "ilb_agent_network_loadbalancers",
	 "LoadBalancers that are in the kernel.", n_lbs},
	{EXPOSITION_GAUGE, "ilb_agent_network_flowtable",
	 "1 where established connections are offloaded to a flowtable.", offloads},
	{EXPOSITION_GAUGE, "ilb_agent_network_conntrack_entries",
	 "Connection tracking entries of the Network's namespace.", conntrack_count},
	{EXPOSITION_GAUGE, "ilb_agent_network_conntrack_limit",
	 "How many there may be; the machine's limit, for each namespace.", conntrack_max},
	{EXPOSITION_COUNTER, "ilb_agent_network_repairs_total",
	 "Times that the table was changed by others and written anew.", n_repairs},
	{EXPOSITION_COUNTER, "ilb_agent_network_accounting_gaps_total",
	 "Times that ends of connections were lost, and with them bytes that were offloaded.",
	 n_missed},
};

static void write_kernel_row(const struct worker_count *count, const struct kernel_row *row,
			     struct text *text)
{
	exposition_metric(text, row->type, row->name, row->help);
	for (size_t i = 0; i < count->n_networks && i < METRICS_NETWORKS_MAX; i++) {
		struct names names;

		name_it(count->networks[i]->net, &names);
		exposition_count(text, row->name, (struct exposition_label[])LABELS(names), 2,
				 row->value(count->networks[i]));
	}
}

void metrics_networks_write_kernel(const struct worker_count *count, struct text *text)
{
	ARRAY_FOREACH(row, kernel_rows, ARRAY_SIZE(kernel_rows))
		write_kernel_row(count, row, text);
}
