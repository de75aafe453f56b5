/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The few lines around libnl-3 that conntrack, link and watch share: libnl's error numbers are its
 * own, here they are errno again.
 */

/* Opens a socket in the namespace that the thread is in; it stays bound to it. */
must_check int netlink_open(int protocol, struct nl_sock **ret_sock, struct error *err);

/* Sends a message, frees it, and waits for its acknowledgement. Return: 0 or the kernel's errno. */
must_check int netlink_talk(struct nl_sock *sock, struct nl_msg *msg);

/*
 * Sends a message with NLM_F_DUMP, frees it, and calls `each` for every answer, which gives NL_OK.
 * Return: 0 or an errno; -EINTR when the kernel's tables changed so that some may be missing.
 */
must_check int netlink_dump(struct nl_sock *sock, struct nl_msg *msg,
			    int (*each)(struct nl_msg *msg, void *user), void *user);

/*
 * Readers of messages that do not trust their lengths: a kernel of another version may say less than
 * ours did.
 *
 * @header_len: of the family's header in front of the attributes.
 * Return: NULL where the message has no such attribute, or is shorter than its header.
 */
struct nlattr *netlink_find(struct nlmsghdr *header, size_t header_len, int type);
struct nlattr *netlink_find_in(struct nlattr *nest, int type); /* NULL in, NULL out */

/* Numbers; 0 where the attribute is NULL or shorter. */
uint8_t netlink_u8(struct nlattr *attr);
uint16_t netlink_u16(struct nlattr *attr);
uint32_t netlink_u32(struct nlattr *attr);
uint64_t netlink_be64(struct nlattr *attr); /* of network order */
