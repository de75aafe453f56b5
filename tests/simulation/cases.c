/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "base/text.h"
#include "tests/simulation/watch.h"

/*
 * What happens to a thousand nodes, as the table of docs/health.md: for each case how long (median,
 * 99 of 100, longest, in seconds) until nodes took out what does not answer any more, found by
 * other nodes or by its checks, and until they had it back; then how many destinations were taken
 * out that answered, and how many stayed out. Exit status 1 when there are any of these.
 *
 *	simulation [--nodes N] [--networks N] [--seeds N] [--seed FIRST] [--only PART OF A NAME]
 */

enum { WARM_UP_MS = 12000 };

#define SECONDS(n) ((n)*UINT64_C(1000))

/* Other nodes each time: they are taken in an order of the seed's. */
static unsigned *order;
static unsigned n_nodes;

static void shuffle(void)
{
	for (unsigned i = 0; i < n_nodes; i++)
		order[i] = i;
	for (unsigned i = n_nodes; i > 1; i--) {
		unsigned k = sim_random(i), other = order[k];

		order[k] = order[i - 1];
		order[i - 1] = other;
	}
}

/* `n` of a thousand nodes, but for those before `first`: all get the same fault. */
static void each(unsigned first, unsigned n, void (*set)(struct node *node, bool on), bool on)
{
	for (unsigned i = 0; i < (n * n_nodes + 999) / 1000; i++)
		set(&cluster.nodes[order[(first * n_nodes / 1000 + i) % n_nodes]], on);
}

static void power_fails(unsigned n)
{
	each(0, n, node_set_power, false);
	sim_run(SECONDS(25));
	each(0, n, node_set_power, true);
	sim_run(SECONDS(25));
}

static void agents_die(unsigned n)
{
	each(0, n, node_set_agent, false);
	sim_run(SECONDS(25));
	each(0, n, node_set_agent, true);
	sim_run(SECONDS(15));
}

/* Also one node without power among those that are cut off, and one elsewhere. */
static void cut_off_from_nats(unsigned n)
{
	each(0, n, node_set_link, false);
	sim_run(SECONDS(40));
	each(0, n, node_set_link, true);
	sim_run(SECONDS(25));
}

static void cables_fail(unsigned n)
{
	each(0, n, node_set_uplink, false);
	each(0, n, node_set_link, false);
	sim_run(SECONDS(25));
	each(0, n, node_set_uplink, true);
	each(0, n, node_set_link, true);
	sim_run(SECONDS(30));
}

/* Nodes whose probes come to nothing are asked about others whose agents died. */
static void probers_are_cut_off(unsigned n)
{
	each(0, n, node_set_uplink, false);
	each(n, n, node_set_agent, false);
	sim_run(SECONDS(30));
	each(0, n, node_set_uplink, true);
	each(n, n, node_set_agent, true);
	sim_run(SECONDS(25));
}

static void return_without_agents(unsigned n)
{
	for (unsigned i = 0; i < n_nodes; i++)
		cluster.nodes[i].broken = true;
	each(0, n, node_set_power, true);
	sim_run(SECONDS(35));
}

static void machines_live_on(unsigned n)
{
	each(0, n, node_set_power, false);
	sim_run(SECONDS(12));
	return_without_agents(n);
}

/* Whoever found out that the nodes are dead is not there any more when they come back. */
static void allocators_are_upgraded(unsigned n)
{
	each(0, n, node_set_power, false);
	sim_run(SECONDS(12));
	for (unsigned i = 0; i < cluster.options.n_allocators; i++) {
		controller_restart(&cluster.controllers[i]);
		sim_run(SECONDS(12));
	}
	return_without_agents(n);
}

static void servers_die(unsigned n)
{
	for (unsigned on = 0; on < 2; on++) {
		for (unsigned i = 0; i < n * n_nodes / 1000; i++) {
			const struct net *net = &cluster.nets[i % cluster.options.n_nets];

			machine_set_serving(&net->machines[i % net->n_machines], on);
		}
		sim_run(SECONDS(30));
	}
}

