/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/file.h"
#include "base/text.h"
#include "dataplane/filters.h"
#include "dataplane/netlink.h"

/* Above so many filters one listing is cheaper than so many passes. */
#define N_PASSES_MAX 16

/* Bits of CTA_FILTER_*_FLAGS. Source: linux/net/netfilter/nf_internals.h. */
#define FILTER_IP_SRC    (1U << 0)
#define FILTER_IP_DST    (1U << 1)
#define FILTER_PROTO_NUM (1U << 3)
#define FILTER_DST_PORT  (1U << 5)

struct conntrack {
	struct nl_sock *sock;
	bool listing; /* the kernel has no filtered deletion */
};

int conntrack_new(struct conntrack **ret_conntrack, struct error *err)
{
	auto_call(conntrack_freep) struct conntrack *conntrack = NULL;
	int r;

	conntrack = calloc(1, sizeof(*conntrack));
	if (!conntrack)
		return error_set(err, -ENOMEM, "out of memory");
	r = netlink_open(NETLINK_NETFILTER, &conntrack->sock, err);
	if (r < 0)
		return error_prefix(err, r, "conntrack");
	*ret_conntrack = TAKE(conntrack);
	return 0;
}

void conntrack_free(struct conntrack *conntrack)
{
	if (!conntrack)
		return;
	nl_socket_free(conntrack->sock);
	free(conntrack);
}

void conntrack_force_listing(struct conntrack *conntrack)
{
	conntrack->listing = true;
}

static int af_of(enum family family)
{
	return family == FAMILY_IPV4 ? AF_INET : family == FAMILY_IPV6 ? AF_INET6 : AF_UNSPEC;
}

static struct nl_msg *message_new(int type, int flags, int af)
{
	/* Version 1: the kernel looks at the family, for filters. */
	struct nfgenmsg header = {.nfgen_family = (uint8_t)af, .version = af != AF_UNSPEC};
	struct nl_msg *msg;

	msg = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | type, NLM_F_REQUEST | flags);
	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* One side of a flow: an address, and of the original side protocol and port. */
static int put_tuple(struct nl_msg *msg, int type, int ip_type, const struct address *address,
		     uint8_t protocol, uint16_t port)
{
	struct nlattr *tuple, *nest;
	int r = 0;

	tuple = nla_nest_start(msg, type);
	if (!tuple)
		return -ENOMEM;
	if (address->family != FAMILY_NONE) {
		nest = nla_nest_start(msg, CTA_TUPLE_IP);
		r |= nest ? nla_put(msg, ip_type, (int)address_len(address), address->bytes) : -1;
		if (nest)
			nla_nest_end(msg, nest);
	}
	if (protocol != 0) {
		nest = nla_nest_start(msg, CTA_TUPLE_PROTO);
		r |= nest ? nla_put_u8(msg, CTA_PROTO_NUM, protocol) : -1;
		if (port != 0)
			r |= nla_put_u16(msg, CTA_PROTO_DST_PORT, htons(port));
		if (nest)
			nla_nest_end(msg, nest);
	}
	nla_nest_end(msg, tuple);
	return r ? -ENOMEM : 0;
}

