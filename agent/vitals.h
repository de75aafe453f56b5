/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/attempt.h"
#include "messages/bus.h"
#include "messages/desired.h"

/*
 * The health of the destinations of one Network, on one node: checks those that are this node's to
 * check, tells and hears of the others on the bus, and puts what is known over the desired state.
 * docs/health.md says who checks what, and what counts when nothing is known.
 */

#define VITALS_FULL_MS  10000 /* all that we know is said again so often */
#define VITALS_YOUNG_MS 15000 /* an agent that has just started does not know everything */
/*
 * A destination of which nothing is heard is not taken out before: some rounds of everything, since
 * each message may be lost.
 */
#define VITALS_PATIENCE_MS 60000
#define VITALS_ASK_MS      500 /* how long an agent that starts waits to be told about health */
#define VITALS_PAUSE_MS    20  /* what happens within goes out together */

struct vitals;

/* Borrowed, all of it. */
struct vitals_options {
	struct bus *bus;
	struct attempts *attempts;
	const char *node, *net;
	const struct uuid *boot;
	/* vitals_take_change() may have something. */
	void (*on_changed)(void *user);
	/* Other destinations live on this node: vitals_residents(). */
	void (*on_residents)(void *user);
	/* Something has happened to the LoadBalancer `name`, "namespace/name". */
	void (*on_event)(void *user, const char *name, bool warning, const char *reason,
			 const char *sentence);
	/* A message of others was refused. */
	void (*on_fault)(void *user, const struct bus_message *message, const char *sentence);
	void *user;
};

/* Return: 0, -ENOMEM. */
must_check int vitals_new(const struct vitals_options *options, struct vitals **ret_vitals,
			  struct error *err);
/* The memory goes with the loop's close callbacks; nothing is called any more. NULL is fine. */
void vitals_close(struct vitals *vitals);

/*
 * Desired state on its way to the kernel: marks what is dead in it, and keeps a copy to change it
 * by. A LoadBalancer for which there is no memory goes unmarked.
 */
void vitals_overlay(struct vitals *vitals, struct desired *desired);

/*
 * The LoadBalancers that must become otherwise because health changed, as desired state with
 * everything but its header filled in. NULL: none (or no memory: the next time).
 */
struct desired *vitals_take_change(struct vitals *vitals);

/*
 * Until then nothing should be handed over for the first time: an allocator was asked what it
 * remembers of health, and may answer. on_changed() comes when it has.
 */
uint64_t vitals_wait_until(const struct vitals *vitals);

/*
 * Destinations that live on this node, sorted, whose links are to be watched; the caller frees them.
 * Return: 0, -ENOMEM.
 */
must_check int vitals_residents(struct vitals *vitals, struct address **ret_addresses,
				size_t *ret_n_addresses);

/* Those of them whose links are down, sorted, and no others are. */
void vitals_on_links(struct vitals *vitals, const struct address *absent, size_t n_absent);

/* An allocator wants to hear all of it again, soon. */
void vitals_on_roll(struct vitals *vitals);

/* An allocator asks whether anything of `node`, which is silent, answers us. */
void vitals_probe(struct vitals *vitals, const char *node, const char *reply);

/* There is a connection (again). */
void vitals_on_connected(struct vitals *vitals);

/*
 * Destinations that have a health check, and of them those that are unhealthy; LoadBalancers that
 * are open because all are.
 */
struct vitals_counts {
	size_t n_checked, n_unhealthy, n_open;
};
struct vitals_counts vitals_counts(const struct vitals *vitals);
