/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ipam/state.h"
#include "tests/ipam/cloud.h"
#include "tests/support/cmocka.h"

/* Scripts, one a row; the language is tests/ipam/cloud.h's. CT-*: section 6.9 of the reference. */
struct script {
	const char *name;
	struct cloud_step steps[20];
};

#define RUN(scripts)                                     \
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) \
	cloud_run((scripts)[i].name, (scripts)[i].steps)

static void test_addresses(void **state)
{
	static const struct script scripts[] = {
		{"literal",
		 {{"apply nic web-1 n 10.0.0.1", "created 10.0.0.1"},
		  {"apply nic web-1 n 10.0.0.1", "unchanged 10.0.0.1"}}},
		{"a literal that is taken names its holder",
		 {{"apply nic web-1 n 10.0.0.1", "created 10.0.0.1"},
		  {"apply lb l n 10.0.0.1",
		   "422 spec.ips[0].ip: Invalid value: \"10.0.0.1\": in use by NetworkInterface "
		   "default/web-1"},
		  {"apply lb l n fd00::1,10.0.0.1",
		   "422 spec.ips[1].ip: Invalid value: \"10.0.0.1\": in use by NetworkInterface "
		   "default/web-1"}}},
		{"the same literal in two networks is fine",
		 {{"apply lb a n 10.0.0.1", "created 10.0.0.1"},
		  {"apply lb b m 10.0.0.1", "created 10.0.0.1"}}},
		{"a literal of an object on its way out is refused",
		 {{"apply nic a n 10.0.0.1", "created 10.0.0.1"},
		  {"confirm 1", ""},
		  {"delete nic a", "deleting 10.0.0.1"},
		  {"apply nic b n 10.0.0.1",
		   "422 spec.ips[0].ip: Invalid value: \"10.0.0.1\": in use by NetworkInterface "
		   "default/a, which is being deleted"},
		  {"apply nic a n 10.0.0.1",
		   "409 networkinterface \"default/a\" is being deleted; apply it again when it is "
		   "gone"},
		  {"next", "nothing"},
		  {"confirm 2", ""},
		  {"next", "deleted a 10.0.0.1"},
		  {"apply nic b n 10.0.0.1", "created 10.0.0.1"}}},
		{"CT-14: ephemeral, best fit, network address included; age of waiters counts",
		 {{"apply root p =10.0.0.0/31", "created"},
		  {"apply lb a n @p", "created 10.0.0.0"},
		  {"apply nic b n @p", "created 10.0.0.1"},
		  {"apply lb c n @p", "created -"},
		  {"apply nic d n @p", "created -"},
		  {"usage p", "2/2 largest=/255 waiters=2"},
		  {"settle", "0"},
		  {"delete nic b", "deleting 10.0.0.1"},
		  {"next", "deleted b 10.0.0.1"},
		  {"next", "configured c 10.0.0.1"},
		  {"next", "nothing"},
		  {"usage p", "2/2 largest=/255 waiters=1"}}},
		{"nobody overtakes who waits",
		 {{"apply root p =10.0.0.0/31", "created"},
		  {"apply nic a n @p", "created 10.0.0.0"},
		  {"apply nic b n @p", "created 10.0.0.1"},
		  {"apply nic c n @p", "created -"},
		  {"delete nic a", "deleting 10.0.0.0"},
		  {"next", "deleted a 10.0.0.0"},
		  {"apply nic d n @p", "created -"},
		  {"next", "configured c 10.0.0.0"},
		  {"next", "nothing"}}},
		{"an address that the Network holds is skipped, and comes free",
		 {{"apply root p =10.0.0.0/30", "created"},
		  {"apply nic l1 n 10.0.0.0", "created 10.0.0.0"},
		  {"apply nic l2 n 10.0.0.2", "created 10.0.0.2"},
		  {"apply nic a n @p", "created 10.0.0.1"},
		  {"apply nic b n @p", "created 10.0.0.3"},
		  {"apply nic c n @p", "created -"},
		  {"apply nic other m @p", "created 10.0.0.0"},
		  {"next", "nothing"},
		  {"delete nic l1", "deleting 10.0.0.0"},
		  {"next", "deleted l1 10.0.0.0"},
		  {"next", "nothing"},
		  {"delete nic l2", "deleting 10.0.0.2"},
		  {"next", "deleted l2 10.0.0.2"},
		  {"next", "configured c 10.0.0.2"}}},
		{"the prefix appears after its users, oldest first",
		 {{"apply lb a n @p,6@p6", "created - -"},
		  {"apply lb b n @p", "created -"},
		  {"settle", "0"},
		  {"apply root p =10.0.0.0/24", "created"},
		  {"next", "configured a 10.0.0.0 -"},
		  {"next", "configured b 10.0.0.1"},
		  {"next", "nothing"},
		  {"apply root p6 =fd00::/64", "created"},
		  {"next", "configured a 10.0.0.0 fd00::"}}},
		{"CT-11, CT-16: a template that names its address",
		 {{"apply root p =10.0.0.0/24", "created"},
		  {"apply lb a n =10.0.0.1/32", "created 10.0.0.1"},
		  {"apply lb b n @p=10.0.0.7/32", "created 10.0.0.7"},
		  {"apply lb c m @p=10.0.0.7/32", "created -"},
		  {"apply lb d n =10.0.0.1/32",
		   "422 spec.ips[0].ephemeral.prefixTemplate.spec.prefix: Invalid value: "
		   "\"10.0.0.1\": in use by LoadBalancer default/a"},
		  {"delete lb b", "deleting 10.0.0.7"},
		  {"next", "deleted b 10.0.0.7"},
		  {"next", "configured c 10.0.0.7"}}},
		{"wrong family waits",
		 {{"apply root p =10.0.0.0/24", "created"},
		  {"apply lb a n 6@p", "created -"},
		  {"settle", "0"}}},
		{"by selector: the prefix with most free addresses, ties by name",
		 {{"apply root p1 =10.0.0.0/31 tier=a", "created"},
		  {"apply root p3 =10.3.0.0/30 tier=a", "created"},
		  {"apply root p2 =10.2.0.0/30 tier=a", "created"},
		  {"apply root p4 =10.4.0.0/16 tier=b", "created"},
		  {"apply nic a n %tier=a", "created 10.2.0.0"},
		  {"apply nic b n %tier=a", "created 10.3.0.0"},
		  {"apply nic c n %tier=a", "created 10.2.0.1"},
		  {"apply nic d n %", "created 10.4.0.0"},
		  {"apply nic e n %tier=c", "created -"},
		  {"usage p4", "1/65536 largest=/17 waiters=0"},
		  {"apply root p4 =10.4.0.0/16 tier=c", "configured"},
		  {"usage p4", "1/65536 largest=/17 waiters=1"},
		  {"next", "configured e 10.4.0.1"}}},
	};

	(void)state;
	RUN(scripts);
}

