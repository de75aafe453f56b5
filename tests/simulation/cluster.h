/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/vitals.h"
#include "allocator/roster.h"
#include "messages/health.h"
#include "tests/simulation/loop.h"

/*
 * Nodes that host Networks, machines behind LoadBalancers, allocators, and the bus among them, all
 * in one process on a simulated clock. What decides is the real code: vitals, checks, verdicts,
 * overlay and probes of the agents, roster and liveness of the allocators. What carries is not: the
 * bus and the connections of checks are edges.c, where messages and packets are lost as wanted.
 */

/* Of each Network: one without health check, one with. */
enum { LB_PLAIN, LB_CHECKED, N_LBS };

enum {
	NETS_OF_NODE = 2, /* that each hosts */
	ALLOCATORS_MAX = 3,
	CHECK_INTERVAL_S = 5,
	CHECK_FALL = 3,
	CHECK_TIMEOUT_S = 1,
};

struct cluster_options {
	unsigned n_nodes, n_nets, n_allocators;
	unsigned n_floating;  /* machines in each Network of which nobody says where they are */
	unsigned bus_loss;    /* of 100 messages, to each that should hear them */
	unsigned packet_loss; /* of 100 packets between nodes */
	bool rash; /* silence is taken for death, nobody is asked: what the questions are good for */
};

struct machine {
	struct address address;
	struct node *node;
	bool floating;
	bool serves;
	uint64_t since; /* that it answers, or does not */
};

struct net {
	char token[24];
	struct machine *machines; /* by address */
	size_t n_machines;
	struct desired_lb *lbs[N_LBS]; /* as allocators say: no health in them */
	struct seat **seats;
	size_t n_seats;
};

/* As an agent's Network sees NATS. */
struct bus {
	struct seat *seat;
};

/* A Network on a node. */
struct seat {
	struct node *node;
	struct net *net;
	struct bus bus;
	struct bus_subscription *subscription;
	struct vitals *vitals; /* NULL: its agent does not run */
	bool *out[N_LBS];      /* what the kernel of the node was told, by machine */
	uint64_t since;        /* that it runs and hears */
};

struct node {
	char name[16];
	unsigned number;
	bool power;
	bool uplink;    /* its machines reach others, and are reached */
	bool linked;    /* what it says to NATS arrives, and the other way round */
	bool connected; /* as its agent believes */
	bool running;   /* its agent */
	bool broken;    /* its agent does not start any more */
	unsigned incarnation;
	uint64_t uplink_since;
	struct uuid boot;
	struct attempts attempts;
	struct seat seats[NETS_OF_NODE];
};

struct controller {
	unsigned number;
	struct roster *roster;
	bool connected, stopped;
	struct delivery *backlog; /* what came while it was stopped */
};

struct cluster {
	struct cluster_options options;
	struct node *nodes;
	struct net *nets;
	struct controller controllers[ALLOCATORS_MAX];
};
extern struct cluster cluster;

void cluster_begin(const struct cluster_options *options, uint64_t seed);
void cluster_end(void);

/* ---- faults; each may be called when it is already so ---- */

void node_set_power(struct node *node, bool on); /* its agent starts 2 s after it is on again */
void node_set_agent(struct node *node, bool on);
void node_set_link(struct node *node, bool on); /* to NATS */
void node_set_uplink(struct node *node, bool on);
void machine_set_serving(struct machine *machine, bool on);
void controller_set_link(struct controller *controller, bool on);
void controller_set_stopped(struct controller *controller, bool stopped); /* as by SIGSTOP */
void controller_restart(struct controller *controller);                   /* with no memory */

/* ---- the truth ---- */

bool machine_answers(const struct machine *machine); /* nodes that can ask */
struct machine *machine_at(const struct address *address);
struct net *net_of(const char *token);
struct node *node_of(const char *name);

/* ---- controllers, control.c ---- */

void controllers_begin(void);
void controllers_end(void);
void controllers_hear(struct node *node); /* its heartbeat */
void controllers_answer(const struct node *from, const char *reply, const void *data, size_t len);

/* ---- edges.c ---- */

/* Time on the way; messages between the same two keep their order. */
unsigned latency(unsigned from, unsigned to);
/* Bytes to all seats of a Network that hear them. */
void bus_spread(const struct net *net, unsigned from, const char *node, const void *data,
		size_t len);