static void agents_are_upgraded(unsigned n)
{
	for (unsigned i = 0; i < 1000; i += n) {
		each(i, n, node_set_agent, false);
		sim_run(500);
		each(i, n, node_set_agent, true);
		sim_run(500);
	}
	sim_run(SECONDS(20));
}

static void allocators_stop(unsigned n)
{
	for (unsigned i = 0; i < cluster.options.n_allocators; i++) {
		controller_set_stopped(&cluster.controllers[i], true);
		each(i * n, n, node_set_agent, false);
		sim_run(SECONDS(8));
		controller_set_stopped(&cluster.controllers[i], false);
		sim_run(SECONDS(8));
		controller_set_link(&cluster.controllers[i], false);
		each(i * n, n, node_set_agent, true);
		sim_run(SECONDS(8));
		controller_set_link(&cluster.controllers[i], true);
		sim_run(SECONDS(8));
	}
}

/* Anything to anybody. */
static void chaos(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct node *node = &cluster.nodes[sim_random(n_nodes)];

		switch (sim_random(5)) {
		case 0:
			node_set_power(node, !node->power);
			break;
		case 1:
			node_set_agent(node, !node->running);
			break;
		case 2:
			node_set_link(node, !node->linked);
			break;
		case 3:
			node_set_uplink(node, !node->uplink);
			break;
		default:
			controller_set_stopped(&cluster.controllers[0],
					       !cluster.controllers[0].stopped);
			break;
		}
		sim_run(SECONDS(60) / n);
	}
	for (unsigned i = 0; i < n_nodes; i++) {
		node_set_power(&cluster.nodes[i], true);
		node_set_link(&cluster.nodes[i], true);
		node_set_uplink(&cluster.nodes[i], true);
	}
	controller_set_stopped(&cluster.controllers[0], false);
	sim_run(SECONDS(3));
	for (unsigned i = 0; i < n_nodes; i++)
		node_set_agent(&cluster.nodes[i], true);
	sim_run(SECONDS(30));
}

static const struct row {
	const char *name;
	void (*happen)(unsigned n);
	unsigned n; /* of a thousand nodes */
	struct cluster_options options;
	enum {
		NO_MISTAKES,
		SOME,     /* where packets are lost nobody can know */
		MISTAKES, /* the simulation could not fail without */
	} expected;
} rows[] = {
	{.name = "power loss of 1", power_fails, 1, {}},
	{.name = "power loss of 10", power_fails, 10, {}},
	{.name = "power loss of 100", power_fails, 100, {}},
	{.name = "power loss of 400", power_fails, 400, {}},
	{.name = "10 without cables", cables_fail, 10, {}},
	{.name = "agents of 10 die", agents_die, 10, {}},
	{.name = "agents of 400 die", agents_die, 400, {}},
	{.name = "agents of 600 die", agents_die, 600, {}},
	{.name = "100 cut off from NATS", cut_off_from_nats, 100, {}},
	{.name = "400 cut off from NATS", cut_off_from_nats, 400, {}},
	{.name = "900 cut off from NATS", cut_off_from_nats, 900, {}},
	{.name = "power loss of 10, 10 % of messages lost", power_fails, 10, {.bus_loss = 10}},
	{.name = "power loss of 10, 30 % of messages lost", power_fails, 10, {.bus_loss = 30}},
	{.name = "power loss of 10, 50 % of messages lost", power_fails, 10, {.bus_loss = 50}},
	{.name = "agents of 10 die, 50 % of messages lost", agents_die, 10, {.bus_loss = 50}},
	{.name = "100 probers cut off, agents of 100 die", probers_are_cut_off, 100, {}},
	{.name = "power of 10 returns without agents", machines_live_on, 10, {}},
	{.name = "rolling restart of allocators, then the same", allocators_are_upgraded, 10, {}},
	{.name = "allocators stop, late, cut off; agents die", allocators_stop, 10, {}},
	{.name = "rolling restart of all agents", agents_are_upgraded, 50, {}},
	{.name = "100 servers die", servers_die, 100, {}},
	{.name = "chaos", chaos, 100, {}},
	{.name = "agents of 10 die, 1 % of packets lost", agents_die, 10, {.packet_loss = 1}, SOME},
	{.name = "agents of 10 die, 10 % of packets lost",
	 agents_die,
	 10,
	 {.packet_loss = 10},
	 SOME},
	{.name = "agents of 10 die, neighbours not asked",
	 agents_die,
	 10,
	 {.rash = true},
	 MISTAKES},
};