static void test_prefixes(void **state)
{
	static const struct script scripts[] = {
		{"CT-1, CT-2: child by length",
		 {{"apply root p =10.0.0.0/24", "created"},
		  {"usage p", "0/256 largest=/24 waiters=0"},
		  {"apply child c @p/28", "created 10.0.0.0/28"},
		  {"usage p", "16/256 largest=/25 waiters=0"},
		  {"usage c", "0/16 largest=/28 waiters=0"}}},
		{"CT-3, CT-6, CT-7: children that cannot be",
		 {{"apply root p =10.0.0.0/24", "created"},
		  {"apply child a @p/8", "created -"},
		  {"apply child b @p=10.0.0.0/24", "created -"},
		  {"apply child c @p/24", "created -"},
		  {"settle", "0"},
		  {"usage p", "0/256 largest=/24 waiters=3"}}},
		{"CT-4: by selector, before any parent",
		 {{"apply child c %foo=bar/28", "created -"},
		  {"apply root p =10.0.0.0/24", "created"},
		  {"next", "nothing"},
		  {"apply root q =10.0.0.0/24 foo=bar", "created"},
		  {"next", "configured c 10.0.0.0/28"}}},
		{"CT-5: exact half",
		 {{"apply root p =10.0.0.0/8", "created"},
		  {"apply child c @p=10.0.0.0/9", "created 10.0.0.0/9"}}},
		{"siblings do not overlap, roots may",
		 {{"apply root p =10.0.0.0/8", "created"},
		  {"apply root q =10.0.0.0/8", "created"},
		  {"apply child c @p=10.1.0.0/16", "created 10.1.0.0/16"},
		  {"apply child d @p=10.0.0.0/9",
		   "422 spec.prefix: Invalid value: \"10.0.0.0/9\": overlaps 10.1.0.0/16 of Prefix "
		   "default/c"},
		  {"apply child d @q=10.0.0.0/9", "created 10.0.0.0/9"}}},
		{"any depth, both families",
		 {{"apply nic n n 6@d", "created -"},
		  {"apply child d 6@c/112", "created -"},
		  {"apply child c 6@b/64", "created -"},
		  {"apply child b 6@a/48", "created -"},
		  {"apply root a =2001:db8::/32", "created"},
		  {"next", "configured b 2001:db8::/48"},
		  {"next", "configured c 2001:db8::/64"},
		  {"next", "configured d 2001:db8::/112"},
		  {"next", "configured n 2001:db8::"},
		  {"next", "nothing"}}},
		{"a Prefix in use names who uses it",
		 {{"apply root p =10.0.0.0/24", "created"},
		  {"apply child c @p/28", "created 10.0.0.0/28"},
		  {"apply lb l n @p", "created 10.0.0.16"},
		  {"delete prefix p",
		   "409 prefix \"default/p\" is in use by Prefix default/c, LoadBalancer default/l; "
		   "delete those first"},
		  {"delete prefix c", "deleted 10.0.0.0/28"},
		  {"delete lb l", "deleting 10.0.0.16"},
		  {"delete prefix p",
		   "409 prefix \"default/p\" is in use by LoadBalancer default/l; delete those "
		   "first"},
		  {"next", "deleted l 10.0.0.16"},
		  {"delete prefix p", "deleted"},
		  {"usage p", "none"}}},
		{"what a child was given is not changed",
		 {{"apply root p =10.0.0.0/24", "created"},
		  {"apply child c @p/28", "created 10.0.0.0/28"},
		  {"apply child c @p/28 a=b", "configured 10.0.0.0/28"},
		  {"apply child c @p/28 a=b", "unchanged 10.0.0.0/28"}}},
		{"a Prefix keeps what it gave when it is changed",
		 {{"apply root p =10.0.0.0/30", "created"},
		  {"apply nic a n @p", "created 10.0.0.0"},
		  {"apply root p =10.0.0.0/30 a=b", "configured"},
		  {"usage p", "1/4 largest=/31 waiters=0"},
		  {"apply nic b n @p", "created 10.0.0.1"}}},
		{"all of IPv6",
		 {{"apply root p =::/0", "created"},
		  {"usage p", "0/340282366920938463463374607431768211456 largest=/0 waiters=0"},
		  {"apply child c 6@p/1", "created ::/1"},
		  {"usage p", "170141183460469231731687303715884105728/"
			      "340282366920938463463374607431768211456 largest=/1 waiters=0"}}},
	};

	(void)state;
	RUN(scripts);
}

