/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/link.h"
#include "dataplane/netlink.h"

struct watch {
	struct nl_sock *ask;    /* our own questions */
	struct nl_sock *tables; /* notifications of nftables */
	struct nl_sock *links;  /* notifications of rtnetlink */
	struct nl_sock *routes; /* the same, apart: our own are among them, by the thousand */
	struct watch_seen seen;
};

/* Every message about tables has the table's name as its first attribute. */
#define ATTR_TABLE NFTA_TABLE_NAME
_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
		       NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 &&
		       NFTA_OBJ_TABLE == 1 && NFTA_FLOWTABLE_TABLE == 1,
	       "nf_tables.h");

static bool is_ours(struct nlmsghdr *header)
{
	const struct nfgenmsg *gen = nlmsg_data(header);
	struct nlattr *table = netlink_find(header, sizeof(*gen), ATTR_TABLE);

	return table && gen->nfgen_family == NFPROTO_INET && nla_strcmp(table, RULESET_TABLE) == 0;
}

static uint32_t generation_of(struct nlmsghdr *header)
{
	return ntohl(netlink_u32(netlink_find(header, sizeof(struct nfgenmsg), NFTA_GEN_ID)));
}

/* The last message of each transaction's: the new generation, and who made it. */
static void see_generation(struct watch_seen *seen, struct nlmsghdr *header)
{
	struct nlattr *name = netlink_find(header, sizeof(struct nfgenmsg), NFTA_GEN_PROC_NAME);
	uint32_t generation = generation_of(header);

	if ((int32_t)(generation - seen->generation) > 0)
		seen->generation = generation;
	if (!seen->touched)
		return;
	seen->touched = false;
	seen->news.table = true;
	if (name)
		(void)nla_strlcpy(seen->news.editor, name, sizeof(seen->news.editor));
}

void watch_see(struct watch_seen *seen, struct nlmsghdr *header)
{
	int type = NFNL_MSG_TYPE(header->nlmsg_type);

	if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return;
	if (type == NFT_MSG_NEWGEN)
		see_generation(seen, header);
	else if (type <= NFT_MSG_DELFLOWTABLE && is_ours(header))
		seen->touched = true;
}

static int on_table(struct nl_msg *msg, void *user)
{
	struct watch *watch = user;

	watch_see(&watch->seen, nlmsg_hdr(msg));
	return NL_OK;
}

static int on_link(struct nl_msg *msg, void *user)
{
	struct watch *watch = user;

	(void)msg;
	watch->seen.news.links = true;
	return NL_OK;
}

static int on_route(struct nl_msg *msg, void *user)
{
	struct watch *watch = user;
	struct address vip;

	if (!link_read_vip(nlmsg_hdr(msg), &vip))
		watch->seen.news.routes = true;
	return NL_OK;
}

static int listen_on(struct nl_sock *sock, int (*on_message)(struct nl_msg *, void *), void *user)
{
	nl_socket_disable_seq_check(sock);
	if (nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, user) < 0 ||
	    nl_socket_set_nonblocking(sock) < 0)
		return -EIO;
	return 0;
}

/* Return: 0, or -1 when messages were lost. */
static int drain(struct nl_sock *sock)
{
	int r;

	do
		r = nl_recvmsgs_default(sock);
	while (r >= 0);
	return r == -NLE_AGAIN ? 0 : -1;
}

static void drain_tables(struct watch *watch)
{
	if (drain(watch->tables) < 0) {
		watch->seen.touched = false;
		watch->seen.news.table = true;
	}
}

struct answers {
	struct ruleset_stamp stamp;
	uint32_t generation, words; /* bits of stamp words seen */
};

static int on_generation_answer(struct nl_msg *msg, void *user)
{
	struct answers *answers = user;

	answers->generation = generation_of(nlmsg_hdr(msg));
	return NL_OK;
}

static struct nl_msg *question(int type, int flags, int family)
{
	struct nfgenmsg header = {.nfgen_family = (uint8_t)family};
	struct nl_msg *msg;

	msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_REQUEST | flags);
	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static uint32_t ask_generation(struct watch *watch)
{
	struct nl_msg *msg = question(NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC);
	struct answers answers = {.generation = watch->seen.generation};

	if (!msg || netlink_dump(watch->ask, msg, on_generation_answer, &answers) < 0)
		watch->seen.news.table = true; /* not known: the safe side */
	return answers.generation;
}

/* Room for all of our table going at once; more than the usual limit, hence FORCE. */
#define ROOM_BYTES (512 * 1024)

static int subscribe(struct watch *watch)
{
	int room = ROOM_BYTES;

	/* Where it fails, a notification may be lost: then all that is lost is the editor's name. */
	(void)setsockopt(nl_socket_get_fd(watch->tables), SOL_SOCKET, SO_RCVBUFFORCE, &room,
			 sizeof(room));
	if (listen_on(watch->tables, on_table, watch) < 0 ||
	    listen_on(watch->links, on_link, watch) < 0 ||
	    listen_on(watch->routes, on_route, watch) < 0)
		return -EIO;
	if (nl_socket_add_memberships(watch->links, RTNLGRP_LINK, RTNLGRP_IPV4_NETCONF,
				      RTNLGRP_IPV6_NETCONF, 0) < 0 ||
	    nl_socket_add_memberships(watch->routes, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0) <
		    0 ||
	    nl_socket_add_membership(watch->tables, NFNLGRP_NFTABLES) < 0)
		return -EIO;
	return 0;
}

