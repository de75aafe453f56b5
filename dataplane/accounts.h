/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/address.h"
#include "dataplane/traffic.h"

/*
 * Figures that only grow, made of figures that do not: elements of sets lose their counters when
 * they are written anew, and conntrack forgets a connection when it ends. Pure. One account for
 * each LoadBalancer (by number), and one for each of its destinations that conntrack knows.
 *
 * A reading:
 *	accounts_begin(&accounts);
 *	accounts_live(...)      for each entry of conntrack
 *	accounts_connections(...), accounts_elements(...)     of the table's sets
 *	accounts_end(&accounts, now);
 * and accounts_ended() at any time, for a connection that is over.
 */

/* A destination's account is dropped when nothing was heard of it for so long. */
#define ACCOUNTS_IDLE_MS 600000

struct account_key {
	uint32_t number;
	struct address destination; /* none: the LoadBalancer as a whole */
};

/* What a counter says that now and then begins anew. */
struct account_steady {
	uint64_t raw, base;
};

struct account {
	struct account_key key;
	struct account_steady connections, packets[TRAFFIC_N_DIRECTIONS],
		bytes[TRAFFIC_N_DIRECTIONS];
	uint64_t raw_connections; /* of the reading that is under way */
	uint64_t n_live;
	struct traffic_sum live[TRAFFIC_N_DIRECTIONS], ended[TRAFFIC_N_DIRECTIONS];
	struct traffic_sum shown[TRAFFIC_N_DIRECTIONS]; /* the most that live and ended came to */
	uint64_t heard_ms;
	UT_hash_handle hh;
};

struct accounts {
	struct account *head;
};

void accounts_clear(struct accounts *accounts);

/* NULL: there is none. */
const struct account *accounts_find(const struct accounts *accounts, uint32_t number,
				    const struct address *destination);

void accounts_begin(struct accounts *accounts);

/* Without memory a connection is missing, until the next reading. @sums: by direction. */
void accounts_live(struct accounts *accounts, uint32_t number, const struct address *destination,
		   const struct traffic_sum *sums, uint64_t now_ms);
void accounts_ended(struct accounts *accounts, uint32_t number, const struct address *destination,
		    const struct traffic_sum *sums, uint64_t now_ms);

/* An element of svc or rng*: several add up. */
void accounts_connections(struct accounts *accounts, uint32_t number, uint64_t n);
/* The element of acct_*: one for each direction. */
void accounts_elements(struct accounts *accounts, uint32_t number, enum traffic_direction direction,
		       const struct traffic_sum *sum);

void accounts_end(struct accounts *accounts, uint64_t now_ms);

/* Without a reading: what ends is noted, and may be of ever more destinations. */
void accounts_drop_idle(struct accounts *accounts, uint64_t now_ms);

/* Forgets the LoadBalancers that are none any more. */
void accounts_keep(struct accounts *accounts, bool (*is_there)(void *user, uint32_t number),
		   void *user);

uint64_t account_steady_value(const struct account_steady *steady);
