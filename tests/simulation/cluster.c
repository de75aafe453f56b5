/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "base/text.h"
#include "messages/overlay.h"
#include "tests/simulation/watch.h"

enum {
	BOOT_MS = 2000,    /* from power to an agent */
	CONNECT_MS = 200,  /* from an agent to its connection */
	NOTICE_MS = 25000, /* until an agent finds that its connection is dead: pings of 10 s */
	ALIVE_MS = 1000,
};

struct cluster cluster;

/* ---- the truth ---- */

bool machine_answers(const struct machine *machine)
{
	return machine->node->power && machine->node->uplink && machine->serves;
}

struct machine *machine_at(const struct address *address)
{
	struct net *net = &cluster.nets[address->bytes[1]];

	return &net->machines[(unsigned)address->bytes[2] << 8 | address->bytes[3]];
}

static unsigned number_of(const char *name)
{
	uint64_t number;

	require(text_parse_u64(strpbrk(name, "-_") + 1, UINT32_MAX, &number) == 0);
	return (unsigned)number;
}

struct net *net_of(const char *token)
{
	return &cluster.nets[number_of(token)];
}

struct node *node_of(const char *name)
{
	return &cluster.nodes[number_of(name)];
}

/* ---- agents ---- */

static void on_changed(void *user)
{
	struct seat *seat = user;
	auto_call(desired_freep) struct desired *change = vitals_take_change(seat->vitals);

	for (size_t i = 0; change && i < change->n_lbs; i++)
		watch_seat(seat, change->lbs[i]);
}

static void on_fault(void *user, const struct bus_message *message, const char *sentence)
{
	(void)user;
	(void)message;
	(void)fprintf(stderr, "refused: %s\n", sentence);
	abort();
}

/* Of what is said to people nothing is looked at, and no link goes down alone. */
static void on_residents(void *user)
{
	(void)user;
}

static void on_event(void *user, const char *name, bool warning, const char *reason,
		     const char *sentence)
{
	(void)user;
	(void)name;
	(void)warning;
	(void)reason;
	(void)sentence;
}

static void seat_open(struct seat *seat)
{
	const struct vitals_options options = {
		.bus = &seat->bus,
		.attempts = &seat->node->attempts,
		.node = seat->node->name,
		.net = seat->net->token,
		.boot = &seat->node->boot,
		.on_changed = on_changed,
		.on_residents = on_residents,
		.on_event = on_event,
		.on_fault = on_fault,
		.user = seat,
	};
	struct desired_lb *lbs[N_LBS];
	struct desired desired = {.snapshot = true, .lbs = lbs, .n_lbs = N_LBS};
	struct error err;

	require(vitals_new(&options, &seat->vitals, &err) == 0);
	for (unsigned i = 0; i < N_LBS; i++)
		require(overlay_copy(seat->net->lbs[i], &lbs[i]) == 0);
	vitals_overlay(seat->vitals, &desired);
	for (unsigned i = 0; i < N_LBS; i++) {
		watch_seat(seat, lbs[i]);
		desired_lb_free(lbs[i]);
	}
}

/* Of one start of the agent. */
struct start {
	struct node *node;
	unsigned incarnation;
};

static void start_later(struct node *node, unsigned ms, sim_fn *fn)
{
	struct start *start = malloc(sizeof(*start));

	require(start);
	*start = (struct start){node, node->incarnation};
	sim_after(ms, fn, start);
}

static bool is_current(const struct start *start)
{
	return start->node->incarnation == start->incarnation && start->node->running;
}

static void connect_node(struct node *node)
{
	node->connected = true;
	controllers_hear(node);
	for (unsigned i = 0; i < NETS_OF_NODE; i++) {
		node->seats[i].since = sim_now();
		vitals_on_connected(node->seats[i].vitals);
	}
}

static void on_connect(void *user)
{
	auto_free struct start *start = user;

	if (is_current(start) && start->node->linked && !start->node->connected)
		connect_node(start->node);
}

static void on_notice(void *user)
{
	auto_free struct start *start = user;

	if (is_current(start) && !start->node->linked)
		start->node->connected = false;
}

static void on_alive(void *user)
{
	struct start *start = user;

	if (!is_current(start)) {
		free(start);
		return;
	}
	if (start->node->connected)
		controllers_hear(start->node);
	sim_after(ALIVE_MS, on_alive, start);
}

static void start_agent(struct node *node)
{
	if (node->running || !node->power || node->broken)
		return;
	node->running = true;
	node->connected = false;
	for (size_t i = 0; i < sizeof(node->boot.bytes); i++)
		node->boot.bytes[i] = (uint8_t)sim_random(256);
	for (unsigned i = 0; i < NETS_OF_NODE; i++)
		seat_open(&node->seats[i]);
	start_later(node, CONNECT_MS, on_connect);
	start_later(node, sim_random(ALIVE_MS), on_alive);
}

static void stop_agent(struct node *node)
{
	node->incarnation++;
	if (!TAKE(node->running))
		return;
	for (unsigned i = 0; i < NETS_OF_NODE; i++)
		vitals_close(TAKE(node->seats[i].vitals));
}

static void on_booted(void *user)
{
	auto_free struct start *start = user;

	if (start->node->incarnation == start->incarnation)
		start_agent(start->node);
}

/* ---- faults ---- */

static void mark_machines(const struct node *node)
{
	for (unsigned i = 0; i < NETS_OF_NODE; i++) {
		const struct net *net = node->seats[i].net;

		for (size_t k = 0; k < net->n_machines; k++) {
			if (net->machines[k].node == node)
				net->machines[k].since = sim_now();
		}
	}
}

void node_set_power(struct node *node, bool on)
{
	if (node->power == on)
		return;
	node->power = on;
	mark_machines(node);
	if (on) {
		start_later(node, BOOT_MS, on_booted);
		return;
	}
	stop_agent(node);
	for (unsigned i = 0; i < NETS_OF_NODE; i++)
		watch_forget(&node->seats[i]);
}

void node_set_agent(struct node *node, bool on)
{
	if (on)
		start_agent(node);
	else
		stop_agent(node);
}

void node_set_link(struct node *node, bool on)
{
	if (node->linked == on)
		return;
	node->linked = on;
	for (unsigned i = 0; i < NETS_OF_NODE; i++)
		node->seats[i].since = sim_now();
	if (!on)
		start_later(node, NOTICE_MS, on_notice);
	else if (node->running) {
		node->connected = false;
		start_later(node, CONNECT_MS, on_connect);
	}
}

void node_set_uplink(struct node *node, bool on)
{
	if (node->uplink == on)
		return;
	node->uplink = on;
	node->uplink_since = sim_now();
	mark_machines(node);
}

void machine_set_serving(struct machine *machine, bool on)
{
	if (machine->serves == on)
		return;
	machine->serves = on;
	machine->since = sim_now();
}
