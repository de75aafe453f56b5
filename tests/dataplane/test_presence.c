/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/presence.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"

/* Machines behind links of a real namespace: what `ip` does, and who is absent then. */

static const char *const machines[] = {"10.1.0.1", "10.1.0.2", "10.9.0.9", "fd00::1"};

struct fixture {
	int netns, peer;
	struct link *link;
	struct presence presence;
};

static void attend(struct fixture *f)
{
	struct address addresses[ARRAY_SIZE(machines)];

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		assert_int_equal(address_parse(machines[i], &addresses[i]), 0);
	assert_int_equal(presence_attend(&f->presence, addresses, ARRAY_SIZE(machines)), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->peer = netns_new();
	f->netns = netns_new();
	netns_enter(f->netns);
	assert_int_equal(link_new(&f->link, NULL), 0);
	netns_join(f->netns, "uplink", f->peer, "uplink");
	netns_join(f->netns, "va", f->peer, "va");
	netns_join(f->netns, "vb", f->peer, "vb");
	netns_run(f->netns, "ip addr add 169.254.0.2/30 dev uplink; "
			    "ip route add default via 169.254.0.1 dev uplink; "
			    "ip route add 10.1.0.1 dev va; ip route add 10.1.0.2 dev vb; "
			    "ip -6 route add fd00::1 dev va; ip -6 route add default dev uplink");
	attend(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	presence_deinit(&f->presence);
	link_free(f->link);
	(void)close(f->netns);
	(void)close(f->peer);
	free(f);
	return 0;
}

/* @absent: "10.1.0.1 fd00::1 " */
static void expect(struct fixture *f, const char *absent)
{
	auto_free struct address *list = NULL;
	char text[ADDRESS_TEXT_MAX], all[256] = "", before[256] = "";
	struct error err = {};
	bool changed;
	size_t n;

	for (size_t i = 0; i < f->presence.n_machines; i++) {
		if (f->presence.machines[i].absent)
			(void)snprintf(before + strlen(before), sizeof(before) - strlen(before),
				       "%s ",
				       address_format(&f->presence.machines[i].address, text));
	}
	if (presence_look(&f->presence, f->link, &changed, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(presence_list(&f->presence, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ",
			       address_format(&list[i], text));
	assert_string_equal(all, absent);
	assert_int_equal(changed, strcmp(all, before) != 0);
}

static void test_down_and_up(void **state)
{
	struct fixture *f = *state;

	expect(f, "");
	netns_run(f->netns, "ip link set va down");
	expect(f, "10.1.0.1 fd00::1 ");
	netns_run(f->netns, "ip link set va up");
	expect(f, "10.1.0.1 fd00::1 "); /* the default route is not the way to it */
	netns_run(f->netns, "ip route add 10.1.0.1 dev va");
	expect(f, "fd00::1 ");
	netns_run(f->netns, "ip -6 route add fd00::1 dev va");
	expect(f, "");
}

/* The kernel says so a little later. */
static void wait_for_state(struct fixture *f, const char *state)
{
	netns_run(f->netns,
		  "for i in $(seq 500); do ip -o link show vb | grep -q '%s' && exit 0; "
		  "sleep 0.01; done; exit 1",
		  state);
}

static void test_carrier(void **state)
{
	struct fixture *f = *state;

	netns_run(f->peer, "ip link set vb down");
	wait_for_state(f, "NO-CARRIER");
	expect(f, "10.1.0.2 "); /* at first sight: the route is still there */
	netns_run(f->peer, "ip link set vb up");
	wait_for_state(f, "state UP");
	expect(f, "");
}

static void test_gone_and_replaced(void **state)
{
	struct fixture *f = *state;

	expect(f, "");
	netns_run(f->netns, "ip link delete vb");
	expect(f, "10.1.0.2 ");
	attend(f); /* the same again: nothing is forgotten */
	expect(f, "10.1.0.2 ");
	netns_join(f->netns, "vc", f->peer, "vc");
	netns_run(f->netns, "ip route add 10.1.0.0/24 dev vc");
	expect(f, "10.1.0.2 "); /* less specific, and another link */
	netns_run(f->netns, "ip route add 10.1.0.2 dev vc");
	expect(f, "");
	netns_run(f->netns, "ip link delete vc");
	netns_join(f->netns, "vc", f->peer, "vc");
	netns_run(f->netns, "ip route add 10.1.0.0/24 dev vc");
	expect(f, ""); /* less specific, but a link of the same name */
}

/* A machine whose routes lead another way while its link is up has moved. */
static void test_moved(void **state)
{
	struct fixture *f = *state;

	expect(f, "");
	netns_run(f->netns, "ip route replace 10.1.0.1 dev vb; ip -6 route del fd00::1 dev va");
	expect(f, "");
	netns_run(f->netns, "ip link set va down");
	expect(f, "");
	netns_run(f->netns, "ip link set vb down");
	expect(f, "10.1.0.1 10.1.0.2 ");
}

/* What all reach by the default route goes with the uplink. */
static void test_uplink(void **state)
{
	struct fixture *f = *state;

	expect(f, "");
	netns_run(f->netns, "ip link set uplink down");
	expect(f, "10.9.0.9 ");
	netns_run(f->netns,
		  "ip link set uplink up; ip route add default via 169.254.0.1 dev uplink");
	expect(f, "");
	netns_run(f->netns, "ip route add blackhole 10.9.0.9");
	expect(f, ""); /* the link is up: not ours to say */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_down_and_up), TEST(test_carrier), TEST(test_gone_and_replaced),
		TEST(test_moved),       TEST(test_uplink),
	};

	netns_require_permission();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
