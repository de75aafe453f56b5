/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "dataplane/traffic.h"

/*
 * The counters of table `inet ilb`, by raw dumps of its counting sets: 20,000 elements take 25 ms,
 * which libnftables' listing takes 20 times. See dataplane/ruleset.h for the sets.
 */
struct counters;

/* Opens a socket in the namespace that the thread is in. Return: 0, -ENOMEM, or an errno. */
must_check int counters_new(struct counters **ret_counters, struct error *err);
void counters_free(struct counters *counters);
AUTO_DEFINE(struct counters, counters_free);

struct counters_handlers {
	/* An element of svc or rng*: connections of that LoadBalancer. */
	void (*connections)(void *user, uint32_t number, uint64_t n);
	/* The element of acct_original or acct_reply. */
	void (*sum)(void *user, uint32_t number, enum traffic_direction direction,
		    const struct traffic_sum *sum);
};

/* Return: 0 (also when there is no table), or an errno. */
must_check int counters_read(struct counters *counters, const struct counters_handlers *handlers,
			     void *user, struct error *err);

/* Reads a message with elements, whatever it holds. @is_map: of a map, else of an acct set. */
struct nlmsghdr;
void counters_see(struct nlmsghdr *header, bool is_map, const struct counters_handlers *handlers,
		  void *user);
