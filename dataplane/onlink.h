/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/error.h"

/*
 * IPv6 VIPs that lie in the subnet of a link, where clients on that link ask for them by neighbour
 * discovery. The route over lo, which is enough for ARP, is not for that: the kernel answers for
 * addresses of the link only (or for proxies, which take a setting per link that is not ours to
 * change). So such a VIP is put on the link,
 *	VIP/128 dev LINK nodad noprefixroute preferred_lft 0 proto 108
 * deprecated, so that nothing takes it for a source: the link has another address, or there were no
 * subnet. Addresses of others are never touched.
 */
struct onlink;

/* Opens a socket in the namespace that the thread is in. Return: 0, -ENOMEM, or an errno. */
must_check int onlink_new(struct onlink **ret_onlink, struct error *err);
void onlink_free(struct onlink *onlink);
AUTO_DEFINE(struct onlink, onlink_free);

/*
 * Puts those VIPs on links that lie in subnets there, and takes away all other addresses of ours.
 * @vips: sorted; IPv4 addresses among them need nothing.
 * Return: 0, or the errno of the last that failed; the others are done.
 */
must_check int onlink_sync(struct onlink *onlink, const struct address *vips, size_t n_vips,
			   struct error *err);
