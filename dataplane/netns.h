/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/*
 * Network namespaces, as files and as the place where a thread is. Only the kernel thread enters
 * one (dataplane/worker.h): a program whose main thread is in a Network's namespace would open its
 * next connection there.
 *
 * A socket stays bound to the namespace that it was opened in, so a visit is needed only to open
 * sockets, for libnftables (which opens one per operation), and to read /proc/sys/net.
 */

/*
 * Opens the file of a namespace. An open file keeps the namespace alive, but not its mount: hold it
 * no longer than the Network is served. As netns_visit(), for the kernel thread only.
 * Return: 0, -EINVAL (some other file: a plain one is what `ip netns` leaves for a moment before it
 *         mounts the namespace on it), or the errno of open(2).
 */
must_check int netns_open(const char *path, int *ret_fd, struct error *err);

struct netns_visit {
	int home; /* -1: at home */
};

#define NETNS_AT_HOME        \
	(struct netns_visit) \
	{                    \
		.home = -1   \
	}

/*
 * Moves the calling thread into the namespace, until netns_leave():
 *	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
 *	r = netns_visit(fd, &visit, err);
 * Return: 0, -EPERM (CAP_SYS_ADMIN is missing), or the errno of setns(2).
 */
must_check int netns_visit(int fd, struct netns_visit *visit, struct error *err);

/* Back to where the thread came from. Nothing happens at home. */
void netns_leave(struct netns_visit *visit);