static int put_flags(struct nl_msg *msg, uint32_t orig, uint32_t reply)
{
	struct nlattr *nest = nla_nest_start(msg, CTA_FILTER);

	if (!nest || nla_put_u32(msg, CTA_FILTER_ORIG_FLAGS, orig) < 0 ||
	    nla_put_u32(msg, CTA_FILTER_REPLY_FLAGS, reply) < 0)
		return -ENOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

/* Which parts of the two tuples shall be compared: the others are not even looked at. */
static int put_tuples(struct nl_msg *msg, const struct conntrack_filter *filter)
{
	bool v4 = filter->vip.family == FAMILY_IPV4 || filter->destination.family == FAMILY_IPV4;
	uint32_t orig = 0, reply = 0;
	int r = 0;

	if (filter->vip.family != FAMILY_NONE)
		orig |= FILTER_IP_DST;
	if (filter->protocol != 0)
		orig |= FILTER_PROTO_NUM | (filter->first != 0 ? FILTER_DST_PORT : 0);
	if (filter->destination.family != FAMILY_NONE)
		reply |= FILTER_IP_SRC;
	if (orig != 0)
		r = put_tuple(msg, CTA_TUPLE_ORIG, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, &filter->vip,
			      filter->protocol, filter->first);
	if (r == 0 && reply != 0)
		r = put_tuple(msg, CTA_TUPLE_REPLY, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC,
			      &filter->destination, 0, 0);
	return r < 0 || (orig | reply) == 0 ? r : put_flags(msg, orig, reply);
}

static int put_conditions(struct nl_msg *msg, const struct conntrack_filter *filter)
{
	int r = 0;

	if (filter->mark_mask != 0) {
		r |= nla_put_u32(msg, CTA_MARK, htonl(filter->mark));
		r |= nla_put_u32(msg, CTA_MARK_MASK, htonl(filter->mark_mask));
	}
	if (filter->unreplied) {
		r |= nla_put_u32(msg, CTA_STATUS, 0);
		r |= nla_put_u32(msg, CTA_STATUS_MASK, htonl(IPS_SEEN_REPLY));
	}
	return r ? -ENOMEM : put_tuples(msg, filter);
}

static enum family family_of(const struct conntrack_filter *filter)
{
	return filter->vip.family != FAMILY_NONE ? filter->vip.family : filter->destination.family;
}

/* Protocols need a family to be looked at: without an address, one pass each. */
static int delete_filtered_of(struct conntrack *conntrack, const struct conntrack_filter *filter,
			      int af)
{
	struct nl_msg *msg;
	int r;

	msg = message_new(IPCTNL_MSG_CT_DELETE, 0, af);
	if (!msg)
		return -ENOMEM;
	r = put_conditions(msg, filter);
	if (r < 0) {
		nlmsg_free(msg);
		return r;
	}
	return netlink_talk(conntrack->sock, msg);
}

static int delete_filtered(struct conntrack *conntrack, const struct conntrack_filter *filter)
{
	enum family family = family_of(filter);
	int r;

	if (family != FAMILY_NONE || filter->protocol == 0)
		return delete_filtered_of(conntrack, filter, af_of(family));
	r = delete_filtered_of(conntrack, filter, AF_INET);
	return r < 0 ? r : delete_filtered_of(conntrack, filter, AF_INET6);
}

static struct nlattr *find(struct nlmsghdr *header, int type)
{
	return netlink_find(header, sizeof(struct nfgenmsg), type);
}

struct listing {
	conntrack_judge *judge;
	void *user;
	struct nl_msg **doomed; /* deletions to send once the listing is over */
	size_t n_doomed;
	int error;
};

/* The deletion of exactly the listed entry: its original tuple and its id. */
static struct nl_msg *deletion_of(struct nlmsghdr *header)
{
	struct nlattr *orig = find(header, CTA_TUPLE_ORIG), *id = find(header, CTA_ID);
	const struct nfgenmsg *gen = nlmsg_data(header);
	struct nl_msg *msg = NULL;

	if (!orig) /* else the header is there, too */
		return NULL;
	msg = message_new(IPCTNL_MSG_CT_DELETE, 0, gen->nfgen_family);
	if (!msg)
		return NULL;
	if (nla_put(msg, CTA_TUPLE_ORIG | NLA_F_NESTED, nla_len(orig), nla_data(orig)) < 0)
		goto fail;
	if (id && nla_put(msg, CTA_ID, nla_len(id), nla_data(id)) < 0)
		goto fail;
	return msg;
fail:
	nlmsg_free(msg);
	return NULL;
}

static int list_one(struct nl_msg *msg, void *user)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct listing *listing = user;
	struct nl_msg **doomed;
	struct conntrack_entry entry = {};

	conntrack_read(header, &entry);
	if (!listing->judge(listing->user, &entry))
		return NL_OK;
	doomed = ARRAY_ADD(listing->doomed, listing->n_doomed);
	if (doomed)
		*doomed = deletion_of(header);
	if (!doomed || !*doomed)
		listing->error = -ENOMEM;
	return NL_OK;
}

