/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "ipam/document.h"
#include "tests/ipam/rows.h"
#include "tests/support/cmocka.h"

static const char lb_body[] =
	"metadata: {name: a, labels: {b: c}}\n"
	"spec: {type: Internal, networkRef: {name: net}, ports: [{port: 1, endPort: 9}], "
	"ips: [{ip: 10.0.0.1}, {ephemeral: {prefixTemplate: {spec: {ipFamily: IPv6, "
	"prefixRef: {name: p}}}}}], networkInterfaceSelector: {}}";

static void give_leases(struct object *lb)
{
	lb->leases = calloc(2, sizeof(*lb->leases));
	lb->n_leases = 2;
	assert_int_equal(cidr_parse("10.0.0.1/32", &lb->leases[0].block), 0);
	assert_int_equal(cidr_parse("fd00::1/128", &lb->leases[1].block), 0);
	lb->leases[1].index = 1;
	lb->leases[1].prefix = strdup("p");
	lb->leases[1].releasing = true;
}

static void test_what_is_stored_comes_back(void **state)
{
	auto_call(object_freep) struct object *lb = object_from("LoadBalancer", lb_body);
	auto_call(object_freep) struct object *again = NULL;
	auto_free char *text = NULL;
	struct error err;
	size_t len;

	(void)state;
	give_leases(lb);
	lb->meta.uid.bytes[0] = 0xab;
	lb->meta.generation = 7;
	lb->meta.resource_version = 99; /* the record's own place in the log: not in it */
	lb->meta.created_ms = 1795400000123;
	lb->meta.deleting_ms = 1795400000456;
	lb->lb_number = 4711;
	lb->lb_size_index = 3;
	assert_int_equal(object_store_format(lb, &text, &len), 0);
	assert_null(strchr(text, '\n'));
	assert_int_equal(strlen(text), len);
	assert_int_equal(object_store_parse(text, len, &again, &err), 0);
	assert_true(document_is_same(lb, again));
	assert_int_equal(uuid_compare(&lb->meta.uid, &again->meta.uid), 0);
	assert_int_equal(again->meta.generation, 7);
	assert_int_equal(again->meta.resource_version, 0);
	assert_int_equal(again->meta.created_ms, 1795400000123);
	assert_int_equal(again->meta.deleting_ms, 1795400000456);
	assert_int_equal(again->lb_number, 4711);
	assert_int_equal(again->lb_size_index, 3);
	assert_int_equal(again->n_leases, 2);
	assert_null(again->leases[0].prefix);
	assert_true(cidr_equal(&again->leases[1].block, &lb->leases[1].block));
	assert_string_equal(again->leases[1].prefix, "p");
	assert_int_equal(again->leases[1].index, 1);
	assert_true(again->leases[1].releasing);
}

#define RECORD(spec, ilb)                                                     \
	"{\"apiVersion\":\"ipam.ironcore.dev/v1alpha1\",\"kind\":\"Prefix\"," \
	"\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"},\"spec\":{" spec "},\"ilb\":" ilb "}"
#define UID "\"uid\":\"00000000-0000-0000-0000-000000000000\""
#define OK  "\"prefix\":\"10.0.0.0/8\""

static void test_foreign_records_are_checked(void **state)
{
	static const struct {
		const char *record;
		int r;
		const char *says;
	} rows[] = {
		{RECORD(OK, "{" UID "}"), 0, NULL},
		{"", -EBADMSG, "not JSON"},
		{"[]", -EBADMSG, "no object"},
		{"{}", -EBADMSG, "kind is unknown"},
		{"{\"kind\":\"prefix\"}", -EBADMSG, "kind is unknown"},
		{"{\"kind\":\"Prefix\",\"kind\":\"Prefix\"}", -EBADMSG, "not JSON"},
		{"{\"kind\":\"Prefix\",\"apiVersion\":\"v1\"}", -EBADMSG, "apiVersion"},
		{RECORD(OK, "{}"), -EBADMSG, "no uid"},
		{RECORD(OK, "[]"), -EBADMSG, "no uid"},
		{RECORD(OK, "{" UID ",\"generation\":-1}"), -EBADMSG, "out of range"},
		{RECORD(OK, "{" UID ",\"number\":16777216}"), -EBADMSG, "out of range"},
		{RECORD(OK, "{" UID ",\"size\":7}"), -EBADMSG, "out of range"},
		{RECORD(OK, "{" UID ",\"leases\":{}}"), -EBADMSG, "leases"},
		{RECORD(OK, "{" UID ",\"leases\":[{}]}"), -EBADMSG, "no legal block"},
		{RECORD(OK, "{" UID ",\"leases\":[{\"block\":\"10.0.0.1/8\"}]}"), -EBADMSG,
		 "no legal block"},
		{RECORD(OK, "{" UID ",\"leases\":[{\"block\":\"10.0.0.0/8\",\"index\":2}]}"),
		 -EBADMSG, "beyond spec.ips"},
		{RECORD(OK, "{" UID ",\"leases\":[{\"block\":\"10.0.0.0/8\",\"prefix\":\"*\"}]}"),
		 -EBADMSG, "illegal Prefix"},
		{RECORD("", "{" UID "}"), -EBADMSG, "spec.ipFamily: Required value"},
		{RECORD("\"x\":1", "{" UID "}"), -EBADMSG, "spec.x: Unknown field"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(object_freep) struct object *object = NULL;
		struct error err = {};
		int r = object_store_parse(rows[i].record, strlen(rows[i].record), &object, &err);

		if (r != rows[i].r || (r && !strstr(err.text, rows[i].says)))
			fail_msg("'%s': %d %s", rows[i].record, r, err.text);
	}
}

static void test_objects_are_shown_with_what_was_decided(void **state)
{
	auto_call(object_freep) struct object *prefix = object_from(
		"Prefix", "metadata: {name: a}\nspec: {ipFamily: IPv4, prefixLength: 28, "
			  "parentSelector: {}}");
	auto_call(text_deinit) struct text yaml = {};
	json_t *json;

	(void)state;
	prefix->meta.uid.bytes[0] = 0xab;
	prefix->meta.generation = 1;
	prefix->meta.resource_version = 12;
	prefix->meta.created_ms = 1795392000999;
	prefix->leases = calloc(1, sizeof(*prefix->leases));
	prefix->n_leases = 1;
	assert_int_equal(cidr_parse("10.0.0.16/28", &prefix->leases[0].block), 0);
	prefix->leases[0].prefix = strdup("root");
	json = object_to_json(prefix);
	assert_int_equal(yaml_from_json(json, &yaml), 0);
	json_decref(json);
	assert_string_equal(yaml.bytes, "apiVersion: ipam.ironcore.dev/v1alpha1\n"
					"kind: Prefix\n"
					"metadata:\n"
					"  name: a\n"
					"  namespace: default\n"
					"  uid: ab000000-0000-0000-0000-000000000000\n"
					"  generation: 1\n"
					"  resourceVersion: \"12\"\n"
					"  creationTimestamp: \"2026-11-23T00:00:00Z\"\n"
					"spec:\n"
					"  ipFamily: IPv4\n"
					"  prefixLength: 28\n"
					"  parentSelector: {}\n"
					"  prefix: 10.0.0.16/28\n"
					"  prefixRef:\n"
					"    name: root\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_stored_comes_back),
		cmocka_unit_test(test_foreign_records_are_checked),
		cmocka_unit_test(test_objects_are_shown_with_what_was_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
