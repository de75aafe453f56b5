/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/link.h"
#include "dataplane/served.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"

/* Routes of VIPs, and the VIPs that are served. */

static struct address parse(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static struct link *link_in_new_netns(int *ret_netns)
{
	struct link *link;

	*ret_netns = netns_new();
	netns_enter(*ret_netns);
	assert_int_equal(link_new(&link, NULL), 0);
	assert_int_equal(link_raise_lo(link, NULL), 0);
	return link;
}

/* What `ip` says about routes of ours: "10.0.0.1 fd00::1 ". */
static void expect_routes(struct link *link, const char *expected)
{
	auto_free struct address *vips = NULL;
	char text[ADDRESS_TEXT_MAX], all[256] = "";
	size_t n_vips;

	assert_int_equal(link_list_vips(link, &vips, &n_vips, NULL), 0);
	for (size_t i = 0; i < n_vips; i++) {
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ",
			       address_format(&vips[i], text));
	}
	assert_string_equal(all, expected);
}

static void test_routes_come_and_go(void **state)
{
	struct address v4 = parse("10.0.0.1"), v6 = parse("fd00::1");
	int netns;
	auto_call(link_freep) struct link *link = link_in_new_netns(&netns);

	(void)state;
	expect_routes(link, "");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(link_add_vip(link, &v6, NULL), 0);
		assert_int_equal(link_add_vip(link, &v4, NULL), 0);
		expect_routes(link, "10.0.0.1 fd00::1 ");
	}
	netns_run(netns, "ip route get 10.0.0.1 | grep -q '^local'");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(link_remove_vip(link, &v4, NULL), 0);
		expect_routes(link, "fd00::1 ");
	}
	(void)close(netns);
}

static void test_those_of_others_stay(void **state)
{
	struct address v4 = parse("10.0.0.1"), v6 = parse("fd00::1");
	int netns;
	auto_call(link_freep) struct link *link = link_in_new_netns(&netns);

	(void)state;
	netns_run(netns, "ip address add 10.0.0.1/32 dev lo");
	netns_run(netns, "ip address add fd00::1/128 dev lo nodad");
	netns_run(netns, "ip route add local 10.0.0.2 dev lo table local proto static");
	assert_int_equal(link_add_vip(link, &v4, NULL), 0);
	assert_int_equal(link_add_vip(link, &v6, NULL), 0);
	assert_int_equal(link_remove_vip(link, &v4, NULL), 0);
	assert_int_equal(link_remove_vip(link, &v6, NULL), 0);
	expect_routes(link, "");
	netns_run(netns, "ip route get 10.0.0.1 | grep -q '^local'");
	netns_run(netns, "ip route get 10.0.0.2 | grep -q '^local'");
	netns_run(netns, "ip route get fd00::1 | grep -q '^local'");
	(void)close(netns);
}

static void test_devices(void **state)
{
	auto_free struct link_device *devices = NULL;
	size_t n_devices;
	int netns;
	auto_call(link_freep) struct link *link = link_in_new_netns(&netns);

	(void)state;
	netns_run(netns, "ip link add br0 type bridge");
	netns_run(netns, "ip link add v type veth peer name w");
	netns_run(netns, "ip link set v master br0 up");
	assert_int_equal(link_list_devices(link, &devices, &n_devices, NULL), 0);
	assert_int_equal(n_devices, 4);
	assert_true(devices[0].loopback && devices[0].up);
	assert_true(devices[1].bridge && !devices[1].loopback);
	for (size_t i = 2; i < n_devices; i++) {
		bool is_port = strcmp(devices[i].name, "v") == 0;

		assert_int_equal(devices[i].master, is_port ? devices[1].index : 0);
		assert_int_equal(devices[i].up, is_port);
	}
	(void)close(netns);
}