/* An entry that went by itself in the meantime is what was wanted. */
static int delete_doomed(struct conntrack *conntrack, struct listing *listing)
{
	int r = listing->error, sent;

	for (size_t i = 0; i < listing->n_doomed; i++) {
		if (!listing->doomed[i])
			continue;
		sent = netlink_talk(conntrack->sock, listing->doomed[i]);
		if (sent < 0 && sent != -ENOENT && r == 0)
			r = sent;
	}
	free(listing->doomed);
	return r;
}

static int delete_judged(struct conntrack *conntrack, struct nl_msg *dump, conntrack_judge *judge,
			 void *user)
{
	struct listing listing = {.judge = judge, .user = user};
	int r;

	r = netlink_dump(conntrack->sock, dump, list_one, &listing);
	if (r < 0 && listing.error == 0)
		listing.error = r;
	return delete_doomed(conntrack, &listing);
}

int conntrack_delete_if(struct conntrack *conntrack, conntrack_judge *judge, void *user,
			struct error *err)
{
	struct nl_msg *dump = message_new(IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	int r;

	r = dump ? delete_judged(conntrack, dump, judge, user) : -ENOMEM;
	if (r < 0)
		return error_errno(err, r, "conntrack entries could not be looked through");
	return 0;
}

struct visiting {
	conntrack_visit *visit;
	void *user;
	bool any;
};

static int visit_one(struct nl_msg *msg, void *user)
{
	struct visiting *visiting = user;
	struct conntrack_entry entry;

	conntrack_read(nlmsg_hdr(msg), &entry);
	visiting->any = true;
	visiting->visit(visiting->user, &entry);
	return NL_OK;
}

int conntrack_list(struct conntrack *conntrack, conntrack_visit *visit, void *user,
		   struct error *err)
{
	struct nl_msg *dump = message_new(IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	struct visiting visiting = {.visit = visit, .user = user};
	int r;

	r = dump ? netlink_dump(conntrack->sock, dump, visit_one, &visiting) : -ENOMEM;
	if (r < 0)
		return error_errno(err, r, "conntrack entries could not be listed");
	return 0;
}

struct conntrack_ends {
	struct nl_sock *sock;
	struct visiting visiting;
};

static int on_end(struct nl_msg *msg, void *user)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);

	return header->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE)
		       ? visit_one(msg, user)
		       : NL_OK;
}

/* Of ends between two readings: each takes about 1 KB of it. */
#define ENDS_ROOM_BYTES (8 * 1024 * 1024)

int conntrack_ends_new(struct conntrack_ends **ret_ends, struct error *err)
{
	auto_call(conntrack_ends_freep) struct conntrack_ends *ends = calloc(1, sizeof(*ends));
	int room = ENDS_ROOM_BYTES, r;

	if (!ends)
		return error_set(err, -ENOMEM, "out of memory");
	r = netlink_open(NETLINK_NETFILTER, &ends->sock, err);
	if (r < 0)
		return error_prefix(err, r, "conntrack");
	/* More than the usual limit, hence FORCE; where it fails, some are lost sooner. */
	(void)setsockopt(nl_socket_get_fd(ends->sock), SOL_SOCKET, SO_RCVBUFFORCE, &room,
			 sizeof(room));
	nl_socket_disable_seq_check(ends->sock);
	if (nl_socket_modify_cb(ends->sock, NL_CB_VALID, NL_CB_CUSTOM, on_end, &ends->visiting) <
		    0 ||
	    nl_socket_set_nonblocking(ends->sock) < 0 ||
	    nl_socket_add_membership(ends->sock, NFNLGRP_CONNTRACK_DESTROY) < 0)
		return error_set(err, -EIO, "notifications of conntrack cannot be had");
	*ret_ends = TAKE(ends);
	return 0;
}

void conntrack_ends_free(struct conntrack_ends *ends)
{
	if (!ends)
		return;
	nl_socket_free(ends->sock);
	free(ends);
}

int conntrack_ends_fd(const struct conntrack_ends *ends)
{
	return nl_socket_get_fd(ends->sock);
}

