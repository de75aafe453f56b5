/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

/*
 * Links, routes and what else of a namespace rtnetlink knows. Ours are one route per VIP,
 *	local VIP dev lo table local proto 108
 * and nothing more: the namespace then owns the VIP, so it answers pings to it and, for IPv4, ARP
 * wherever the VIP lies in the subnet of a shared link; for IPv6 see dataplane/onlink.h.
 *
 * Routes of other protocols, and addresses, are never touched, also where they say the
 * same as ours would: then ours is not needed.
 */
struct link;

#define LINK_PROTOCOL 108 /* rtm_protocol of what is ours; free in rt_protos(5) */

/* Opens a socket in the namespace that the thread is in. Return: 0, -ENOMEM, or an errno. */
must_check int link_new(struct link **ret_link, struct error *err);
void link_free(struct link *link);
AUTO_DEFINE(struct link, link_free);

/* Routes over lo need lo up. Return: 0 or an errno. */
must_check int link_raise_lo(struct link *link, struct error *err);

/* Return: 0 (also where the namespace owns the address already) or an errno. */
must_check int link_add_vip(struct link *link, const struct address *vip, struct error *err);
/* Return: 0 (also where it was gone) or an errno. */
must_check int link_remove_vip(struct link *link, const struct address *vip, struct error *err);

/*
 * The VIPs that have a route of ours now, sorted.
 * @ret_vips: the caller frees it.
 */
must_check int link_list_vips(struct link *link, struct address **ret_vips, size_t *ret_n_vips,
			      struct error *err);

struct link_device {
	char name[IFNAMSIZ];
	int index;
	bool up, loopback, bridge;
	bool running; /* up, and with a carrier */
	int master;   /* index of the bridge or other device that it is a port of, 0 for none */
};

/* Devices of the namespace, by index. @ret_devices: the caller frees it. */
must_check int link_list_devices(struct link *link, struct link_device **ret_devices,
				 size_t *ret_n_devices, struct error *err);

/* Where the kernel sends packets for an address. */
struct link_route {
	int index;   /* of the device; 0: nowhere, or over several */
	uint8_t len; /* of the prefix that the route is for */
};

/* Return: 0 (also where there is no route) or an errno. */
must_check int link_find_route(struct link *link, const struct address *address,
			       struct link_route *ret_route, struct error *err);

/* Settings of the namespace that forwarding depends on. We report them and never change them. */
struct link_settings {
	bool forwarding4, forwarding6;
	bool strict_reverse_path; /* net.ipv4.conf.all.rp_filter is 1 */
	bool bridge_netfilter;    /* bridged packets pass the rules too */
};

/* Reads /proc/sys/net of the namespace that the thread is in; what cannot be read counts as off. */
void link_read_settings(struct link_settings *ret_settings);

/*
 * Read a message of rtnetlink, whatever it holds.
 * Return: whether it is a route of ours, a device, or any route.
 */
struct nlmsghdr;
bool link_read_vip(struct nlmsghdr *header, struct address *ret_vip);
bool link_read_device(struct nlmsghdr *header, struct link_device *ret_device);
bool link_read_route(struct nlmsghdr *header, struct link_route *ret_route);
