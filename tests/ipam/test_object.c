/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "ipam/document.h"
#include "tests/ipam/rows.h"
#include "tests/support/cmocka.h"

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		int r;
		enum kind kind;
	} rows[] = {
		{"LoadBalancer", 0, KIND_LOAD_BALANCER},
		{"loadbalancers", 0, KIND_LOAD_BALANCER},
		{"lb", 0, KIND_LOAD_BALANCER},
		{"NIC", 0, KIND_NETWORK_INTERFACE},
		{"net", 0, KIND_NETWORK},
		{"Prefixes", 0, KIND_PREFIX},
		{"lbr", 0, KIND_LOAD_BALANCER_ROUTING},
		{"", -EINVAL, 0},
		{"service", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum kind kind = 0;

		if (kind_parse(rows[i].text, &kind) != rows[i].r || kind != rows[i].kind)
			fail_msg("%s", rows[i].text);
	}
	for (enum kind kind = 0; kind < KIND_N_KINDS; kind++) {
		enum kind again;

		assert_int_equal(kind_parse(kind_name(kind), &again), 0);
		assert_int_equal(again, kind);
		assert_int_equal(kind_parse(kind_token(kind), &again), 0);
		assert_non_null(strstr(kind_api_version(kind), ".ironcore.dev/v1alpha1"));
	}
}

static void test_keys(void **state)
{
	char key[OBJECT_KEY_MAX];
	char longest[400];

	(void)state;
	assert_string_equal(object_key_of(KIND_PREFIX, "default", "a.b-c", key),
			    "prefix.default.a_b-c");
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	(void)object_key_of(KIND_PREFIX, longest, longest, key); /* cut, within bounds */
	assert_true(strlen(key) < OBJECT_KEY_MAX);
}

static void test_copies_own_what_they_hold(void **state)
{
	auto_call(object_freep) struct object *object = object_from(
		"LoadBalancer",
		"metadata: {name: a, labels: {b: c, a: d}, annotations: {x: z}}\n"
		"spec: {type: Internal, networkRef: {name: net}, ports: [{port: 1}, {port: 2}],\n"
		"  ips: [{ip: 10.0.0.1}, {ephemeral: {prefixTemplate: {metadata: {labels: {k: v}},\n"
		"    spec: {ipFamily: IPv6, parentSelector: {matchLabels: {a: b}}}}}}],\n"
		"  networkInterfaceSelector: {matchExpressions: [{key: a, operator: In,\n"
		"    values: [x, u, z]}]},\n"
		"  healthCheck: {protocol: HTTP}, sourceRanges: [10.0.0.0/8]}");
	auto_call(object_freep) struct object *copy = NULL;

	(void)state;
	object->leases = calloc(1, sizeof(*object->leases));
	object->leases[0].prefix = strdup("p");
	object->n_leases = 1;
	assert_int_equal(object_copy(object, &copy), 0);
	assert_true(document_is_same(object, copy));
	assert_ptr_not_equal(copy->meta.name, object->meta.name);
	assert_ptr_not_equal(copy->lb.ports, object->lb.ports);
	assert_ptr_not_equal(copy->lb.addressing.ips[1].ephemeral,
			     object->lb.addressing.ips[1].ephemeral);
	assert_ptr_not_equal(copy->lb.selector->expressions[0].values[2],
			     object->lb.selector->expressions[0].values[2]);
	assert_string_equal(copy->lb.selector->expressions[0].values[2], "z");
	assert_ptr_not_equal(copy->leases[0].prefix, object->leases[0].prefix);
	copy->lb.drain_s = 1;
	assert_false(document_is_same_spec(object, copy));
}

static void test_what_objects_say(void **state)
{
	auto_call(object_freep) struct object *nic = object_from(
		"NetworkInterface", "metadata: {name: a, annotations: {ilb/weight: '7'}}\n"
				    "spec: {networkRef: {name: net}, ips: [{ip: 10.0.0.1}]}");
	auto_call(object_freep) struct object *network =
		object_from("Network", "metadata: {name: a}");

	(void)state;
	assert_int_equal(object_weight(nic), 7);
	assert_int_equal(object_weight(network), 1);
	assert_string_equal(object_network(nic), "net");
	assert_null(object_network(network));
	assert_ptr_equal(object_addressing(nic), &nic->nic.addressing);
	assert_null(object_addressing(network));
	assert_string_equal(labels_find(&nic->meta.annotations, "ilb/weight"), "7");
	assert_null(labels_find(&nic->meta.annotations, "ilb/weigh"));
	assert_null(labels_find(&nic->meta.labels, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_copies_own_what_they_hold),
		cmocka_unit_test(test_what_objects_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
