/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/text.h"
#include "dataplane/forwarding.h"

/*
 * How to get from what the kernel holds for a LoadBalancer to what it shall hold: only what
 * differs, as text for one transaction. Its order is what the kernel asks for (what is deleted and added
 * again, ranges that overlap), and leaves nothing that leads to what is not there yet:
 *
 *	new      slots, sources; then acct, vip, tport, self; svc and rng last: nothing leads to
 *	         what is not there yet
 *	gone     svc and rng first; then the rest; slots last
 *	changed  delete and add of one key, one after the other
 *	class    slots under the new mark; svc and rng switched; slots of the old mark deleted
 */

/*
 * Conntrack entries that must go, after the text was applied (and once more a second later: a
 * packet may have been on its way). All conditions that are set must match.
 */
enum cleanup_when {
	CLEANUP_NOW, /* of UDP and SCTP, and of TCP only entries that were never replied to */
	CLEANUP_ALL_NOW,
	/*
	 * TCP entries, when drain_s is over. At that time skip it if the LoadBalancer forwards it
	 * again: forwarding_find_member() for one with a destination, forwarding_find_port() and
	 * its VIPs for one with a VIP.
	 */
	CLEANUP_AFTER_DRAIN,
};

struct plan_cleanup {
	enum cleanup_when when;
	uint16_t drain_s;           /* CLEANUP_AFTER_DRAIN */
	uint32_t mark, mark_mask;   /* (entry's mark & mark_mask) == mark */
	struct address destination; /* source of the reply direction; family none: any */
	struct address vip;         /* destination of the original direction; family none: any */
	uint8_t protocol;           /* 0: any */
	uint16_t first, last;       /* destination ports of the original direction; 0: any */
};

struct plan {
	const char *table; /* that the text is for; NULL: RULESET_TABLE */
	struct text text;
	size_t release_len; /* plan_move(): how much of the text lets go; else 0 */
	size_t n_elements;  /* in the text, deletions counted too */
	struct plan_cleanup *cleanups;
	size_t n_cleanups;
};

/*
 * @have: what is in the kernel, NULL: nothing of it.
 * @want: what shall be, NULL: nothing. Not both NULL (required); of one LoadBalancer (the same uid,
 *        required). A number that changed is a removal followed by a new LoadBalancer.
 * @ret_plan: zeroed by the caller, but for `table`; who calls plan_deinit(). Without text when
 *            nothing differs.
 * Return: 0, -ENOMEM.
 */
must_check int plan_diff(const struct forwarding *have, const struct forwarding *want,
			 struct plan *ret_plan);

/*
 * The same for one whose new VIP is another's old one, which is the other way round, too: first it
 * lets go of all VIPs, then it takes those it shall have. In one transaction with all that is
 * concerned, the first `release_len` bytes of all come before the rest of any.
 * @have, @want: neither NULL (required).
 */
must_check int plan_move(const struct forwarding *have, const struct forwarding *want,
			 struct plan *ret_plan);

void plan_deinit(struct plan *plan);
