/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/counters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/netlink.h"
#include "dataplane/ruleset.h"

struct counters {
	struct nl_sock *sock;
};

int counters_new(struct counters **ret_counters, struct error *err)
{
	auto_call(counters_freep) struct counters *counters = calloc(1, sizeof(*counters));
	int r;

	if (!counters)
		return error_set(err, -ENOMEM, "out of memory");
	r = netlink_open(NETLINK_NETFILTER, &counters->sock, err);
	if (r < 0)
		return error_prefix(err, r, "counters");
	*ret_counters = TAKE(counters);
	return 0;
}

void counters_free(struct counters *counters)
{
	if (!counters)
		return;
	nl_socket_free(counters->sock);
	free(counters);
}

static const struct set {
	const char *name;
	bool is_map; /* the mark is the element's data, not its key */
	enum traffic_direction direction;
} sets[] = {
	{"svc4", true, 0},
	{"svc6", true, 0},
	{"rngtcp4", true, 0},
	{"rngtcp6", true, 0},
	{"rngudp4", true, 0},
	{"rngudp6", true, 0},
	{"rngsctp4", true, 0},
	{"rngsctp6", true, 0},
	{"acct_original", false, TRAFFIC_ORIGINAL},
	{"acct_reply", false, TRAFFIC_REPLY},
};

/* Return: whether the element has a mark: the ends of intervals have none. */
static bool read_mark(const struct set *set, struct nlattr *element, uint32_t *ret_mark)
{
	struct nlattr *data =
		netlink_find_in(element, set->is_map ? NFTA_SET_ELEM_DATA : NFTA_SET_ELEM_KEY);
	struct nlattr *value = netlink_find_in(data, NFTA_DATA_VALUE);

	if (!value || nla_len(value) != sizeof(*ret_mark))
		return false;
	*ret_mark = nla_get_u32(value); /* as it is in memory: the host's order */
	return true;
}

static bool read_counter(struct nlattr *element, struct traffic_sum *ret_sum)
{
	struct nlattr *expression = netlink_find_in(element, NFTA_SET_ELEM_EXPR);
	struct nlattr *name = netlink_find_in(expression, NFTA_EXPR_NAME);
	struct nlattr *data = netlink_find_in(expression, NFTA_EXPR_DATA);

	if (!name || !data || nla_len(name) != sizeof("counter") ||
	    memcmp(nla_data(name), "counter", sizeof("counter")) != 0)
		return false;
	ret_sum->packets = netlink_be64(netlink_find_in(data, NFTA_COUNTER_PACKETS));
	ret_sum->bytes = netlink_be64(netlink_find_in(data, NFTA_COUNTER_BYTES));
	return true;
}

static void read_elements(struct nlmsghdr *header, const struct set *set,
			  const struct counters_handlers *handlers, void *user)
{
	struct nlattr *list =
		netlink_find(header, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *element;
	int left;

	if (!list)
		return;
	nla_for_each_nested(element, list, left)
	{
		struct traffic_sum sum;
		uint32_t mark;

		if (!read_mark(set, element, &mark) || !read_counter(element, &sum))
			continue;
		if (set->is_map)
			handlers->connections(user, mark >> 8, sum.packets);
		else
			handlers->sum(user, mark >> 8, set->direction, &sum);
	}
}

void counters_see(struct nlmsghdr *header, bool is_map, const struct counters_handlers *handlers,
		  void *user)
{
	read_elements(header, is_map ? &sets[0] : &sets[ARRAY_SIZE(sets) - 1], handlers, user);
}

struct reading {
	const struct set *set;
	const struct counters_handlers *handlers;
	void *user;
};

static int on_elements(struct nl_msg *msg, void *user)
{
	const struct reading *reading = user;

	read_elements(nlmsg_hdr(msg), reading->set, reading->handlers, reading->user);
	return NL_OK;
}

static struct nl_msg *question(const struct set *set)
{
	struct nfgenmsg header = {.nfgen_family = NFPROTO_INET};
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM,
						NLM_F_REQUEST | NLM_F_DUMP);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, RULESET_TABLE) < 0 ||
	    nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, set->name) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int counters_read(struct counters *counters, const struct counters_handlers *handlers, void *user,
		  struct error *err)
{
	ARRAY_FOREACH(set, sets, ARRAY_SIZE(sets)) {
		struct reading reading = {set, handlers, user};
		struct nl_msg *msg = question(set);
		int r = msg ? netlink_dump(counters->sock, msg, on_elements, &reading) : -ENOMEM;

		if (r == -ENOENT)
			continue;
		if (r < 0)
			return error_errno(err, r, "counters of set %s", set->name);
	}
	return 0;
}