static void test_updates(void **state)
{
	static const struct script scripts[] = {
		{"entries keep their addresses when they are reordered",
		 {{"apply root p =10.0.0.0/24", "created"},
		  {"apply root q =fd00::/64", "created"},
		  {"apply lb l n @p,6@q", "created 10.0.0.0 fd00::"},
		  {"apply lb l n 6@q,@p", "configured fd00:: 10.0.0.0"},
		  {"apply lb l n 6@q", "configured fd00:: ~10.0.0.0"},
		  {"apply lb l n @p,6@q", "configured 10.0.0.0 fd00::"}}},
		{"what is no longer named is given back once it is confirmed (D34)",
		 {{"apply root p =10.0.0.0/31", "created"},
		  {"apply lb a n @p", "created 10.0.0.0"},
		  {"apply lb b n @p", "created 10.0.0.1"},
		  {"settle", "0"},
		  {"confirm 3", ""},
		  {"apply lb b n 10.9.9.9", "configured 10.9.9.9 ~10.0.0.1"},
		  {"apply lb c n @p", "created -"},
		  {"next", "nothing"},
		  {"usage p", "2/2 largest=/255 waiters=1"},
		  {"confirm 4", ""},
		  {"next", "configured b 10.9.9.9"},
		  {"next", "configured c 10.0.0.1"},
		  {"next", "nothing"}}},
		{"an ephemeral address becomes a literal one, and stays",
		 {{"apply root p =10.0.0.0/31", "created"},
		  {"apply lb a n @p", "created 10.0.0.0"},
		  {"apply lb a n 10.0.0.0", "configured 10.0.0.0"},
		  {"usage p", "0/2 largest=/31 waiters=0"},
		  {"apply lb b n @p", "created 10.0.0.1"}}},
		{"other words for the same: the address stays",
		 {{"apply root p =10.0.0.0/30 t=a", "created"},
		  {"apply lb a n %t=a", "created 10.0.0.0"},
		  {"apply lb a n @p", "configured 10.0.0.0"},
		  {"apply lb b n @p=10.0.0.3/32", "created 10.0.0.3"},
		  {"apply lb b n @p", "configured 10.0.0.3"}}},
		{"another prefix, another address",
		 {{"apply root p =10.0.0.0/31", "created"},
		  {"apply root q =10.1.0.0/31", "created"},
		  {"apply lb a n @p", "created 10.0.0.0"},
		  {"apply lb a n @q", "configured 10.1.0.0 ~10.0.0.0"},
		  {"apply lb a n @p", "configured 10.0.0.0 ~10.1.0.0"},
		  {"next", "configured a 10.0.0.0"},
		  {"next", "nothing"}}},
	};

	(void)state;
	RUN(scripts);
}

