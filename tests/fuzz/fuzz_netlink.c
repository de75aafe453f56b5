/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/require.h"
#include "dataplane/conntrack.h"
#include "dataplane/counters.h"
#include "dataplane/link.h"
#include "dataplane/watch.h"
#include "tests/fuzz/fuzz.h"

/*
 * Messages of the kernel: connection tracking, routes, devices, notifications of nftables, the stamp
 * and counters. Each is type 2, length 2, and the bytes behind struct nlmsghdr; all readers get it.
 */

struct seen {
	struct watch_seen watch;
	struct ruleset_stamp stamp;
};

static void on_connections(void *user, uint32_t number, uint64_t n)
{
	(void)user;
	(void)n;
	require(number < 1U << 24);
}

static void on_sum(void *user, uint32_t number, enum traffic_direction direction,
		   const struct traffic_sum *sum)
{
	(void)user;
	(void)sum;
	require(number < 1U << 24 && direction < TRAFFIC_N_DIRECTIONS);
}

static void read_message(struct nlmsghdr *header, struct seen *seen)
{
	static const struct counters_handlers handlers = {on_connections, on_sum};
	struct conntrack_entry entry;
	struct link_device device;
	struct link_route route;
	struct address vip;

	conntrack_read(header, &entry);
	counters_see(header, false, &handlers, NULL);
	counters_see(header, true, &handlers, NULL);
	require(entry.vip.family <= FAMILY_IPV6 && entry.destination.family <= FAMILY_IPV6);
	if (link_read_vip(header, &vip))
		require(vip.family == FAMILY_IPV4 || vip.family == FAMILY_IPV6);
	if (link_read_device(header, &device))
		require(memchr(device.name, '\0', sizeof(device.name)));
	(void)link_read_route(header, &route);
	watch_see(&seen->watch, header);
	require(memchr(seen->watch.news.editor, '\0', sizeof(seen->watch.news.editor)));
	require(watch_read_stamp(header, &seen->stamp) < 1U << RULESET_STAMP_WORDS);
}

/* A copy of its own size, so that whoever reads behind its end is found out. */
static size_t take_message(const uint8_t *bytes, size_t len, struct seen *seen)
{
	size_t n = (size_t)bytes[2] << 8 | bytes[3];
	auto_free struct nlmsghdr *header = NULL;

	if (n > len - 4)
		n = len - 4;
	header = calloc(1, sizeof(*header) + n);
	require(header);
	header->nlmsg_len = (uint32_t)(sizeof(*header) + n);
	header->nlmsg_type = (uint16_t)(bytes[0] << 8 | bytes[1]);
	memcpy(header + 1, bytes + 4, n);
	read_message(header, seen);
	return 4 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct seen seen = {};

	while (len >= 4) {
		size_t used = take_message(bytes, len, &seen);

		bytes += used;
		len -= used;
	}
	return 0;
}