static void format_delays(struct text *text, const struct delays *delays)
{
	if (delays->n == 0)
		text_add(text, delays->n_missed ? "never" : "");
	else
		text_addf(text, "%.1f, %.1f, %.1f", delays_percentile(delays, 50) / 1000.0,
			  delays_percentile(delays, 99) / 1000.0,
			  delays_percentile(delays, 100) / 1000.0);
	if (delays->n && delays->n_missed)
		text_addf(text, " (%.2g %% not)",
			  100.0 * (double)delays->n_missed /
				  (double)(delays->n + delays->n_missed));
}

static void show(const struct row *row)
{
	const struct delays *const columns[] = {&findings.by_probes, &findings.by_checks,
						&findings.back};

	(void)printf("| %-46s |", row->name);
	for (unsigned i = 0; i < ARRAY_SIZE(columns); i++) {
		struct text text = {};

		format_delays(&text, columns[i]);
		(void)printf(" %-24s |", text.bytes ? text.bytes : "");
		text_deinit(&text);
	}
	(void)printf(" %zu | %zu |\n", findings.n_mistakes, findings.n_forgotten);
	(void)fflush(stdout);
}

struct arguments {
	unsigned n_nodes, n_nets, n_seeds, n_rows;
	uint64_t seed;
	const char *only;
};

static void play(const struct row *row, const struct arguments *arguments, uint64_t seed)
{
	struct cluster_options options = row->options;

	options.n_nodes = n_nodes;
	options.n_nets = arguments->n_nets;
	options.n_allocators = 2;
	options.n_floating = 4;
	cluster_begin(&options, seed);
	shuffle();
	sim_run(WARM_UP_MS);
	row->happen(row->n);
	watch_conclude();
	cluster_end();
}

static bool is_as_expected(const struct row *row)
{
	size_t n = findings.n_mistakes + findings.n_forgotten;

	return row->expected == SOME || (row->expected == MISTAKES) == (n > 0);
}

/* Return: whether it went as it should. */
static bool run(const struct row *row, const struct arguments *arguments)
{
	bool good;

	watch_begin();
	for (unsigned i = 0; i < arguments->n_seeds; i++)
		play(row, arguments, arguments->seed + i);
	show(row);
	good = is_as_expected(row);
	watch_end();
	return good;
}

static int parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option table[] = {
		{"nodes", required_argument, NULL, 'n'},
		{"networks", required_argument, NULL, 'w'},
		{"seeds", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'f'},
		{"only", required_argument, NULL, 'o'},
		{"deaf", no_argument, NULL, 'd'},
		{},
	};
	uint64_t value = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		if (option == '?' ||
		    (strchr("nwsf", option) && text_parse_u64(optarg, UINT32_MAX, &value) < 0))
			return -1;
		switch (option) {
		case 'n':
			arguments->n_nodes = (unsigned)value;
			break;
		case 'w':
			arguments->n_nets = (unsigned)value;
			break;
		case 's':
			arguments->n_seeds = (unsigned)value;
			break;
		case 'f':
			arguments->seed = value;
			break;
		default:
			arguments->only = optarg;
			break;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.n_nodes = 1000, .n_nets = 100, .n_seeds = 1, .seed = 1};
	int exit_code = 0;

	if (parse(argc, argv, &arguments) < 0)
		return 2;
	log_set_level(LOG_LEVEL_ERR);
	n_nodes = arguments.n_nodes;
	order = calloc(n_nodes, sizeof(*order));
	if (!order)
		return 1;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (arguments.only && !strstr(rows[i].name, arguments.only))
			continue;
		if (!run(&rows[i], &arguments))
			exit_code = 1;
	}
	free(order);
	return exit_code;
}