static void test_settings(void **state)
{
	struct link_settings settings;
	int netns;
	auto_call(link_freep) struct link *link = link_in_new_netns(&netns);

	(void)state;
	netns_run(netns, "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=1 "
			 "net.ipv4.conf.all.rp_filter=1");
	link_read_settings(&settings);
	assert_false(settings.forwarding4);
	assert_true(settings.forwarding6);
	assert_true(settings.strict_reverse_path);
	netns_run(netns, "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=2");
	link_read_settings(&settings);
	assert_true(settings.forwarding4);
	assert_false(settings.strict_reverse_path);
	(void)close(netns);
}

static void test_a_served_vip_has_a_route_while_held(void **state)
{
	struct address v4 = parse("10.0.0.1"), v6 = parse("fd00::1"), old = parse("10.0.0.9");
	auto_call(served_deinit) struct served served = {};
	auto_free struct address *vips = NULL;
	size_t n_vips;
	int netns;
	auto_call(link_freep) struct link *link = link_in_new_netns(&netns);

	(void)state;
	assert_int_equal(link_add_vip(link, &old, NULL), 0);
	assert_int_equal(served_hold(&served, &v6), 0);
	assert_int_equal(served_hold(&served, &v4), 0);
	assert_int_equal(served_sync(&served, link, NULL), 0);
	expect_routes(link, "10.0.0.1 fd00::1 ");
	assert_int_equal(served_list(&served, &vips, &n_vips), 0);
	assert_int_equal(n_vips, 2);
	assert_true(address_equal(&vips[0], &v4) && address_equal(&vips[1], &v6));

	served_drop(&served, &v4); /* from one LoadBalancer to another */
	assert_int_equal(served_hold(&served, &v4), 0);
	served_drop(&served, &v6);
	assert_int_equal(served.n_held[0], 1);
	assert_int_equal(served.n_held[1], 0);
	assert_int_equal(served_sync(&served, link, NULL), 0);
	expect_routes(link, "10.0.0.1 ");
	assert_null(served.changed);
	(void)close(netns);
}

/* A route that fails is tried again: here while lo is down. */
static void test_a_failed_route_is_tried_again(void **state)
{
	struct address v4 = parse("10.0.0.1"), other = parse("fd00::1");
	auto_call(served_deinit) struct served served = {};
	struct error err = {};
	int netns;
	auto_call(link_freep) struct link *link = link_in_new_netns(&netns);

	(void)state;
	netns_run(netns, "ip link set lo down");
	assert_int_equal(served_hold(&served, &v4), 0);
	assert_int_equal(served_hold(&served, &other), 0);
	assert_true(served_sync(&served, link, &err) < 0);
	assert_non_null(strstr(err.text, "route of VIP"));
	assert_non_null(served.changed);
	assert_int_equal(link_raise_lo(link, NULL), 0);
	assert_int_equal(served_sync(&served, link, NULL), 0);
	expect_routes(link, "10.0.0.1 fd00::1 ");
	(void)close(netns);
}

/* What a former run left goes with the first state, and what comes later is not looked for. */
static void test_what_is_left_is_swept(void **state)
{
	struct address held = parse("10.0.0.1"), left = parse("10.0.0.2");
	auto_call(served_deinit) struct served served = {};
	int netns;
	auto_call(link_freep) struct link *link = link_in_new_netns(&netns);

	(void)state;
	assert_int_equal(link_add_vip(link, &left, NULL), 0);
	assert_true(served_is_due(&served));
	assert_int_equal(served_hold(&served, &held), 0);
	assert_int_equal(served_sync(&served, link, NULL), 0);
	expect_routes(link, "10.0.0.1 ");
	assert_false(served_is_due(&served));
	assert_int_equal(link_add_vip(link, &left, NULL), 0);
	assert_int_equal(served_sync(&served, link, NULL), 0);
	expect_routes(link, "10.0.0.1 10.0.0.2 ");
	(void)close(netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes_come_and_go),
		cmocka_unit_test(test_those_of_others_stay),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_a_served_vip_has_a_route_while_held),
		cmocka_unit_test(test_a_failed_route_is_tried_again),
		cmocka_unit_test(test_what_is_left_is_swept),
	};

	netns_require_permission();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
