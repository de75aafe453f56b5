/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "dataplane/link.h"

/*
 * The VIPs that a namespace serves, each with its route while some LoadBalancer holds it: in one
 * change a VIP may go from one LoadBalancer to another, in either order.
 */
struct served_vip;

struct served {
	struct served_vip *vips;    /* by address */
	struct served_vip *changed; /* their routes are not as they should be yet */
	bool swept;                 /* no route of ours is left of a former run */
	size_t n_held[2];           /* distinct VIPs: IPv4, IPv6 */
	struct address *list;       /* those that are held, sorted: every status names them all */
	size_t n_list;
};

/* One LoadBalancer more has the VIP. Return: 0, -ENOMEM. */
must_check int served_hold(struct served *served, const struct address *address);

/* One less. It must be held (required). */
void served_drop(struct served *served, const struct address *address);

/*
 * Makes the routes of VIPs that are held now, removes those of VIPs that nobody holds any more; the
 * first time also those that a former run left, so not before all that shall be held is.
 * Return: 0, or the errno of the last route that failed: it is tried again the next time, and all
 *         others are done.
 */
must_check int served_sync(struct served *served, struct link *link, struct error *err);

/* Whether served_sync() has something to do. */
bool served_is_due(const struct served *served);

/* All held VIPs, sorted; the caller frees them. Return: 0, -ENOMEM. */
must_check int served_list(const struct served *served, struct address **ret_vips,
			   size_t *ret_n_vips);

/* Forgets everything; the routes stay. */
void served_deinit(struct served *served);
