/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "base/require.h"

static bool is_netns(int fd)
{
	struct statfs fs;

	/* The ioctl number alone might mean something to another kind of file. */
	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC &&
	       ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int netns_visit(int fd, struct netns_visit *visit, struct error *err)
{
	auto_close int home = -1;

	require(visit->home < 0);
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return error_errno(err, -errno, "/proc/thread-self/ns/net");
	if (setns(fd, CLONE_NEWNET) < 0)
		return error_errno(err, -errno, "cannot enter the network namespace");
	visit->home = home;
	home = -1;
	return 0;
}

void netns_leave(struct netns_visit *visit)
{
	if (visit->home < 0)
		return;
	/*
	 * The way back needs the privilege that the way in needed. A thread lost in a Network would
	 * write the next Network's rules there: rather end.
	 */
	require(setns(visit->home, CLONE_NEWNET) == 0);
	(void)close(visit->home);
	visit->home = -1;
}

/* Opened through its path, it would keep umount(8) from ending it; the thread's own file does not. */
static int reopen(int fd, int *ret_fd, struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	int r = netns_visit(fd, &visit, err);

	if (r < 0)
		return r;
	r = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (r < 0)
		return error_errno(err, -errno, "/proc/thread-self/ns/net");
	*ret_fd = r;
	return 0;
}

int netns_open(const char *path, int *ret_fd, struct error *err)
{
	auto_close int fd = -1;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, -errno, "network namespace '%s'", path);
	if (!is_netns(fd))
		return error_set(err, -EINVAL, "'%s' is not a network namespace", path);
	r = reopen(fd, ret_fd, err);
	return r < 0 ? error_prefix(err, r, "'%s'", path) : 0;
}
