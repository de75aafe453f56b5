/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/onlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/link.h"
#include "dataplane/netlink.h"

#define N_DUMP_TRIES 5 /* a dump that was overtaken by a change is repeated */

struct onlink {
	struct nl_sock *sock;
	bool clean; /* no address of ours is there */
};

/* A subnet of a link, or with 128 bits, an address of ours on it. */
struct place {
	int index;
	struct cidr prefix;
	bool wanted;
};

struct places {
	struct place *subnets, *ours;
	size_t n_subnets, n_ours;
	bool failed;
};

int onlink_new(struct onlink **ret_onlink, struct error *err)
{
	auto_call(onlink_freep) struct onlink *onlink = calloc(1, sizeof(*onlink));
	int r;

	if (!onlink)
		return error_set(err, -ENOMEM, "out of memory");
	r = netlink_open(NETLINK_ROUTE, &onlink->sock, err);
	if (r < 0)
		return error_prefix(err, r, "addresses of links");
	*ret_onlink = TAKE(onlink);
	return 0;
}

void onlink_free(struct onlink *onlink)
{
	if (!onlink)
		return;
	nl_socket_free(onlink->sock);
	free(onlink);
}

static int compare(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	if (left->index != right->index)
		return left->index < right->index ? -1 : 1;
	return address_compare(&left->prefix.address, &right->prefix.address);
}

static int on_address(struct nl_msg *msg, void *user)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifaddrmsg *message = nlmsg_data(header);
	struct nlattr *address = netlink_find(header, sizeof(*message), IFA_ADDRESS);
	struct nlattr *protocol = netlink_find(header, sizeof(*message), IFA_PROTO);
	struct places *places = user;
	struct place *place, read = {};

	if (!address || address_from_bytes(nla_data(address), (size_t)nla_len(address),
					   &read.prefix.address) < 0)
		return NL_OK;
	read.index = (int)message->ifa_index;
	read.prefix.len = message->ifa_prefixlen;
	if (netlink_u8(protocol) == LINK_PROTOCOL)
		place = ARRAY_ADD(places->ours, places->n_ours);
	else if (message->ifa_scope == RT_SCOPE_UNIVERSE && read.prefix.len < 128)
		place = ARRAY_ADD(places->subnets, places->n_subnets);
	else
		return NL_OK;
	if (place)
		*place = read;
	else
		places->failed = true;
	return NL_OK;
}

static int list_once(struct onlink *onlink, struct places *places)
{
	struct ifaddrmsg header = {.ifa_family = AF_INET6};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
	int r;

	places->n_subnets = places->n_ours = 0;
	if (!msg || nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	r = netlink_dump(onlink->sock, msg, on_address, places);
	if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
		r = 0; /* a kernel without IPv6 */
	return r == 0 && places->failed ? -ENOMEM : r;
}

static int list(struct onlink *onlink, struct places *places, struct error *err)
{
	int r = -EINTR;

	for (int i = 0; i < N_DUMP_TRIES && r == -EINTR; i++)
		r = list_once(onlink, places);
	if (r < 0)
		return error_errno(err, r, "addresses of links cannot be listed");
	if (places->n_ours > 0)
		qsort(places->ours, places->n_ours, sizeof(places->ours[0]), compare);
	return 0;
}

static struct nl_msg *address_message(int type, int flags, const struct place *place)
{
	const struct address *vip = &place->prefix.address;
	struct ifaddrmsg header = {
		.ifa_family = AF_INET6, .ifa_prefixlen = 128, .ifa_index = (unsigned)place->index};
	struct ifa_cacheinfo times = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (msg && (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
		    nla_put(msg, IFA_LOCAL, (int)address_len(vip), vip->bytes) < 0 ||
		    nla_put(msg, IFA_CACHEINFO, sizeof(times), &times) < 0 ||
		    nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE) < 0 ||
		    nla_put_u8(msg, IFA_PROTO, LINK_PROTOCOL) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int change(struct onlink *onlink, int type, const struct place *place, struct error *err)
{
	int flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nl_msg *msg = address_message(type, flags, place);
	char text[ADDRESS_TEXT_MAX];
	int r;

	r = msg ? netlink_talk(onlink->sock, msg) : -ENOMEM;
	/* The address is another's, or the link is gone since: its event is on the way. */
	if (r == -EEXIST || r == -ENODEV || r == -EADDRNOTAVAIL)
		r = 0;
	if (r < 0)
		return error_errno(err, r, "VIP %s on its link",
				   address_format(&place->prefix.address, text));
	return 0;
}

static int put(struct onlink *onlink, struct places *places, const struct place *wanted,
	       struct error *err)
{
	struct place *place = places->n_ours > 0 ? bsearch(wanted, places->ours, places->n_ours,
							   sizeof(places->ours[0]), compare)
						 : NULL;

	if (!place)
		return change(onlink, RTM_NEWADDR, wanted, err);
	place->wanted = true;
	return 0;
}

static int put_vip(struct onlink *onlink, struct places *places, const struct address *vip,
		   struct error *err)
{
	struct place wanted = {.prefix = {*vip, 128}};
	int r, result = 0;

	for (size_t i = 0; i < places->n_subnets; i++) {
		if (!cidr_contains(&places->subnets[i].prefix, vip))
			continue;
		wanted.index = places->subnets[i].index;
		r = put(onlink, places, &wanted, err);
		if (r < 0)
			result = r;
	}
	return result;
}

static int take_others(struct onlink *onlink, const struct places *places, struct error *err)
{
	int r, result = 0;

	for (size_t i = 0; i < places->n_ours; i++) {
		r = places->ours[i].wanted ? 0 : change(onlink, RTM_DELADDR, &places->ours[i], err);
		if (r < 0)
			result = r;
	}
	return result;
}

static int put_all(struct onlink *onlink, struct places *places, const struct address *vips,
		   size_t n_vips, struct error *err)
{
	int r, result = 0;

	for (size_t i = 0; i < n_vips; i++) {
		r = vips[i].family == FAMILY_IPV6 ? put_vip(onlink, places, &vips[i], err) : 0;
		if (r < 0)
			result = r;
	}
	return result;
}

int onlink_sync(struct onlink *onlink, const struct address *vips, size_t n_vips, struct error *err)
{
	bool none = n_vips == 0 || vips[n_vips - 1].family == FAMILY_IPV4; /* they are sorted */
	struct places places = {};
	int r, result;

	if (onlink->clean && none)
		return 0;
	result = list(onlink, &places, err);
	if (result == 0) {
		result = put_all(onlink, &places, vips, n_vips, err);
		r = take_others(onlink, &places, err);
		result = r < 0 ? r : result;
	}
	onlink->clean = none && result == 0;
	free(places.subnets);
	free(places.ours);
	return result;
}
