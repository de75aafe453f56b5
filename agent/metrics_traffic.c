/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/metrics.h"
#include "base/array.h"
#include "messages/subjects.h"
#include "monitor/exposition.h"

/* The token as it is, where it is no Network's. */
static void name_network(const char *net, struct metrics_lb *lb)
{
	if (subject_net_names(net, lb->name_space, lb->network) < 0) {
		lb->name_space[0] = '\0';
		(void)snprintf(lb->network, sizeof(lb->network), "%s", net);
	}
}

static void take_lb(const struct traffic *traffic, const struct traffic_lb *from,
		    struct metrics_lb *lb)
{
	const char *slash = strchr(from->name, '/');

	name_network(traffic->net, lb);
	(void)snprintf(lb->name, sizeof(lb->name), "%s", slash ? slash + 1 : from->name);
	lb->has_live = traffic->has_live;
	lb->connections = from->connections;
	lb->live = from->live;
	memcpy(lb->sums, from->sums, sizeof(lb->sums));
}

int metrics_traffic_take(const struct worker_count *count, struct metrics_traffic *ret_traffic)
{
	struct metrics_traffic traffic = {};
	size_t n = 0;

	for (size_t i = 0; i < count->n_networks; i++)
		n += count->networks[i]->n_lbs;
	traffic.lbs = calloc((n < METRICS_LBS_MAX ? n : METRICS_LBS_MAX) + 1, sizeof(*traffic.lbs));
	if (!traffic.lbs)
		return -ENOMEM;
	for (size_t i = 0; i < count->n_networks; i++) {
		const struct traffic *network = count->networks[i];

		for (size_t k = 0; k < network->n_lbs; k++) {
			if (traffic.n_lbs == METRICS_LBS_MAX)
				traffic.n_left_out++;
			else
				take_lb(network, &network->lbs[k], &traffic.lbs[traffic.n_lbs++]);
		}
	}
	*ret_traffic = traffic;
	return 0;
}

void metrics_traffic_deinit(struct metrics_traffic *traffic)
{
	free(TAKE(traffic->lbs));
	traffic->n_lbs = 0;
}

static const char *const directions[TRAFFIC_N_DIRECTIONS] = {
	[TRAFFIC_ORIGINAL] = "original",
	[TRAFFIC_REPLY] = "reply",
};

static uint64_t packets_of(const struct traffic_sum *sum)
{
	return sum->packets;
}

static uint64_t bytes_of(const struct traffic_sum *sum)
{
	return sum->bytes;
}

static void write_sums(const struct metrics_traffic *traffic, const char *name, const char *help,
		       uint64_t (*value)(const struct traffic_sum *sum), struct text *text)
{
	exposition_metric(text, EXPOSITION_COUNTER, name, help);
	ARRAY_FOREACH(lb, traffic->lbs, traffic->n_lbs) {
		for (unsigned i = 0; i < TRAFFIC_N_DIRECTIONS; i++) {
			const struct exposition_label labels[] = {
				{"namespace", lb->name_space},
				{"network", lb->network},
				{"loadbalancer", lb->name},
				{"direction", directions[i]},
			};

			exposition_count(text, name, labels, ARRAY_SIZE(labels),
					 value(&lb->sums[i]));
		}
	}
}

static void write_connections(const struct metrics_traffic *traffic, bool live, struct text *text)
{
	const char *name = live ? "ilb_agent_loadbalancer_live_connections"
				: "ilb_agent_loadbalancer_connections_total";

	exposition_metric(text, live ? EXPOSITION_GAUGE : EXPOSITION_COUNTER, name,
			  live ? "Connections that connection tracking has now."
			       : "Connections that clients of this node have begun.");
	ARRAY_FOREACH(lb, traffic->lbs, traffic->n_lbs) {
		const struct exposition_label labels[] = {
			{"namespace", lb->name_space},
			{"network", lb->network},
			{"loadbalancer", lb->name},
		};

		if (!live || lb->has_live)
			exposition_count(text, name, labels, ARRAY_SIZE(labels),
					 live ? lb->live : lb->connections);
	}
}

void metrics_traffic_write(const struct metrics_traffic *traffic, struct text *text)
{
	write_connections(traffic, false, text);
	write_connections(traffic, true, text);
	write_sums(traffic, "ilb_agent_loadbalancer_packets_total",
		   "Packets forwarded, by direction: original is from clients.", packets_of, text);
	write_sums(traffic, "ilb_agent_loadbalancer_bytes_total",
		   "Bytes of IP packets forwarded, headers included, by direction.", bytes_of,
		   text);
	exposition_single(text, EXPOSITION_GAUGE, "ilb_agent_loadbalancers_left_out",
			  "LoadBalancers without metrics of their own, because there are too many.",
			  traffic->n_left_out);
}
