/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/array.h"
#include "dataplane/onlink.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"

static struct onlink *onlink_in_new_netns(int *ret_netns)
{
	struct onlink *onlink;

	*ret_netns = netns_new();
	netns_enter(*ret_netns);
	assert_int_equal(onlink_new(&onlink, NULL), 0);
	return onlink;
}

static void add_link(int netns, const char *name)
{
	netns_run(netns,
		  "ip link add %s type veth peer name %s-peer && ip link set %s up && "
		  "ip link set %s-peer up",
		  name, name, name, name);
}

static void sync_vips(struct onlink *onlink, const char *const *texts)
{
	struct address vips[8];
	size_t n_vips = 0;

	for (; texts[n_vips]; n_vips++)
		assert_int_equal(address_parse(texts[n_vips], &vips[n_vips]), 0);
	assert_int_equal(onlink_sync(onlink, vips, n_vips, NULL), 0);
}

#define SYNC(onlink, ...) sync_vips(onlink, (const char *const[]){__VA_ARGS__, NULL})

/* `ip -6 -o address show` of a link, from what is deprecated only, as ours is. */
static void expect(int netns, const char *link, const char *wanted)
{
	netns_run(netns,
		  "test \"$(ip -6 -o address show dev %s deprecated | awk '{print $4}' | sort | "
		  "tr '\\n' ' ')\" = '%s'",
		  link, wanted);
}

static void test_on_the_links_whose_subnets_they_lie_in(void **state)
{
	int netns;
	auto_call(onlink_freep) struct onlink *onlink = onlink_in_new_netns(&netns);

	(void)state;
	add_link(netns, "one");
	add_link(netns, "two");
	netns_run(netns, "ip address add fd01::1/64 dev one nodad && "
			 "ip address add fd02::1/64 dev two nodad && "
			 "ip address add fd02:0:0:1::1/64 dev one nodad");
	SYNC(onlink, "10.0.0.1", "fd01::9", "fd02::9", "fd04::9");
	expect(netns, "one", "fd01::9/128 ");
	expect(netns, "two", "fd02::9/128 ");
	netns_run(netns, "ip address add fd04::1/64 dev two nodad");
	SYNC(onlink, "fd01::8", "fd04::9");
	expect(netns, "one", "fd01::8/128 ");
	expect(netns, "two", "fd04::9/128 ");
	netns_run(netns, "ip link del two");
	SYNC(onlink, "fd01::8", "fd04::9");
	SYNC(onlink, "10.0.0.1");
	expect(netns, "one", "");
	(void)close(netns);
}

/* Addresses of others stay, also where they are a VIP, and one that a former run left goes. */
static void test_those_of_others_stay(void **state)
{
	int netns;
	auto_call(onlink_freep) struct onlink *onlink = onlink_in_new_netns(&netns);
	auto_call(onlink_freep) struct onlink *next = NULL;

	(void)state;
	add_link(netns, "one");
	netns_run(netns, "ip address add fd01::1/64 dev one nodad && "
			 "ip address add fd01::7/128 dev one nodad preferred_lft 0");
	SYNC(onlink, "fd01::7", "fd01::9");
	expect(netns, "one", "fd01::7/128 fd01::9/128 ");
	assert_int_equal(onlink_new(&next, NULL), 0);
	sync_vips(next, (const char *const[]){NULL});
	expect(netns, "one", "fd01::7/128 ");
	netns_run(netns, "ip -6 -o address show dev one | grep -q fd01::1/64");
	(void)close(netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_the_links_whose_subnets_they_lie_in),
		cmocka_unit_test(test_those_of_others_stay),
	};

	netns_require_permission();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
