/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "allocator/liveness.h"
#include "base/require.h"
#include "messages/codec.h"
#include "tests/simulation/cluster.h"

/* The allocators, as far as they look after nodes: what allocator.c does at each tick. */

enum { TICK_MS = 100, FIRST_NUMBER = 1000000 };

/* A heartbeat or an answer, on its way to an allocator. */
struct delivery {
	struct controller *to;
	struct node *node; /* of a heartbeat */
	struct uuid boot;
	struct probe *probe; /* an answer */
	uint64_t asked_at;
	struct delivery *prev, *next; /* in the backlog of one that is stopped */
};

static struct roster_time now(void)
{
	return (struct roster_time){.now_ms = sim_now(), .unix_ms = (int64_t)sim_now()};
}

static void nobody_changed(void *user, const char *token, uint64_t since)
{
	(void)user;
	(void)token;
	(void)since;
}

/* ---- what they hear ---- */

static void hear_alive(const struct delivery *delivery)
{
	const struct node *node = delivery->node;
	struct roster_time time = now();
	char *nets[NETS_OF_NODE];
	const struct alive alive = {
		.node = (char *)node->name,
		.boot = delivery->boot,
		.nets = nets,
		.n_nets = NETS_OF_NODE,
	};

	for (unsigned i = 0; i < NETS_OF_NODE; i++)
		nets[i] = node->seats[i].net->token;
	require(roster_on_alive(delivery->to->roster, &alive, &time) == 0);
}

static void take(struct delivery *delivery)
{
	const struct probe *probe = delivery->probe;

	if (!probe)
		hear_alive(delivery);
	else if (sim_now() - delivery->asked_at < LIVENESS_ANSWER_MS) /* else the bus drops it */
		liveness_answer(delivery->to->roster, probe->net, probe->node, probe->n_asked,
				probe->n_answered);
	probe_free(delivery->probe);
	free(delivery);
}

static void on_delivery(void *user)
{
	struct delivery *delivery = user;

	if (delivery->to->stopped) {
		DL_APPEND(delivery->to->backlog, delivery);
	} else if (delivery->to->connected) {
		take(delivery);
	} else {
		probe_free(delivery->probe);
		free(delivery);
	}
}

static struct delivery *deliver(struct controller *to, const struct node *from)
{
	struct delivery *delivery = calloc(1, sizeof(*delivery));

	require(delivery);
	delivery->to = to;
	sim_after(latency(from->number, FIRST_NUMBER + to->number), on_delivery, delivery);
	return delivery;
}

void controllers_hear(struct node *node)
{
	for (unsigned i = 0; i < cluster.options.n_allocators; i++) {
		struct delivery *delivery;

		if (!node->linked || sim_chance(cluster.options.bus_loss))
			continue;
		delivery = deliver(&cluster.controllers[i], node);
		delivery->node = node;
		delivery->boot = node->boot;
	}
}

/* `reply` is what ask() made. */
void controllers_answer(const struct node *from, const char *reply, const void *data, size_t len)
{
	auto_call(probe_freep) struct probe *probe = NULL;
	struct delivery *delivery;
	struct error err;
	uint64_t asked_at;
	unsigned number;

	require(sscanf(reply, "answer.%u.%" SCNu64, &number, &asked_at) == 2);
	require(probe_unpack(data, len, &probe, &err) == 0);
	if (sim_chance(cluster.options.bus_loss))
		return;
	delivery = deliver(&cluster.controllers[number], from);
	delivery->asked_at = asked_at;
	delivery->probe = TAKE(probe);
}

/* ---- what they do ---- */

/* On its way to an agent. */
struct question {
	struct controller *asker;
	struct node *prober;
	const struct net *net;
	char about[16], reply[64];
};

/* How it would be without questions: each is answered at once, by nothing. */
static void on_rash_answer(void *user)
{
	auto_free struct question *question = user;

	liveness_answer(question->asker->roster, question->net->token, question->about, 1, 0);
}

