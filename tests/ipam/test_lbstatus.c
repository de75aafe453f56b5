/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "ipam/lbstatus.h"
#include "tests/ipam/cloud.h"
#include "tests/support/cmocka.h"

static json_t *status_of(struct cloud *cloud, enum kind kind, const char *name,
			 const struct lb_report *report, const json_t *previous, int64_t now_ms)
{
	const struct object *object = catalog_find(cloud->catalog, kind, "default", name);
	auto_call(resolution_deinit) struct resolution resolution = {};
	json_t *status;

	assert_non_null(object);
	if (kind != KIND_LOAD_BALANCER)
		return object_status(cloud->catalog, object, previous, now_ms);
	assert_int_equal(resolve_lb(cloud->catalog, object, &resolution), 0);
	status = lb_status(cloud->catalog, object, &resolution, report, previous, now_ms);
	assert_non_null(status);
	return status;
}

/* "Type=True Type=False:Reason:message" */
static void show_conditions(const json_t *status, struct text *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(status, "conditions"), i, item)
	{
		const char *value = json_string_value(json_object_get(item, "status"));
		const char *message = json_string_value(json_object_get(item, "message"));

		text_addf(text, "%s%s=%s", i ? "; " : "",
			  json_string_value(json_object_get(item, "type")), value);
		if (strcmp(value, "False") == 0 || *message)
			text_addf(text, ":%s:%s",
				  json_string_value(json_object_get(item, "reason")), message);
	}
}

static const struct lb_report all_well = {
	.n_nodes = 2, .n_programmed = 2, .forwarded = {true, true}};
static const struct lb_report one_missing = {
	.n_nodes = 40, .n_programmed = 39, .waiting = "node-17", .forwarded = {true, true}};
static const struct lb_report three_missing = {.n_nodes = 3, .waiting = "node-17"};
static const struct lb_report refused = {.n_nodes = 2,
					 .n_programmed = 1,
					 .waiting = "node-1",
					 .refused_by = "node-1",
					 .refusal = "No such file"};
static const struct lb_report silent = {.n_nodes = 1,
					.n_programmed = 1,
					.n_silent = 2,
					.silent = "node-3",
					.silent_since_ms = 86400000};
static const struct lb_report ill = {.n_nodes = 1,
				     .n_programmed = 1,
				     .n_silent = 2,
				     .silent = "node-3",
				     .silent_since_ms = 86400000,
				     .n_ill = 2,
				     .n_ill_of = 3};
static const struct lb_report nobody = {};

#define WELL "AddressesAllocated=True; DestinationsAvailable=True; "

