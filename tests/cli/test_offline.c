/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/offline.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"

#define NET     "apiVersion: networking.ironcore.dev/v1alpha1\n"
#define NETWORK NET "kind: Network\nmetadata: {name: net}\n---\n"
#define PREFIX                                                                        \
	"apiVersion: ipam.ironcore.dev/v1alpha1\nkind: Prefix\nmetadata: {name: p}\n" \
	"spec: {prefix: 10.7.0.0/30}\n---\n"
#define NIC(name, ip)                                                                         \
	NET "kind: NetworkInterface\nmetadata: {name: " name ", labels: {app: web}}\nspec:\n" \
	    "  networkRef: {name: net}\n  ips: [{ip: " ip "}]\n---\n"
#define LB(name, ip)                                                                    \
	NET "kind: LoadBalancer\nmetadata: {name: " name "}\nspec:\n  type: Internal\n" \
	    "  networkRef: {name: net}\n  ipFamilies: [IPv4]\n  ips: [" ip "]\n"        \
	    "  networkInterfaceSelector: {matchLabels: {app: web}}\n"                   \
	    "  ports: [{port: 80}]\n---\n"
#define LITERAL(ip) "{ip: " ip "}"
#define FROM_P      "{ephemeral: {prefixTemplate: {spec: {prefixRef: {name: p}}}}}"

/* Applies a manifest and gives what one Network comes to. */
static int compile(const char *manifest, struct desired **ret_desired, struct text *waiting,
		   struct text *problems)
{
	auto_call(catalog_freep) struct catalog *catalog = NULL;
	auto_call(documents_deinit) struct documents documents = {};
	struct error err = {};
	int r;

	assert_int_equal(catalog_new(&catalog), 0);
	assert_int_equal(documents_read(manifest, strlen(manifest), "default", &documents), 0);
	r = offline_apply(catalog, &documents, problems);
	if (r < 0)
		return r;
	return offline_desired(catalog, "default", "net", ret_desired, waiting, &err);
}

static void expect_vip(const struct desired_lb *lb, const char *name, const char *vip)
{
	char text[ADDRESS_TEXT_MAX];

	assert_string_equal(lb->name, name);
	assert_int_equal(lb->n_vips, 1);
	assert_string_equal(address_format(&lb->vips[0], text), vip);
}

static void test_desired_state_of_manifests(void **state)
{
	auto_call(desired_freep) struct desired *desired = NULL;
	auto_call(text_deinit) struct text waiting = {}, problems = {};

	(void)state;
	assert_int_equal(compile(LB("b", FROM_P) LB("a", LITERAL("10.7.0.0"))
					 PREFIX NETWORK NIC("n1", "10.1.0.1") NIC("n2", "10.1.0.2"),
				 &desired, &waiting, &problems),
			 0);
	assert_string_equal(desired->net, "default_net");
	assert_int_equal(desired->n_lbs, 2);
	expect_vip(desired->lbs[0], "default/a", "10.7.0.0");
	expect_vip(desired->lbs[1], "default/b", "10.7.0.1");
	assert_int_equal(desired->lbs[0]->n_destinations, 2);
	assert_int_equal(waiting.len, 0);
}

/* The same manifests are the same bytes: uids are not random. */
static void test_same_each_time(void **state)
{
	void *bytes[2];
	size_t len[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		auto_call(desired_freep) struct desired *desired = NULL;
		auto_call(text_deinit) struct text waiting = {}, problems = {};

		assert_int_equal(compile(NETWORK LB("a", LITERAL("10.7.0.1")), &desired, &waiting,
					 &problems),
				 0);
		desired->revision = 1;
		desired->snapshot = true;
		desired->epoch = offline_uuid("x");
		assert_int_equal(desired_pack(desired, &bytes[i], &len[i]), 0);
	}
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(bytes[0], bytes[1], len[0]);
	free(bytes[0]);
	free(bytes[1]);
}

static void test_what_cannot_be_forwarded_yet_is_named(void **state)
{
	static const struct {
		const char *manifest, *waiting;
	} rows[] = {
		{LB("a", LITERAL("10.7.0.1")),
		 "loadbalancer/a: there is no Network of that name\n"},
		{NETWORK LB("a", FROM_P), "loadbalancer/a: has no address yet\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(desired_freep) struct desired *desired = NULL;
		auto_call(text_deinit) struct text waiting = {}, problems = {};

		assert_int_equal(compile(rows[i].manifest, &desired, &waiting, &problems), 0);
		assert_int_equal(desired->n_lbs, 0);
		assert_string_equal(waiting.bytes, rows[i].waiting);
	}
}

static void test_problems_are_named(void **state)
{
	static const struct {
		const char *manifest, *words;
	} rows[] = {
		{NETWORK LB("a", "{ip: 127.0.0.1}"), "loadbalancer/a: spec.ips[0].ip"},
		{NETWORK LB("a", LITERAL("10.7.0.1")) LB("b", LITERAL("10.7.0.1")),
		 "loadbalancer/b: "},
		{"kind: [", "line"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(desired_freep) struct desired *desired = NULL;
		auto_call(text_deinit) struct text waiting = {}, problems = {};

		if (compile(rows[i].manifest, &desired, &waiting, &problems) != -EBADMSG ||
		    !strstr(problems.bytes, rows[i].words))
			fail_msg("row %zu: '%s'", i, problems.bytes ?: "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_desired_state_of_manifests),
		cmocka_unit_test(test_same_each_time),
		cmocka_unit_test(test_what_cannot_be_forwarded_yet_is_named),
		cmocka_unit_test(test_problems_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