static void on_question(void *user)
{
	auto_free struct question *question = user;
	struct node *prober = question->prober;

	for (unsigned i = 0; i < NETS_OF_NODE; i++) {
		struct seat *seat = &prober->seats[i];

		if (seat->net == question->net && seat->vitals && prober->connected &&
		    prober->linked)
			vitals_probe(seat->vitals, question->about, question->reply);
	}
}

static void ask(void *user, const char *prober, const char *net, const char *about)
{
	struct controller *controller = user;
	struct question *question;

	if (!controller->connected || sim_chance(cluster.options.bus_loss))
		return;
	question = calloc(1, sizeof(*question));
	require(question);
	question->asker = controller;
	question->prober = node_of(prober);
	question->net = net_of(net);
	(void)snprintf(question->about, sizeof(question->about), "%s", about);
	(void)snprintf(question->reply, sizeof(question->reply), "answer.%u.%" PRIu64,
		       controller->number, sim_now());
	sim_after(latency(FIRST_NUMBER + controller->number, question->prober->number),
		  cluster.options.rash ? on_rash_answer : on_question, question);
}

/* As sentinel.c hears it; of what comes late, the next reminder is as good. */
static void tell_other(const struct controller *from, const struct controller *to, const char *net,
		       const char *node)
{
	struct roster_time time = now();

	if (from != to && to->connected && !to->stopped && !sim_chance(cluster.options.bus_loss))
		require(liveness_recall(to->roster, net, node, &time) == 0);
}

static void say(const struct controller *controller, const char *net, const char *node, bool dead)
{
	const struct health health = {.node = (char *)node, .net = (char *)net, .dead = dead};
	auto_free void *bytes = NULL;
	size_t len;

	require(health_pack(&health, &bytes, &len) == 0);
	if (!controller->connected)
		return;
	for (unsigned i = 0; dead && i < cluster.options.n_allocators; i++)
		tell_other(controller, &cluster.controllers[i], net, node);
	bus_spread(net_of(net), FIRST_NUMBER + controller->number, node, bytes, len);
}

static void bury(void *user, const char *net, const char *node, bool first)
{
	(void)first;
	say(user, net, node, true);
}

static void revive(void *user, const char *net, const char *node)
{
	say(user, net, node, false);
}

static void tick(struct controller *controller)
{
	const struct liveness_actions actions = {
		.ask = ask, .bury = bury, .revive = revive, .user = controller};
	struct roster_time time = now();

	roster_tick(controller->roster, &time, controller->connected);
	liveness_step(controller->roster, &time, &actions);
	roster_expire(controller->roster, &time);
}

static void on_tick(void *user)
{
	struct controller *controller = user;

	if (!controller->stopped)
		tick(controller);
	sim_after(TICK_MS, on_tick, controller);
}

/* ---- faults ---- */

void controller_set_link(struct controller *controller, bool on)
{
	controller->connected = on;
}

/* Timers come before what has arrived meanwhile, as in libuv's loop. */
void controller_set_stopped(struct controller *controller, bool stopped)
{
	struct delivery *delivery;

	if (controller->stopped == stopped)
		return;
	controller->stopped = stopped;
	if (!stopped)
		tick(controller);
	while (!stopped && (delivery = controller->backlog)) {
		DL_DELETE(controller->backlog, delivery);
		take(delivery);
	}
}

void controller_restart(struct controller *controller)
{
	struct roster_time time = now();

	roster_free(controller->roster);
	require(roster_new(nobody_changed, NULL, &controller->roster) == 0);
	roster_listen(controller->roster, &time);
}

/* ---- beginning and end ---- */

void controllers_begin(void)
{
	struct roster_time time = now();

	for (unsigned i = 0; i < cluster.options.n_allocators; i++) {
		struct controller *controller = &cluster.controllers[i];

		*controller = (struct controller){.number = i, .connected = true};
		require(roster_new(nobody_changed, NULL, &controller->roster) == 0);
		roster_listen(controller->roster, &time);
		sim_after(sim_random(TICK_MS), on_tick, controller);
	}
}

void controllers_end(void)
{
	for (unsigned i = 0; i < cluster.options.n_allocators; i++)
		roster_free(cluster.controllers[i].roster);
}
