/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/netlink.h"

#include <endian.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stdbool.h>

/* libnl folds errno into its own numbers and loses some: keep the kernel's own answer. */
struct answer {
	int error;
	bool done;
	int (*each)(struct nl_msg *msg, void *user);
	void *user;
};

int netlink_open(int protocol, struct nl_sock **ret_sock, struct error *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return error_set(err, -ENOMEM, "out of memory");
	r = nl_connect(sock, protocol);
	if (r < 0) {
		nl_socket_free(sock);
		return error_set(err, -EIO, "netlink socket: %s", nl_geterror(r));
	}
	*ret_sock = sock;
	return 0;
}

static int on_valid(struct nl_msg *msg, void *user)
{
	struct answer *answer = user;

	return answer->each ? answer->each(msg, answer->user) : NL_OK;
}

static int on_error(struct sockaddr_nl *peer, struct nlmsgerr *message, void *user)
{
	struct answer *answer = user;

	(void)peer;
	answer->error = message->error;
	answer->done = true;
	return NL_STOP;
}

static int on_end(struct nl_msg *msg, void *user)
{
	struct answer *answer = user;

	(void)msg;
	answer->done = true;
	return NL_STOP;
}

static int receive(struct nl_sock *sock, struct answer *answer)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r = 0;

	if (!cb)
		return -ENOMEM;
	(void)nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, answer);
	(void)nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, answer);
	(void)nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, answer);
	(void)nl_cb_err(cb, NL_CB_CUSTOM, on_error, answer);
	while (!answer->done && r >= 0)
		r = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	if (answer->error != 0)
		return answer->error;
	if (r >= 0 || answer->done)
		return r == -NLE_DUMP_INTR ? -EINTR : 0;
	return r == -NLE_NOMEM ? -ENOMEM : r == -NLE_DUMP_INTR ? -EINTR : -EIO;
}

static int talk(struct nl_sock *sock, struct nl_msg *msg, struct answer *answer)
{
	int r;

	r = nl_send_auto(sock, msg); /* asks for an acknowledgement by itself */
	nlmsg_free(msg);
	if (r < 0)
		return r == -NLE_NOMEM ? -ENOMEM : -EIO;
	return receive(sock, answer);
}

int netlink_talk(struct nl_sock *sock, struct nl_msg *msg)
{
	struct answer answer = {};

	return talk(sock, msg, &answer);
}

int netlink_dump(struct nl_sock *sock, struct nl_msg *msg,
		 int (*each)(struct nl_msg *msg, void *user), void *user)
{
	struct answer answer = {.each = each, .user = user};

	return talk(sock, msg, &answer);
}

struct nlattr *netlink_find(struct nlmsghdr *header, size_t header_len, int type)
{
	if (!nlmsg_valid_hdr(header, (int)header_len))
		return NULL;
	return nlmsg_find_attr(header, (int)header_len, type);
}

struct nlattr *netlink_find_in(struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

static bool has(struct nlattr *attr, size_t size)
{
	return attr && nla_len(attr) >= (int)size;
}

uint8_t netlink_u8(struct nlattr *attr)
{
	return has(attr, sizeof(uint8_t)) ? nla_get_u8(attr) : 0;
}

uint16_t netlink_u16(struct nlattr *attr)
{
	return has(attr, sizeof(uint16_t)) ? nla_get_u16(attr) : 0;
}

uint32_t netlink_u32(struct nlattr *attr)
{
	return has(attr, sizeof(uint32_t)) ? nla_get_u32(attr) : 0;
}

uint64_t netlink_be64(struct nlattr *attr)
{
	return has(attr, sizeof(uint64_t)) ? be64toh(nla_get_u64(attr)) : 0;
}
