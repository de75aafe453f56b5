/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "dataplane/netlink.h"

#define N_DUMP_TRIES 5 /* a dump that was overtaken by a change is repeated */

struct link {
	struct nl_sock *sock;
};

int link_new(struct link **ret_link, struct error *err)
{
	auto_call(link_freep) struct link *link = NULL;
	int r;

	link = calloc(1, sizeof(*link));
	if (!link)
		return error_set(err, -ENOMEM, "out of memory");
	r = netlink_open(NETLINK_ROUTE, &link->sock, err);
	if (r < 0)
		return error_prefix(err, r, "links and routes");
	*ret_link = TAKE(link);
	return 0;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	nl_socket_free(link->sock);
	free(link);
}

static struct nl_msg *message_new(int type, int flags, void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (msg && nlmsg_append(msg, header, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

#define LO_INDEX 1 /* in every namespace: LOOPBACK_IFINDEX of the kernel */

int link_raise_lo(struct link *link, struct error *err)
{
	struct ifinfomsg header = {
		.ifi_index = LO_INDEX, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg = message_new(RTM_NEWLINK, 0, &header, sizeof(header));
	int r;

	r = msg ? netlink_talk(link->sock, msg) : -ENOMEM;
	if (r < 0)
		return error_errno(err, r, "lo cannot be set up");
	return 0;
}

/* The route of a VIP. The protocol number makes a deletion match ours alone. */
static struct nl_msg *route_message(int type, int flags, const struct address *vip)
{
	bool v4 = vip->family == FAMILY_IPV4;
	struct rtmsg header = {
		.rtm_family = v4 ? AF_INET : AF_INET6,
		.rtm_dst_len = v4 ? 32 : 128,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = LINK_PROTOCOL,
		.rtm_scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_LOCAL,
	};
	struct nl_msg *msg = message_new(type, flags, &header, sizeof(header));

	if (msg && (nla_put(msg, RTA_DST, (int)address_len(vip), vip->bytes) < 0 ||
		    nla_put_u32(msg, RTA_OIF, LO_INDEX) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int link_add_vip(struct link *link, const struct address *vip, struct error *err)
{
	struct nl_msg *msg = route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, vip);
	char text[ADDRESS_TEXT_MAX];
	int r;

	r = msg ? netlink_talk(link->sock, msg) : -ENOMEM;
	if (r < 0 && r != -EEXIST)
		return error_errno(err, r, "route of VIP %s", address_format(vip, text));
	return 0;
}

int link_remove_vip(struct link *link, const struct address *vip, struct error *err)
{
	struct nl_msg *msg = route_message(RTM_DELROUTE, 0, vip);
	char text[ADDRESS_TEXT_MAX];
	int r;

	r = msg ? netlink_talk(link->sock, msg) : -ENOMEM;
	if (r < 0 && r != -ESRCH)
		return error_errno(err, r, "route of VIP %s", address_format(vip, text));
	return 0;
}

struct vips {
	struct address *items;
	size_t n_items;
	bool failed;
};

bool link_read_vip(struct nlmsghdr *header, struct address *ret_vip)
{
	const struct rtmsg *route = nlmsg_data(header);
	struct nlattr *dst = netlink_find(header, sizeof(*route), RTA_DST);

	return dst && route->rtm_protocol == LINK_PROTOCOL && route->rtm_table == RT_TABLE_LOCAL &&
	       route->rtm_type == RTN_LOCAL &&
	       address_from_bytes(nla_data(dst), (size_t)nla_len(dst), ret_vip) == 0;
}

static int list_route(struct nl_msg *msg, void *user)
{
	struct vips *vips = user;
	struct address address, *vip;

	if (!link_read_vip(nlmsg_hdr(msg), &address))
		return NL_OK;
	vip = ARRAY_ADD(vips->items, vips->n_items);
	if (vip)
		*vip = address;
	else
		vips->failed = true;
	return NL_OK;
}

static int compare(const void *a, const void *b)
{
	return address_compare(a, b);
}

static int dump_routes(struct link *link, int af, struct vips *vips)
{
	struct rtmsg header = {.rtm_family = (unsigned char)af, .rtm_table = RT_TABLE_LOCAL};
	struct nl_msg *msg = message_new(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));

	return msg ? netlink_dump(link->sock, msg, list_route, vips) : -ENOMEM;
}

static int list_vips_once(struct link *link, struct vips *vips)
{
	int r;

	vips->n_items = 0;
	r = dump_routes(link, AF_INET, vips);
	if (r == 0)
		r = dump_routes(link, AF_INET6, vips);
	if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
		r = 0; /* a kernel without IPv6 */
	return r == 0 && vips->failed ? -ENOMEM : r;
}

int link_list_vips(struct link *link, struct address **ret_vips, size_t *ret_n_vips,
		   struct error *err)
{
	struct vips vips = {};
	int r = -EINTR;

	for (int i = 0; i < N_DUMP_TRIES && r == -EINTR; i++)
		r = list_vips_once(link, &vips);
	if (r < 0) {
		free(vips.items);
		return error_errno(err, r, "routes cannot be listed");
	}
	if (vips.n_items > 0)
		qsort(vips.items, vips.n_items, sizeof(vips.items[0]), compare);
	*ret_vips = vips.items;
	*ret_n_vips = vips.n_items;
	return 0;
}

struct devices {
	struct link_device *items;
	size_t n_items;
	bool failed;
};

static bool is_bridge(struct nlmsghdr *header)
{
	struct nlattr *info = netlink_find(header, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	struct nlattr *kind = netlink_find_in(info, IFLA_INFO_KIND);

	return kind && nla_strcmp(kind, "bridge") == 0;
}

bool link_read_device(struct nlmsghdr *header, struct link_device *ret_device)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *name = netlink_find(header, sizeof(*info), IFLA_IFNAME);

	if (header->nlmsg_type != RTM_NEWLINK || !name)
		return false;
	*ret_device = (struct link_device){
		.index = info->ifi_index,
		.up = info->ifi_flags & IFF_UP,
		.running = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING),
		.loopback = info->ifi_flags & IFF_LOOPBACK,
		.bridge = is_bridge(header),
		.master = (int)netlink_u32(netlink_find(header, sizeof(*info), IFLA_MASTER)),
	};
	(void)nla_strlcpy(ret_device->name, name, sizeof(ret_device->name));
	return true;
}

static int list_device(struct nl_msg *msg, void *user)
{
	struct devices *devices = user;
	struct link_device device, *place;

	if (!link_read_device(nlmsg_hdr(msg), &device))
		return NL_OK;
	place = ARRAY_ADD(devices->items, devices->n_items);
	if (place)
		*place = device;
	else
		devices->failed = true;
	return NL_OK;
}

static int list_devices_once(struct link *link, struct devices *devices)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct nl_msg *msg = message_new(RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));
	int r;

	devices->n_items = 0;
	r = msg ? netlink_dump(link->sock, msg, list_device, devices) : -ENOMEM;
	return r == 0 && devices->failed ? -ENOMEM : r;
}

int link_list_devices(struct link *link, struct link_device **ret_devices, size_t *ret_n_devices,
		      struct error *err)
{
	struct devices devices = {};
	int r = -EINTR;

	for (int i = 0; i < N_DUMP_TRIES && r == -EINTR; i++)
		r = list_devices_once(link, &devices);
	if (r < 0) {
		free(devices.items);
		return error_errno(err, r, "links cannot be listed");
	}
	*ret_devices = devices.items;
	*ret_n_devices = devices.n_items;
	return 0;
}

bool link_read_route(struct nlmsghdr *header, struct link_route *ret_route)
{
	const struct rtmsg *route = nlmsg_data(header);
	struct nlattr *device = netlink_find(header, sizeof(*route), RTA_OIF);

	if (header->nlmsg_type != RTM_NEWROUTE || !device)
		return false;
	*ret_route = (struct link_route){(int)netlink_u32(device), route->rtm_dst_len};
	return true;
}

static int take_route(struct nl_msg *msg, void *user)
{
	(void)link_read_route(nlmsg_hdr(msg), user);
	return NL_OK;
}

/* There is none, or one that refuses: prohibit, blackhole, throw; or this kernel has no IPv6. */
static bool is_no_route(int r)
{
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL ||
	       r == -EAGAIN || r == -ESRCH || r == -EOPNOTSUPP || r == -EAFNOSUPPORT;
}

/* The route itself, not what it comes to for this address: RTM_F_FIB_MATCH, since Linux 4.13. */
int link_find_route(struct link *link, const struct address *address, struct link_route *ret_route,
		    struct error *err)
{
	bool v4 = address->family == FAMILY_IPV4;
	struct rtmsg header = {
		.rtm_family = v4 ? AF_INET : AF_INET6,
		.rtm_dst_len = v4 ? 32 : 128,
		.rtm_flags = RTM_F_FIB_MATCH,
	};
	struct nl_msg *msg = message_new(RTM_GETROUTE, 0, &header, sizeof(header));
	char text[ADDRESS_TEXT_MAX];
	int r;

	if (msg && nla_put(msg, RTA_DST, (int)address_len(address), address->bytes) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	*ret_route = (struct link_route){};
	r = msg ? netlink_dump(link->sock, msg, take_route, ret_route) : -ENOMEM;
	if (r < 0 && !is_no_route(r))
		return error_errno(err, r, "route to %s", address_format(address, text));
	return 0;
}

static char read_setting(const char *path)
{
	auto_free char *text = NULL;
	size_t len;

	if (file_read(path, 64, &text, &len, NULL) < 0 || len == 0)
		return '0';
	return text[0];
}

void link_read_settings(struct link_settings *ret_settings)
{
	ret_settings->forwarding4 = read_setting("/proc/sys/net/ipv4/ip_forward") != '0';
	ret_settings->forwarding6 = read_setting("/proc/sys/net/ipv6/conf/all/forwarding") != '0';
	ret_settings->strict_reverse_path =
		read_setting("/proc/sys/net/ipv4/conf/all/rp_filter") == '1';
	ret_settings->bridge_netfilter =
		read_setting("/proc/sys/net/bridge/bridge-nf-call-iptables") != '0';
}