static void test_deletions(void **state)
{
	static const struct script scripts[] = {
		{"CT-17: a Network in use",
		 {{"apply net n", "created"},
		  {"apply nic a n 10.0.0.1", "created 10.0.0.1"},
		  {"apply lb l n 10.0.0.2", "created 10.0.0.2"},
		  {"delete network n", "409 network \"default/n\" is in use by NetworkInterface "
				       "default/a, LoadBalancer default/l; delete those first"},
		  {"delete nic a", "deleting 10.0.0.1"},
		  {"delete nic a", "unchanged 10.0.0.1"},
		  {"delete lb l", "deleting 10.0.0.2"},
		  {"next", "deleted a 10.0.0.1"},
		  {"next", "deleted l 10.0.0.2"},
		  {"delete network n", "deleted"}}},
		{"ten holders are named, the others counted",
		 {{"apply net n", "created"},
		  {"apply nic a n 10.0.0.1", "created 10.0.0.1"},
		  {"apply nic b n 10.0.0.2", "created 10.0.0.2"},
		  {"apply nic c n 10.0.0.3", "created 10.0.0.3"},
		  {"apply nic d n 10.0.0.4", "created 10.0.0.4"},
		  {"apply nic e n 10.0.0.5", "created 10.0.0.5"},
		  {"apply nic f n 10.0.0.6", "created 10.0.0.6"},
		  {"apply nic g n 10.0.0.7", "created 10.0.0.7"},
		  {"apply nic h n 10.0.0.8", "created 10.0.0.8"},
		  {"apply nic i n 10.0.0.9", "created 10.0.0.9"},
		  {"apply nic j n 10.0.0.10", "created 10.0.0.10"},
		  {"apply nic k n 10.0.0.11", "created 10.0.0.11"},
		  {"delete network n",
		   "409 network \"default/n\" is in use by NetworkInterface default/a, "
		   "NetworkInterface default/b, NetworkInterface default/c, NetworkInterface "
		   "default/d, NetworkInterface default/e, NetworkInterface default/f, "
		   "NetworkInterface default/g, NetworkInterface default/h, NetworkInterface "
		   "default/i, NetworkInterface default/j and 1 more; delete those first"}}},
		{"what is not there",
		 {{"delete lb l", "404 loadbalancer \"default/l\" not found"},
		  {"apply routing l n 10.0.0.1", "created"},
		  {"delete lbr l", "deleted"}}},
	};

	(void)state;
	RUN(scripts);
}

