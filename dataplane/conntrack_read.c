/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>

#include "dataplane/conntrack.h"
#include "dataplane/netlink.h"

/* What ctnetlink says of an entry. */

static void read_address(struct nlattr *tuple, int type4, int type6, struct address *ret)
{
	struct nlattr *nest = netlink_find_in(tuple, CTA_TUPLE_IP);
	struct nlattr *ip = netlink_find_in(nest, type4);

	if (!ip)
		ip = netlink_find_in(nest, type6);
	if (ip && address_from_bytes(nla_data(ip), (size_t)nla_len(ip), ret) < 0)
		*ret = (struct address){}; /* of a family to come: matches no filter's address */
}

static void read_protocol(struct nlattr *tuple, struct conntrack_entry *entry)
{
	struct nlattr *nest = netlink_find_in(tuple, CTA_TUPLE_PROTO);

	entry->protocol = netlink_u8(netlink_find_in(nest, CTA_PROTO_NUM));
	entry->port = ntohs(netlink_u16(netlink_find_in(nest, CTA_PROTO_DST_PORT)));
}

static struct nlattr *find(struct nlmsghdr *header, int type)
{
	return netlink_find(header, sizeof(struct nfgenmsg), type);
}

static void read_sum(struct nlattr *nest, struct conntrack_entry *entry,
		     enum traffic_direction direction)
{
	struct traffic_sum *sum = &entry->sums[direction];

	entry->counted = entry->counted || nest;
	sum->packets = netlink_be64(netlink_find_in(nest, CTA_COUNTERS_PACKETS));
	sum->bytes = netlink_be64(netlink_find_in(nest, CTA_COUNTERS_BYTES));
}

void conntrack_read(struct nlmsghdr *header, struct conntrack_entry *ret_entry)
{
	struct nlattr *orig = find(header, CTA_TUPLE_ORIG), *reply = find(header, CTA_TUPLE_REPLY);
	uint32_t status = ntohl(netlink_u32(find(header, CTA_STATUS)));

	*ret_entry = (struct conntrack_entry){
		.mark = ntohl(netlink_u32(find(header, CTA_MARK))),
		.replied = status & IPS_SEEN_REPLY,
		.balanced = status & IPS_DST_NAT,
	};
	read_address(orig, CTA_IP_V4_DST, CTA_IP_V6_DST, &ret_entry->vip);
	read_protocol(orig, ret_entry);
	read_address(reply, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &ret_entry->destination);
	read_sum(find(header, CTA_COUNTERS_ORIG), ret_entry, TRAFFIC_ORIGINAL);
	read_sum(find(header, CTA_COUNTERS_REPLY), ret_entry, TRAFFIC_REPLY);
}
