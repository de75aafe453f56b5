/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "dataplane/traffic.h"

/*
 * Connection tracking entries of one namespace, over ctnetlink. Entries hold established flows to
 * where they went first, whatever the rules say now: after the rules, entries must go.
 */
struct conntrack;

/* Which entries. Conditions that are not set match everything; all that are set must match. */
struct conntrack_filter {
	uint32_t mark, mark_mask;   /* (entry's mark & mark_mask) == mark; mask 0: any */
	struct address destination; /* source of the reply direction: where DNAT sent the flow */
	struct address vip;         /* destination of the original direction */
	uint8_t protocol;           /* 0: any, then the ports must be 0 too */
	uint16_t first, last;       /* destination port of the original direction; 0: any */
	bool unreplied;             /* only entries that never saw a reply */
};

/* Opens a socket in the namespace that the thread is in. Return: 0, -ENOMEM, or an errno. */
must_check int conntrack_new(struct conntrack **ret_conntrack, struct error *err);
void conntrack_free(struct conntrack *conntrack);
AUTO_DEFINE(struct conntrack, conntrack_free);

/*
 * Deletes the entries that match any of the filters.
 *
 * A filter is one message that the kernel carries out in one pass over all entries of the machine
 * (30 ms with 90,000). Where it cannot (before Linux 6.8, and for ranges of ports), and where there
 * are so many filters that passes would add up, entries are listed in one pass and those that match
 * deleted one by one. So are those of IPv6 addresses: see conntrack.c.
 * Return: 0, -ENOMEM, or an errno.
 */
must_check int conntrack_delete(struct conntrack *conntrack, const struct conntrack_filter *filters,
				size_t n_filters, struct error *err);

/* An entry, as far as anybody here looks at it. */
struct conntrack_entry {
	struct address destination, vip; /* as in struct conntrack_filter */
	uint8_t protocol;
	uint16_t port; /* destination port of the original direction */
	uint32_t mark;
	bool replied;
	bool balanced; /* its destination was translated */
	bool counted;  /* `sums` are known: the kernel counts for it */
	struct traffic_sum sums[TRAFFIC_N_DIRECTIONS];
};

/* Reads a message of ctnetlink, whatever it holds: what it does not say is 0. */
struct nlmsghdr;
void conntrack_read(struct nlmsghdr *header, struct conntrack_entry *ret_entry);

typedef bool conntrack_judge(void *user, const struct conntrack_entry *entry);

/* Lists all entries and deletes those that `judge` says yes to. Return: as above. */
must_check int conntrack_delete_if(struct conntrack *conntrack, conntrack_judge *judge, void *user,
				   struct error *err);

/* Calls `visit` for every entry. Return: 0, -ENOMEM, or an errno. */
typedef void conntrack_visit(void *user, const struct conntrack_entry *entry);
must_check int conntrack_list(struct conntrack *conntrack, conntrack_visit *visit, void *user,
			      struct error *err);

/*
 * Entries that end, as they do, with what they have carried. Has a cost for each connection while it
 * is open. Opens a socket in the namespace that the thread is in.
 */
struct conntrack_ends;
must_check int conntrack_ends_new(struct conntrack_ends **ret_ends, struct error *err);
void conntrack_ends_free(struct conntrack_ends *ends);
AUTO_DEFINE(struct conntrack_ends, conntrack_ends_free);
int conntrack_ends_fd(const struct conntrack_ends *ends); /* to poll for reading */
/* Never blocks. Return: 0; 1 when there were some; -ENOBUFS when some were lost. */
must_check int conntrack_ends_read(struct conntrack_ends *ends, conntrack_visit *visit, void *user);

/* From now on the listing way, as on a kernel without filters: for tests. */
void conntrack_force_listing(struct conntrack *conntrack);

/*
 * How full the namespace's table is: each namespace has a count of its own, the limit is the
 * machine's. Reads /proc/sys/net of the namespace that the thread is in.
 * Return: 0, or an errno (-ENOENT: connection tracking has never been used here).
 */
must_check int conntrack_fill(uint64_t *ret_count, uint64_t *ret_max);