int conntrack_ends_read(struct conntrack_ends *ends, conntrack_visit *visit, void *user)
{
	bool lost = false;
	int r;

	ends->visiting = (struct visiting){.visit = visit, .user = user};
	do {
		r = nl_recvmsgs_default(ends->sock);
		lost = lost || r == -NLE_NOMEM; /* libnl's word for ENOBUFS, too */
	} while (r >= 0 || r == -NLE_NOMEM);
	return lost ? -ENOBUFS : ends->visiting.any;
}

static bool matches_any(void *user, const struct conntrack_entry *entry)
{
	return conntrack_filters_match(user, entry);
}

/* Most often all filters are of one LoadBalancer: then only its entries are listed. */
static int put_common_mark(struct nl_msg *msg, const struct conntrack_filter *filters,
			   size_t n_filters)
{
	const struct conntrack_filter *first = &filters[0];

	for (size_t i = 0; i < n_filters; i++) {
		if (filters[i].mark != first->mark || filters[i].mark_mask != first->mark_mask)
			return 0;
	}
	if (first->mark_mask == 0)
		return 0;
	if (nla_put_u32(msg, CTA_MARK, htonl(first->mark)) < 0 ||
	    nla_put_u32(msg, CTA_MARK_MASK, htonl(first->mark_mask)) < 0)
		return -ENOMEM;
	return 0;
}

static int delete_listed(struct conntrack *conntrack, const struct conntrack_filter *filters,
			 size_t n_filters)
{
	auto_call(conntrack_filters_deinit) struct conntrack_filters any = {};
	struct nl_msg *dump;

	if (conntrack_filters_init(&any, filters, n_filters) < 0)
		return -ENOMEM;
	dump = message_new(IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	if (!dump)
		return -ENOMEM;
	if (put_common_mark(dump, filters, n_filters) < 0) {
		nlmsg_free(dump);
		return -ENOMEM;
	}
	return delete_judged(conntrack, dump, matches_any, &any);
}

/*
 * Ranges of ports are beyond the kernel's filters. And of IPv6 addresses it deletes those that do
 * *not* match: ctnetlink_filter_match_tuple() takes the result of ipv6_addr_cmp() for a truth value
 * (seen on 6.18: of three destinations the entries of the two others went).
 */
static bool is_one_pass(const struct conntrack_filter *filter)
{
	return filter->first == filter->last && family_of(filter) != FAMILY_IPV6;
}

/* Return: 1 when the kernel cannot all of them. */
static int try_filtered(struct conntrack *conntrack, const struct conntrack_filter *filters,
			size_t n_filters)
{
	int r;

	if (conntrack->listing || n_filters > N_PASSES_MAX)
		return 1;
	for (size_t i = 0; i < n_filters; i++) {
		if (!is_one_pass(&filters[i]))
			return 1;
	}
	for (size_t i = 0; i < n_filters; i++) {
		r = delete_filtered(conntrack, &filters[i]);
		/* Older kernels want whole tuples, of one entry: they say so, or find none. */
		if (r == -EINVAL || r == -EOPNOTSUPP || r == -ENOENT) {
			conntrack->listing = true;
			return 1;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int conntrack_delete(struct conntrack *conntrack, const struct conntrack_filter *filters,
		     size_t n_filters, struct error *err)
{
	int r;

	if (n_filters == 0)
		return 0;
	r = try_filtered(conntrack, filters, n_filters);
	if (r > 0)
		r = delete_listed(conntrack, filters, n_filters);
	if (r < 0)
		return error_errno(err, r, "conntrack entries could not be deleted");
	return 0;
}

static int read_number(const char *path, uint64_t *ret_value)
{
	auto_free char *text = NULL;
	size_t len;
	int r;

	r = file_read(path, 64, &text, &len, NULL);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	return text_parse_u64(text, UINT64_MAX, ret_value);
}

int conntrack_fill(uint64_t *ret_count, uint64_t *ret_max)
{
	int r;

	r = read_number("/proc/sys/net/netfilter/nf_conntrack_count", ret_count);
	return r < 0 ? r : read_number("/proc/sys/net/netfilter/nf_conntrack_max", ret_max);
}