static void test_destinations(void **state)
{
	static const struct script scripts[] = {
		{"CT-8, CT-9, CT-10, CT-19, CT-20, CT-21",
		 {{"apply lb l n 10.0.9.9 app=web", "created 10.0.9.9"},
		  {"destinations l", "0 off no-network"},
		  {"apply net n", "created"},
		  {"destinations l", "0"},
		  {"apply nic b n 10.0.0.2,fd00::2 app=web node=x", "created 10.0.0.2 fd00::2"},
		  {"apply nic a n 10.0.0.1 app=web tier=1 weight=3", "created 10.0.0.1"},
		  {"apply nic c n 10.0.0.3 app=db", "created 10.0.0.3"},
		  {"apply nic d m 10.0.0.4 app=web", "created 10.0.0.4"},
		  {"apply nic e n @missing app=web", "created -"},
		  {"destinations l", "2 10.0.0.1*3 10.0.0.2*1@x"},
		  {"apply nic a n 10.0.0.1 weight=3", "configured 10.0.0.1"},
		  {"destinations l", "1 10.0.0.2*1@x"},
		  {"confirm 1", ""},
		  {"delete nic b", "deleting 10.0.0.2 fd00::2"},
		  {"destinations l", "0"},
		  {"delete lb l", "deleting 10.0.9.9"},
		  {"destinations l", "0 off"}}},
		{"by routing",
		 {{"apply net n", "created"},
		  {"apply lb l n 10.0.9.9", "created 10.0.9.9"},
		  {"destinations l", "0 no-routing"},
		  {"apply nic a n 10.0.0.2 node=x", "created 10.0.0.2"},
		  {"apply routing l n 10.0.0.2*0,10.0.0.1*5,fd00::1,10.0.0.1*2", "created"},
		  {"destinations l", "2 10.0.0.1*5 10.0.0.2*0@x"},
		  {"apply routing l m 10.0.0.2", "configured"},
		  {"destinations l", "0 no-routing"}}},
		{"the empty selector is everything",
		 {{"apply net n", "created"},
		  {"apply lb l n 10.0.9.9 all", "created 10.0.9.9"},
		  {"apply nic a n 10.0.0.2", "created 10.0.0.2"},
		  {"destinations l", "1 10.0.0.2*1"}}},
	};

	(void)state;
	RUN(scripts);
}

static void test_touched(void **state)
{
	static const struct script scripts[] = {
		{"each change touches what it concerns",
		 {{"apply net n", "created"},
		  {"apply lb l n 10.0.9.1 app=web", "created 10.0.9.1"},
		  {"apply lb k n 10.0.9.2 app=db", "created 10.0.9.2"},
		  {"apply lb j n 10.0.9.3", "created 10.0.9.3"},
		  {"apply lb i m 10.0.9.3 all", "created 10.0.9.3"},
		  {"touched", "l k j i"},
		  {"touched", ""},
		  {"apply nic a n 10.0.0.1 app=web", "created 10.0.0.1"},
		  {"touched", "l"},
		  {"apply nic a n 10.0.0.1 app=db", "configured 10.0.0.1"},
		  {"touched", "l k"},
		  {"apply routing j n 10.0.0.1", "created"},
		  {"touched", "j"},
		  {"delete lb l", "deleting 10.0.9.1"},
		  {"touched", "l"},
		  {"next", "deleted l 10.0.9.1"},
		  {"touched", "l"}}},
	};

	(void)state;
	RUN(scripts);
}

/* Runs a command, and tells what it looked at and touched. */
static void do_counted(struct cloud *cloud, const char *command, size_t n_looked_at,
		       const char *touched)
{
	size_t before = cloud->catalog->n_looked_at;
	const char *answer;

	cloud_do(cloud, command);
	if (cloud->catalog->n_looked_at - before != n_looked_at)
		fail_msg("%s: looked at %zu LoadBalancers instead of %zu", command,
			 cloud->catalog->n_looked_at - before, n_looked_at);
	answer = cloud_do(cloud, "touched");
	if (strcmp(answer, touched) != 0)
		fail_msg("%s: touched '%s' instead of '%s'", command, answer, touched);
}

