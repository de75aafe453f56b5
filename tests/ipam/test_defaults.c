/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/document.h"
#include "tests/ipam/rows.h"
#include "tests/support/cmocka.h"

#define HEAD "metadata: {name: a}\nspec: {type: Internal, networkRef: {name: net}, "

static void test_families_follow_from_ips(void **state)
{
	auto_call(object_freep) struct object *lb =
		object_from("LoadBalancer",
			    HEAD "ports: [{port: 80}], ips: [{ephemeral: {prefixTemplate: {spec: "
				 "{ipFamily: IPv6, prefixRef: {name: p}}}}}, {ip: 10.0.0.1}]}");

	(void)state;
	assert_int_equal(lb->lb.addressing.n_families, 2);
	assert_int_equal(lb->lb.addressing.families[0], FAMILY_IPV6);
	assert_int_equal(lb->lb.addressing.families[1], FAMILY_IPV4);
	assert_int_equal(lb->lb.addressing.ips[0].ephemeral->spec.length, 128);
}

static void test_a_template_is_of_the_family_of_its_prefix(void **state)
{
	auto_call(object_freep) struct object *lb =
		object_from("LoadBalancer", HEAD "ports: [{port: 80}], ips: [{ephemeral: "
						 "{prefixTemplate: {spec: {prefix: 'fd00::5/128', "
						 "prefixRef: {name: p}}}}}]}");

	(void)state;
	assert_int_equal(lb->lb.addressing.families[0], FAMILY_IPV6);
	assert_int_equal(lb->lb.addressing.ips[0].ephemeral->spec.family, FAMILY_IPV6);
	assert_int_equal(lb->lb.addressing.ips[0].ephemeral->spec.length, 0);
}

static void test_ports(void **state)
{
	auto_call(object_freep) struct object *lb = object_from(
		"LoadBalancer",
		HEAD "ips: [{ip: 10.0.0.1}], ports: [{port: 80, targetPort: 8080}, "
		     "{port: 90, endPort: 99, protocol: UDP}], healthCheck: {protocol: HTTP}}");

	(void)state;
	assert_int_equal(lb->lb.ports[0].protocol, PROTOCOL_TCP);
	assert_int_equal(lb->lb.ports[0].last, 80);
	assert_int_equal(lb->lb.ports[0].target, 8080);
	assert_int_equal(lb->lb.ports[1].last, 99);
	assert_int_equal(lb->lb.ports[1].target, 90);
	assert_int_equal(lb->lb.check.port, 8080);
	assert_string_equal(lb->lb.check.path, "/");
	assert_int_equal(lb->lb.check.interval_s, 5);
	assert_int_equal(lb->lb.check.timeout_s, 3);
	assert_int_equal(lb->lb.check.healthy_threshold, 2);
	assert_int_equal(lb->lb.check.unhealthy_threshold, 3);
	assert_int_equal(lb->lb.drain_s, 300);
	assert_int_equal(lb->lb.when_all_unhealthy, ALL_UNHEALTHY_REJECT);
	assert_int_equal(lb->lb.affinity, AFFINITY_NONE);
}

static void test_others(void **state)
{
	auto_call(object_freep) struct object *lb =
		object_from("LoadBalancer", HEAD "ips: [{ip: 10.0.0.1}], ports: [{port: 80}]}");
	auto_call(object_freep) struct object *prefix =
		object_from("Prefix", "metadata: {name: a}\nspec: {prefix: 'fd00::/64'}");
	auto_call(object_freep) struct object *routing =
		object_from("LoadBalancerRouting", "metadata: {name: a}\nnetworkRef: {name: net}\n"
						   "destinations: [{ip: 10.0.0.1}]");

	(void)state;
	assert_int_equal(lb->lb.check.interval_s, 0);
	assert_string_equal(lb->meta.name_space, "default");
	assert_int_equal(prefix->prefix.family, FAMILY_IPV6);
	assert_int_equal(routing->routing.destinations[0].weight, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families_follow_from_ips),
		cmocka_unit_test(test_a_template_is_of_the_family_of_its_prefix),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
