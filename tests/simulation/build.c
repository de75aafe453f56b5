/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "tests/simulation/cluster.h"

/* Puts the cluster up and takes it down. */

enum {
	OF_NODES = 0xff,  /* 10.255.x.y are the nodes' own */
	DRAIN_MS = 30000, /* until all that is under way has arrived, and is freed */
};

static void *zeroed(size_t n, size_t size)
{
	void *memory = calloc(n + 1, size);

	require(memory);
	return memory;
}

static struct address address_of(unsigned net, unsigned number)
{
	return (struct address){
		.family = FAMILY_IPV4,
		.bytes = {10, (uint8_t)net, (uint8_t)(number >> 8), (uint8_t)number},
	};
}

static void seat_init(struct node *node, unsigned i, struct net *net)
{
	struct seat *seat = &node->seats[i];

	seat->node = node;
	seat->net = net;
	seat->bus.seat = seat;
	for (unsigned k = 0; k < N_LBS; k++)
		seat->out[k] = zeroed(net->n_machines, sizeof(bool));
	net->seats[net->n_seats++] = seat;
}

static void node_init(unsigned number)
{
	const struct cluster_options *options = &cluster.options;
	struct node *node = &cluster.nodes[number];

	(void)snprintf(node->name, sizeof(node->name), "node-%u", number);
	node->number = number;
	node->power = node->uplink = node->linked = true;
	for (unsigned i = 0; i < NETS_OF_NODE; i++) {
		/* Neighbours in one Network are strangers in the other. */
		unsigned net = i == 0 ? number * options->n_nets / 2 / options->n_nodes
				      : options->n_nets / 2 + number % (options->n_nets / 2);

		seat_init(node, i, &cluster.nets[net]);
	}
}

static void machine_init(struct net *net, size_t i, struct node *node, bool floating)
{
	net->machines[i] = (struct machine){
		.address = address_of((unsigned)(net - cluster.nets), (unsigned)i),
		.node = node,
		.floating = floating,
		.serves = true,
		.since = sim_now(),
	};
}

static void lb_init(struct net *net, unsigned which)
{
	struct desired_lb *lb = zeroed(1, sizeof(*lb));
	size_t n = which == LB_PLAIN ? net->n_seats : net->n_machines;

	net->lbs[which] = lb;
	lb->uid.bytes[0] = (uint8_t)(which + 1);
	lb->name = strdup("default/lb");
	lb->number = which + 1;
	lb->ports = zeroed(1, sizeof(*lb->ports));
	lb->n_ports = 1;
	lb->ports[0] = (struct desired_port){PROTOCOL_TCP, 80, 80, 80};
	lb->destinations = zeroed(n, sizeof(*lb->destinations));
	for (; lb->n_destinations < n; lb->n_destinations++) {
		const struct machine *machine = &net->machines[lb->n_destinations];

		lb->destinations[lb->n_destinations] = (struct desired_destination){
			.address = machine->address,
			.weight = 1,
			.node = machine->floating ? NULL : strdup(machine->node->name),
		};
	}
	if (which == LB_CHECKED)
		lb->check = (struct desired_check){
			.port = 80,
			.interval_s = CHECK_INTERVAL_S,
			.timeout_s = CHECK_TIMEOUT_S,
			.healthy_threshold = 2,
			.unhealthy_threshold = CHECK_FALL,
		};
}

static void net_fill(struct net *net)
{
	size_t n = 0;

	for (size_t i = 0; i < net->n_seats; i++)
		machine_init(net, n++, net->seats[i]->node, false);
	while (n < net->n_machines)
		machine_init(net, n++, net->seats[sim_random((uint32_t)net->n_seats)]->node, true);
	for (unsigned i = 0; i < N_LBS; i++)
		lb_init(net, i);
}

void cluster_begin(const struct cluster_options *options, uint64_t seed)
{
	unsigned n_members = 2 * options->n_nodes / options->n_nets + 1;

	require(options->n_nets < OF_NODES && options->n_nets % 2 == 0);
	sim_begin(seed);
	cluster.options = *options;
	cluster.nodes = zeroed(options->n_nodes, sizeof(*cluster.nodes));
	cluster.nets = zeroed(options->n_nets, sizeof(*cluster.nets));
	for (unsigned i = 0; i < options->n_nets; i++) {
		struct net *net = &cluster.nets[i];

		(void)snprintf(net->token, sizeof(net->token), "default_%u", i);
		net->seats = zeroed(n_members, sizeof(struct seat *));
		net->n_machines = n_members + options->n_floating;
	}
	for (unsigned i = 0; i < options->n_nodes; i++)
		node_init(i);
	for (unsigned i = 0; i < options->n_nets; i++) {
		struct net *net = &cluster.nets[i];

		net->n_machines = net->n_seats + options->n_floating;
		net->machines = zeroed(net->n_machines, sizeof(*net->machines));
		net_fill(net);
	}
	controllers_begin();
	for (unsigned i = 0; i < options->n_nodes; i++)
		node_set_agent(&cluster.nodes[i], true);
}

void cluster_end(void)
{
	for (unsigned i = 0; i < cluster.options.n_nodes; i++)
		node_set_agent(&cluster.nodes[i], false);
	for (unsigned i = 0; i < cluster.options.n_allocators; i++)
		controller_set_stopped(&cluster.controllers[i], false);
	sim_run(DRAIN_MS);
	for (unsigned i = 0; i < cluster.options.n_nodes; i++) {
		for (unsigned k = 0; k < NETS_OF_NODE * N_LBS; k++)
			free(cluster.nodes[i].seats[k / N_LBS].out[k % N_LBS]);
	}
	for (unsigned i = 0; i < cluster.options.n_nets; i++) {
		for (unsigned k = 0; k < N_LBS; k++)
			desired_lb_free(cluster.nets[i].lbs[k]);
		free(cluster.nets[i].machines);
		free(cluster.nets[i].seats);
	}
	free(cluster.nodes);
	free(cluster.nets);
	controllers_end();
	sim_end();
}