/*
 * Among 400 LoadBalancers of one Network, four of each application: a new interface, one whose labels
 * change and a selector that changes cost what they concern.
 */
static void test_changes_look_at_what_they_concern(void **state)
{
	struct cloud cloud;
	char command[128];

	(void)state;
	cloud_init(&cloud);
	cloud_do(&cloud, "apply net n");
	for (unsigned i = 0; i < 400; i++) {
		(void)snprintf(command, sizeof(command), "apply lb l%u n 10.1.%u.%u app=w%u%s", i,
			       i / 200, i % 200 + 1, i % 100, i < 100 ? " tier=1" : "");
		cloud_do(&cloud, command);
	}
	while (*cloud_do(&cloud, "touched")) {
	}
	do_counted(&cloud, "apply nic a n 10.0.0.1 app=w7", 4, "l107 l207 l307");
	do_counted(&cloud, "apply nic a n 10.0.0.1 app=w7 tier=1", 8, "l107 l207 l307 l7");
	do_counted(&cloud, "apply nic a n 10.0.0.1 app=w8 tier=1", 8,
		   "l7 l107 l207 l307 l8 l108 l208 l308");
	do_counted(&cloud, "apply nic b n 10.0.0.2 app=other", 0, "");
	do_counted(&cloud, "apply nic c m 10.0.0.3 app=w7", 0, "");
	do_counted(&cloud, "apply lb l107 n 10.1.0.108 app=w9", 0, "l107");
	do_counted(&cloud, "apply nic d n 10.0.0.4 app=w7", 3, "l207 l307");
	cloud_deinit(&cloud);
}

/* The table has 8 slots for each unit of weight; it does not shrink by one step. */
static void test_slot_tables_grow(void **state)
{
	struct cloud cloud;
	const struct object *lb;

	(void)state;
	cloud_init(&cloud);
	cloud_do(&cloud, "apply net n");
	cloud_do(&cloud, "apply lb l n 10.0.9.1 app=web");
	lb = catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "l");
	assert_int_equal(lb->lb_size_index, 0);
	assert_int_equal(lb->lb_number, 2);
	cloud_do(&cloud, "apply nic a n 10.0.0.1 app=web weight=2");
	assert_string_equal(cloud_do(&cloud, "settle"), "1");
	lb = catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "l");
	assert_int_equal(lb->lb_size_index, 1);
	cloud_do(&cloud, "apply nic a n 10.0.0.1 app=web weight=3");
	assert_string_equal(cloud_do(&cloud, "settle"), "1");
	cloud_do(&cloud, "apply nic a n 10.0.0.1 app=web weight=2");
	assert_string_equal(cloud_do(&cloud, "settle"), "0");
	lb = catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "l");
	assert_int_equal(lb->lb_size_index, 2);
	cloud_do(&cloud, "delete nic a");
	assert_string_equal(cloud_do(&cloud, "settle"), "2");
	lb = catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "l");
	assert_int_equal(lb->lb_size_index, 0);
	cloud_deinit(&cloud);
}

static void test_numbers_are_reused_late(void **state)
{
	struct cloud cloud;
	const struct object *lb;

	(void)state;
	cloud_init(&cloud);
	cloud_do(&cloud, "apply lb a n 10.0.9.1 app=web");
	cloud_do(&cloud, "apply lb b n 10.0.9.2 app=web");
	cloud_do(&cloud, "delete lb a");
	cloud_do(&cloud, "settle");
	cloud_do(&cloud, "apply lb c n 10.0.9.3 app=web");
	lb = catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "c");
	assert_true(lb->lb_number > 2);
	cloud_deinit(&cloud);
}

/* Nodes clean up by number, a little after the LoadBalancer has gone. */
static void test_numbers_are_reused_late_by_others(void **state)
{
	struct cloud cloud;
	uint32_t number;

	(void)state;
	cloud_init(&cloud);
	cloud_do(&cloud, "apply lb a n 10.0.9.1 app=web");
	cloud_do(&cloud, "apply lb b n 10.0.9.2 app=web");
	number = catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "b")->lb_number;
	cloud_do(&cloud, "delete lb b");
	cloud_do(&cloud, "settle");
	cloud_do(&cloud, "restart");
	cloud_do(&cloud, "apply lb c n 10.0.9.3 app=web");
	assert_true(catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "c")->lb_number >
		    number);
	cloud_deinit(&cloud);
}