int watch_new(struct watch **ret_watch, struct error *err)
{
	auto_call(watch_freep) struct watch *watch = NULL;
	int r;

	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return error_set(err, -ENOMEM, "out of memory");
	r = netlink_open(NETLINK_NETFILTER, &watch->ask, err);
	if (r == 0)
		r = netlink_open(NETLINK_NETFILTER, &watch->tables, err);
	if (r == 0)
		r = netlink_open(NETLINK_ROUTE, &watch->links, err);
	if (r == 0)
		r = netlink_open(NETLINK_ROUTE, &watch->routes, err);
	if (r < 0)
		return r;
	r = subscribe(watch);
	if (r < 0)
		return error_set(err, r, "notifications of nftables and links cannot be had");
	watch->seen.generation = ask_generation(watch);
	*ret_watch = TAKE(watch);
	return 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	nl_socket_free(watch->ask);
	nl_socket_free(watch->tables);
	nl_socket_free(watch->links);
	nl_socket_free(watch->routes);
	free(watch);
}

void watch_fds(const struct watch *watch, int ret_fds[static WATCH_N_FDS])
{
	ret_fds[0] = nl_socket_get_fd(watch->tables);
	ret_fds[1] = nl_socket_get_fd(watch->links);
	ret_fds[2] = nl_socket_get_fd(watch->routes);
}

void watch_read(struct watch *watch, struct watch_news *ret_news)
{
	drain_tables(watch);
	if (drain(watch->links) < 0)
		watch->seen.news.links = true;
	if (drain(watch->routes) < 0)
		watch->seen.news.routes = true;
	*ret_news = watch->seen.news;
	watch->seen.news = (struct watch_news){};
}

void watch_pause(struct watch *watch)
{
	if (nl_socket_drop_membership(watch->tables, NFNLGRP_NFTABLES) < 0)
		watch->seen.news.table = true;
	drain_tables(watch);
}

void watch_resume(struct watch *watch, uint32_t n_runs)
{
	uint32_t generation;

	if (nl_socket_add_membership(watch->tables, NFNLGRP_NFTABLES) < 0)
		watch->seen.news.table = true;
	generation = ask_generation(watch);
	if (generation - watch->seen.generation > n_runs)
		watch->seen.news.table = true;
	watch->seen.generation = generation;
	watch->seen.touched =
		false; /* of a transaction whose end was not notified: counted just now */
}

static uint32_t word_of(struct nlattr *element, int type, bool *ret_found)
{
	struct nlattr *nest = netlink_find_in(element, type);
	struct nlattr *value = netlink_find_in(nest, NFTA_DATA_VALUE);

	*ret_found = value && nla_len(value) == sizeof(uint32_t);
	return *ret_found ? nla_get_u32(value) : 0;
}

uint32_t watch_read_stamp(struct nlmsghdr *header, struct ruleset_stamp *stamp)
{
	struct nlattr *list =
		netlink_find(header, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *element;
	uint32_t words = 0;
	int left;

	if (!list)
		return 0;
	nla_for_each_nested(element, list, left)
	{
		bool has_key, has_value;
		uint32_t key = word_of(element, NFTA_SET_ELEM_KEY, &has_key);
		uint32_t value = word_of(element, NFTA_SET_ELEM_DATA, &has_value);

		if (has_key && has_value && ruleset_stamp_word(stamp, key, value))
			words |= 1U << key;
	}
	return words;
}

static int on_stamp(struct nl_msg *msg, void *user)
{
	struct answers *answers = user;

	answers->words |= watch_read_stamp(nlmsg_hdr(msg), &answers->stamp);
	return NL_OK;
}

static int find_table(struct watch *watch, const char *name)
{
	struct nl_msg *msg = question(NFT_MSG_GETTABLE, 0, NFPROTO_INET);

	if (!msg)
		return -ENOMEM;
	if (nla_put_string(msg, NFTA_TABLE_NAME, name) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_dump(watch->ask, msg, NULL, NULL);
}

static int read_stamp(struct watch *watch, const char *name, struct answers *answers)
{
	struct nl_msg *msg = question(NFT_MSG_GETSETELEM, NLM_F_DUMP, NFPROTO_INET);

	if (!msg)
		return -ENOMEM;
	if (nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, name) < 0 ||
	    nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, "stamp") < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_dump(watch->ask, msg, on_stamp, answers);
}

int watch_find_table(struct watch *watch, const char *name, enum watch_table *ret_table,
		     struct ruleset_stamp *ret_stamp, struct error *err)
{
	struct answers answers = {};
	int r;

	r = find_table(watch, name);
	if (r == -ENOENT) {
		*ret_table = WATCH_TABLE_ABSENT;
		return 0;
	}
	if (r == 0)
		r = read_stamp(watch, name, &answers);
	if (r < 0 && r != -ENOENT)
		return error_errno(err, r, "table inet %s cannot be looked at", name);
	*ret_table = answers.words == (1U << RULESET_STAMP_WORDS) - 1 ? WATCH_TABLE_STAMPED
								      : WATCH_TABLE_UNSTAMPED;
	*ret_stamp = answers.stamp;
	return 0;
}
