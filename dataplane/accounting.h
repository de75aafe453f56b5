/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dataplane/conntrack.h"
#include "dataplane/entries.h"
#include "dataplane/traffic.h"

/*
 * What the LoadBalancers of one namespace carry, found out when somebody asks and not before.
 *
 * Packets and bytes are those of the sets acct_original and acct_reply. With a flowtable these miss
 * what is offloaded, and conntrack counts all of it; but forgets a connection when it ends. So then
 * the figures are those of the connections that live and of those that ended since
 * accounting_follow(), which listens for them. docs/dataplane.md, "Accounting".
 */
struct accounting;

/* How long after accounting_read() with `destinations` ends of connections are listened for. */
#define ACCOUNTING_FOLLOW_MS 60000

must_check int accounting_new(struct accounting **ret_accounting);
void accounting_free(struct accounting *accounting);
AUTO_DEFINE(struct accounting, accounting_free);

/*
 * From now on ends of connections are listened for, until `until_ms`; with those of before everything
 * begins anew. In the namespace that the thread is in. Return: 0, or an errno.
 */
must_check int accounting_follow(struct accounting *accounting, uint64_t until_ms,
				 struct error *err);

struct accounting_scope {
	const struct entries *entries;
	struct conntrack *conntrack;
	bool offloads;     /* the table has a flowtable */
	bool destinations; /* conntrack is to be looked through in any case */
};

/*
 * In the namespace that the thread is in.
 * @traffic: its LoadBalancers and all that conntrack and the sets say are filled in.
 * Return: 0, -ENOMEM, or an errno.
 */
must_check int accounting_read(struct accounting *accounting, const struct accounting_scope *scope,
			       uint64_t now_ms, struct traffic *traffic, struct error *err);

/*
 * For the poll loop: the descriptor to read, -1 for none at the moment; when accounting_step() is
 * due without it (UINT64_MAX: never). Ends of connections come in crowds: they are read at most
 * every ACCOUNTING_PAUSE_MS.
 */
#define ACCOUNTING_PAUSE_MS 100
int accounting_fd(const struct accounting *accounting);
uint64_t accounting_next_ms(const struct accounting *accounting);
void accounting_step(struct accounting *accounting, uint64_t now_ms);