static void test_numbers_begin_anew(void **state)
{
	struct cloud cloud;

	(void)state;
	cloud_init(&cloud);
	cloud.sequence = DESIRED_NUMBER_MAX - 1;
	cloud_do(&cloud, "apply lb a n 10.0.9.1 app=web");
	cloud_do(&cloud, "apply lb b n 10.0.9.2 app=web");
	assert_int_equal(catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "a")->lb_number,
			 DESIRED_NUMBER_MAX);
	assert_int_equal(catalog_find(cloud.catalog, KIND_LOAD_BALANCER, "default", "b")->lb_number,
			 1);
	cloud_deinit(&cloud);
}

static uint32_t number_of(const struct cloud *cloud, const char *name)
{
	return catalog_find(cloud->catalog, KIND_LOAD_BALANCER, "default", name)->lb_number;
}

/* Where a sequence, cut to a number, is more than half of the circle away from nothing. */
static void test_numbers_of_long_logs(void **state)
{
	struct cloud cloud;

	(void)state;
	cloud_init(&cloud);
	cloud.sequence = 9000000;
	cloud_do(&cloud, "apply lb a n 10.0.9.1 app=web");
	assert_int_equal(number_of(&cloud, "a"), 9000001);
	cloud_do(&cloud, "delete lb a");
	cloud_do(&cloud, "settle");
	cloud_do(&cloud, "apply lb b n 10.0.9.1 app=web");
	assert_true(number_of(&cloud, "b") > 9000001);
	cloud_do(&cloud, "apply lb c n 10.0.9.2 app=web");
	assert_true(number_of(&cloud, "c") > number_of(&cloud, "b"));
	cloud.sequence += (DESIRED_NUMBER_MAX >> 1) + 10; /* long after the others */
	cloud_do(&cloud, "apply lb d n 10.0.9.3 app=web");
	assert_int_equal(number_of(&cloud, "d"), cloud.sequence & DESIRED_NUMBER_MAX);
	cloud_deinit(&cloud);
}

static bool add_name(void *user, const struct object *lb)
{
	struct text *text = user;

	text_addf(text, "%s ", lb->meta.name);
	return true;
}

static void expect_served(const struct cloud *cloud, const char *network, const char *ip,
			  const char *names)
{
	auto_call(text_deinit) struct text text = {};
	struct address address;

	assert_int_equal(address_parse(ip, &address), 0);
	catalog_list_served(cloud->catalog, "default", network, &address, add_name, &text);
	assert_string_equal(text.bytes ? text.bytes : "", names);
}

/* By selector, by routing, by both; of another Network, of nobody. */
static void test_served(void **state)
{
	static const char *const commands[] = {
		"apply net n",
		"apply lb l n 10.0.9.1 app=web",
		"apply lb k n 10.0.9.2 app=db",
		"apply lb j n 10.0.9.3",
		"apply lb i m 10.0.9.3 all",
		"apply nic a n 10.0.0.1 app=web",
		"apply nic b n 10.0.0.2",
		"apply routing j n 10.0.0.1,10.0.0.7",
	};
	struct cloud cloud;

	(void)state;
	cloud_init(&cloud);
	for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++)
		(void)cloud_do(&cloud, commands[c]);
	expect_served(&cloud, "n", "10.0.0.1", "l j ");
	expect_served(&cloud, "n", "10.0.0.2", "");
	expect_served(&cloud, "n", "10.0.0.7", "j ");
	expect_served(&cloud, "n", "10.0.0.9", "");
	expect_served(&cloud, "x", "10.0.0.2", "");
	cloud_deinit(&cloud);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_deletions),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_touched),
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_changes_look_at_what_they_concern),
		cmocka_unit_test(test_slot_tables_grow),
		cmocka_unit_test(test_numbers_are_reused_late),
		cmocka_unit_test(test_numbers_are_reused_late_by_others),
		cmocka_unit_test(test_numbers_begin_anew),
		cmocka_unit_test(test_numbers_of_long_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
