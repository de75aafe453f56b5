/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netlink/msg.h>
#include <netlink/netlink.h>

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