static void test_conditions(void **state)
{
	static const struct {
		const char *name, *commands[8];
		const struct lb_report *report;
		const char *conditions;
	} rows[] = {
		{"all well",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &all_well,
		 WELL "Programmed=True; Ready=True"},
		{"a node is late",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &one_missing,
		 WELL "Programmed=False:NodesPending:waiting for node-17; "
		      "Ready=False:NodesPending:waiting for node-17"},
		{"nodes are late",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &three_missing,
		 WELL "Programmed=False:NodesPending:waiting for node-17 and 2 more nodes; "
		      "Ready=False:NodesPending:waiting for node-17 and 2 more nodes"},
		{"a node refused",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &refused,
		 WELL "Programmed=False:NodeRefused:node-1: No such file; "
		      "Ready=False:NodeRefused:node-1: No such file"},
		{"nodes are silent",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &silent,
		 WELL "Programmed=True; NodesReporting=Unknown:NodesSilent:node-3 has not reported "
		      "since 1970-01-02T00:00:00Z, nor have 1 more; Ready=True"},
		{"most are",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &ill,
		 WELL "Programmed=True; NodesReporting=Unknown:MostNodesSilent:node-3 has not "
		      "reported since 1970-01-02T00:00:00Z, nor have 1 more; 2 of 3 nodes fell "
		      "silent at once: it is the control plane that is ill, and no destination is "
		      "taken out for it; Ready=True"},
		{"no node",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &nobody,
		 WELL "Programmed=False:NoNodes:no live node has network default/n; "
		      "Ready=False:NoNodes:no live node has network default/n"},
		{"no network",
		 {"apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1"},
		 &nobody,
		 WELL "Programmed=False:NetworkNotFound:network default/n does not exist; "
		      "Ready=False:NetworkNotFound:network default/n does not exist"},
		{"A6: one family without destinations",
		 {"apply net n", "apply lb l n 10.0.9.9,fd00::9 all", "apply nic a n 10.0.0.1"},
		 &all_well,
		 "AddressesAllocated=True; DestinationsAvailable=True:NoDestinationsOfFamily:fd00::9 "
		 "refuses connections: there is no IPv6 destination; Programmed=True; Ready=True"},
		{"no destinations, exhausted prefix",
		 {"apply net n", "apply root p =10.0.0.0/31", "apply nic a n @p",
		  "apply nic b n @p", "apply lb l n @p x=y"},
		 &nobody,
		 "AddressesAllocated=False:PrefixExhausted:prefix default/p has no free address; "
		 "DestinationsAvailable=False:NoDestinations:no network interface with an address of "
		 "the load balancer's families matches the selector; "
		 "Programmed=False:NoAddress:no entry of spec.ips has an address yet; "
		 "Ready=False:PrefixExhausted:prefix default/p has no free address"},
		{"no prefix, no routing",
		 {"apply net n", "apply lb l n 10.0.9.9,6@q"},
		 &all_well,
		 "AddressesAllocated=False:PrefixNotFound:prefix default/q does not exist; "
		 "DestinationsAvailable=False:RoutingNotFound:there is no networkInterfaceSelector, "
		 "and no LoadBalancerRouting default/l for this network; Programmed=True; "
		 "Ready=False:PrefixNotFound:prefix default/q does not exist"},
		{"all draining",
		 {"apply net n", "apply lb l n 10.0.9.9", "apply routing l n 10.0.0.1*0"},
		 &all_well,
		 "AddressesAllocated=True; DestinationsAvailable=False:AllDraining:all 1 destinations "
		 "have weight 0; Programmed=True; "
		 "Ready=False:AllDraining:all 1 destinations have weight 0"},
		{"a template's address in use",
		 {"apply net n", "apply root p =10.0.0.0/24", "apply nic a n @p",
		  "apply lb l n @p=10.0.0.0/32 all"},
		 &nobody,
		 "AddressesAllocated=False:AddressInUse:10.0.0.0/32 is in use by NetworkInterface "
		 "default/a; DestinationsAvailable=True; "
		 "Programmed=False:NoAddress:no entry of spec.ips has an address yet; "
		 "Ready=False:AddressInUse:10.0.0.0/32 is in use by NetworkInterface default/a"},
		{"no selector match",
		 {"apply net n", "apply root p =10.0.0.0/24 a=b", "apply lb l n %a=c all",
		  "apply nic a n 10.0.0.1"},
		 &nobody,
		 "AddressesAllocated=False:PrefixNotFound:no IPv4 prefix of namespace default matches "
		 "the selector; DestinationsAvailable=True; "
		 "Programmed=False:NoAddress:no entry of spec.ips has an address yet; "
		 "Ready=False:PrefixNotFound:no IPv4 prefix of namespace default matches the "
		 "selector"},
		{"being deleted",
		 {"apply net n", "apply lb l n 10.0.9.9 all", "apply nic a n 10.0.0.1",
		  "delete lb l"},
		 &all_well,
		 WELL "Programmed=False:Deleting:being deleted; waiting for the nodes to let go; "
		      "Ready=False:Deleting:being deleted; waiting for the nodes to let go"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_call(text_deinit) struct text text = {};
		struct cloud cloud;
		json_t *status;

		cloud_init(&cloud);
		for (size_t k = 0; k < ARRAY_SIZE(rows[i].commands) && rows[i].commands[k]; k++)
			cloud_do(&cloud, rows[i].commands[k]);
		status = status_of(&cloud, KIND_LOAD_BALANCER, "l", rows[i].report, NULL, 0);
		show_conditions(status, &text);
		if (strcmp(text.bytes, rows[i].conditions) != 0)
			fail_msg("%s:\n  %s\nexpected\n  %s", rows[i].name, text.bytes,
				 rows[i].conditions);
		json_decref(status);
		cloud_deinit(&cloud);
	}
}

static void expect_json(json_t *value, const char *expected)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

/* The whole of a status, as docs/api.md shows it. */
static void test_whole_status(void **state)
{
	struct lb_report report = {
		.n_nodes = 2, .n_programmed = 1, .waiting = "node-17", .forwarded = {true}};
	struct cloud cloud;

	(void)state;
	cloud_init(&cloud);
	cloud_do(&cloud, "apply net n");
	cloud_do(&cloud, "apply nic a n 10.0.0.5 app=web");
	cloud_do(&cloud, "apply nic b n 10.0.0.6 app=web weight=0");
	cloud_do(&cloud, "apply lb l n 10.0.0.1,6@p app=web");
	expect_json(
		status_of(&cloud, KIND_LOAD_BALANCER, "l", &report, NULL, 1700000000000),
		"{\"observedGeneration\":1,\"ips\":[{\"ip\":\"10.0.0.1\"}],\"addresses\":["
		"{\"index\":0,\"ip\":\"10.0.0.1\",\"state\":\"Programmed\"},"
		"{\"index\":1,\"state\":\"Pending\",\"reason\":\"PrefixNotFound\","
		"\"message\":\"prefix default/p does not exist\"}],"
		"\"destinations\":{\"total\":2,\"ready\":1,\"unhealthy\":0,\"draining\":1},"
		"\"nodes\":{\"total\":2,\"programmed\":1},\"conditions\":["
		"{\"type\":\"AddressesAllocated\",\"status\":\"False\",\"reason\":\"PrefixNotFound\","
		"\"message\":\"prefix default/p does not exist\","
		"\"lastTransitionTime\":\"2023-11-14T22:13:20Z\",\"observedGeneration\":1},"
		"{\"type\":\"DestinationsAvailable\",\"status\":\"True\","
		"\"reason\":\"DestinationsAvailable\",\"message\":\"\","
		"\"lastTransitionTime\":\"2023-11-14T22:13:20Z\",\"observedGeneration\":1},"
		"{\"type\":\"Programmed\",\"status\":\"False\",\"reason\":\"NodesPending\","
		"\"message\":\"waiting for node-17\","
		"\"lastTransitionTime\":\"2023-11-14T22:13:20Z\",\"observedGeneration\":1},"
		"{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"PrefixNotFound\","
		"\"message\":\"prefix default/p does not exist\","
		"\"lastTransitionTime\":\"2023-11-14T22:13:20Z\",\"observedGeneration\":1}]}");
	cloud_deinit(&cloud);
}

static const char *since(const json_t *status, size_t i)
{
	const json_t *condition = json_array_get(json_object_get(status, "conditions"), i);

	return json_string_value(json_object_get(condition, "lastTransitionTime"));
}

static void test_times_change_with_the_status(void **state)
{
	struct cloud cloud;
	json_t *first, *second;

	(void)state;
	cloud_init(&cloud);
	cloud_do(&cloud, "apply net n");
	cloud_do(&cloud, "apply lb l n 10.0.0.1 all");
	cloud_do(&cloud, "apply nic a n 10.0.0.5");
	first = status_of(&cloud, KIND_LOAD_BALANCER, "l", &three_missing, NULL, 0);
	second = status_of(&cloud, KIND_LOAD_BALANCER, "l", &all_well, first, 60000);
	assert_string_equal(since(second, 0), "1970-01-01T00:00:00Z");
	assert_string_equal(since(second, 2), "1970-01-01T00:01:00Z");
	assert_string_equal(since(second, 3), "1970-01-01T00:01:00Z");
	json_decref(first);
	json_decref(second);
	cloud_deinit(&cloud);
}

static void test_other_kinds(void **state)
{
	struct cloud cloud;
	json_t *status;

	(void)state;
	cloud_init(&cloud);
	cloud_do(&cloud, "apply root p =10.0.0.0/30");
	cloud_do(&cloud, "apply nic a n @p");
	cloud_do(&cloud, "apply lb l n 10.9.9.9");
	cloud_do(&cloud, "apply child c @p/30");
	cloud_do(&cloud, "apply net n");
	expect_json(status_of(&cloud, KIND_NETWORK, "n", NULL, NULL, 0),
		    "{\"state\":\"Available\",\"networkInterfaces\":1,\"loadBalancers\":1}");
	status = status_of(&cloud, KIND_PREFIX, "p", NULL, NULL, 0);
	expect_json(json_incref(json_object_get(status, "usage")),
		    "{\"size\":\"4\",\"used\":\"1\",\"free\":\"3\",\"largestFree\":\"/31\","
		    "\"waiters\":1}");
	json_decref(status);
	status = status_of(&cloud, KIND_PREFIX, "c", NULL, NULL, 0);
	expect_json(json_incref(json_object_get(status, "phase")), "\"Pending\"");
	json_decref(status);
	status = status_of(&cloud, KIND_NETWORK_INTERFACE, "a", NULL, NULL, 0);
	expect_json(json_incref(json_object_get(status, "ips")), "[{\"ip\":\"10.0.0.0\"}]");
	expect_json(json_incref(json_object_get(status, "state")), "\"Available\"");
	json_decref(status);
	cloud_deinit(&cloud);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_whole_status),
		cmocka_unit_test(test_times_change_with_the_status),
		cmocka_unit_test(test_other_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
