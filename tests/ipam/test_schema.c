/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "ipam/document.h"
#include "ipam/schema.h"
#include "tests/ipam/rows.h"
#include "tests/support/cmocka.h"

/* Every entry of the table has what its type needs; recursion covers what is inside. */
static void check_table(const struct field *fields)
{
	size_t n = 0;

	for (; fields->name; fields++, n++) {
		const struct field *field = fields;

		if (!field->doc || !*field->doc)
			fail_msg("%s is not documented", field->name);
		if ((field->type == FIELD_CHOICE || field->type == FIELD_CONSTANT) &&
		    !field->choices)
			fail_msg("%s has no choices", field->name);
		if (field->type == FIELD_NUMBER && (!field->size || !field->max))
			fail_msg("%s has no size or range", field->name);
		if (field->type == FIELD_NUMBER && field->size < 8 &&
		    field->max >> (8 * field->size))
			fail_msg("%s may be more than it can hold", field->name);
		if ((field->type == FIELD_LIST || field->type == FIELD_ARRAY) &&
		    (!field->item || !field->size || !field->max))
			fail_msg("%s has no item, size or limit", field->name);
		if ((field->type == FIELD_OBJECT || field->type == FIELD_OPTIONAL) &&
		    !field->fields)
			fail_msg("%s has no fields", field->name);
		if (schema_inside(field))
			check_table(schema_inside(field));
	}
	assert_true(n > 0 && n <= 64); /* a bit for each while reading */
}

static void test_the_tables_are_complete(void **state)
{
	(void)state;
	for (enum kind kind = 0; kind < KIND_N_KINDS; kind++) {
		check_table(schema_of(kind));
		assert_non_null(schema_kind_doc(kind));
	}
}

static void test_nearest_names(void **state)
{
	(void)state;
	assert_string_equal(schema_nearest(schema_lb_spec, "networkref"), "networkRef");
	assert_string_equal(schema_nearest(schema_lb_spec, "ipFamilys"), "ipFamilies");
	assert_string_equal(schema_nearest(schema_lb_spec, "port"), "ports");
	assert_null(schema_nearest(schema_lb_spec, "backends"));
	assert_null(schema_nearest(schema_lb_spec, ""));
}

static const struct {
	const char *path;
	int r;
	const char *says;
} explained[] = {
	{"loadbalancer", 0, "KIND:     LoadBalancer\nVERSION:  networking.ironcore.dev/v1alpha1\n"},
	{"lb.spec.ips", 0, "FIELD:    ips <[]Object>\n"},
	{"lb.spec.ips", 0, "  ip\t<string>\n"},
	{"lb.spec.ips[].value", 0, "`value`."},
	{"lb.spec.ports.protocol", 0, "Default: TCP. One of TCP, UDP, SCTP."},
	{"lb.spec.drainSeconds", 0, "Default: 300. 0 to 3600."},
	{"prefix.spec.parentRef.name", 0, "FIELD:    name <string>"},
	{"nic.spec.virtualIP", 0, "FIELD:    virtualIP <not served>"},
	{"loadbalancerrouting.destinations", 0, "  weight\t<integer>\n"},
	{"lb.spec.ipz", -ENOENT, "did you mean \"ips\"?"},
	{"lb.spec.xyzzy", -ENOENT, "there are: type, networkRef"},
	{"lb.metadata.name.x", -ENOENT, "has no fields"},
	{"service", -ENOENT, "there is no kind \"service\"; there are: network, "},
	{"", -ENOENT, "there is no kind"},
};

static void test_explain(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(explained) / sizeof(explained[0]); i++) {
		auto_call(text_deinit) struct text text = {};
		struct error err = {};
		int r = schema_explain(explained[i].path, &text, &err);

		if (r != explained[i].r || !strstr(r ? err.text : text.bytes, explained[i].says))
			fail_msg("%s: %d %s", explained[i].path, r, r ? err.text : text.bytes);
	}
}

static void test_all_is_documented(void **state)
{
	auto_call(text_deinit) struct text text = {};

	(void)state;
	schema_document(&text);
	assert_non_null(strstr(text.bytes, "| `spec.healthCheck.intervalSeconds` | integer |"));
	assert_non_null(strstr(text.bytes, "| `destinations[].targetRef.name` | string |"));
	assert_non_null(strstr(text.bytes, "`spec.ips[].ephemeral.prefixTemplate.spec.prefixRef`"));
}

static void test_wrong_types_are_told(void **state)
{
	static const char head[] = "apiVersion: networking.ironcore.dev/v1alpha1\n"
				   "kind: LoadBalancer\n";
	static const struct {
		const char *body, *says;
	} rows[] = {
		{"metadata: []", "metadata: Invalid value: []: must be a map (line 3)"},
		{"spec: x", "spec: Invalid value: \"x\": must be a map"},
		{"spec: {ips: {}}", "spec.ips: Invalid value: {}: must be a list"},
		{"spec: {ports: [80]}", "spec.ports[0]: Invalid value: 80: must be a map"},
		{"spec: {drainSeconds: '3'}",
		 "spec.drainSeconds: Invalid value: \"3\": must be a number, without quotes"},
		{"spec: {drainSeconds: 0x3}", "must be a whole decimal number between 0 and 3600"},
		{"metadata: {labels: {a: yes}}",
		 "metadata.labels[a]: Invalid value: yes: must be a string; quote it"},
		{"metadata: {labels: [a]}",
		 "metadata.labels: Invalid value: must be a map of strings"},
		{"spec: {networkRef: net}",
		 "spec.networkRef: Invalid value: \"net\": must be a map"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(text_deinit) struct text manifest = {};
		auto_free char *text = NULL;

		text_addf(&manifest, "%s%s", head, rows[i].body);
		text = complaints(manifest.bytes);
		if (!strstr(text, rows[i].says))
			fail_msg("%s: %s", rows[i].body, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_tables_are_complete),
		cmocka_unit_test(test_nearest_names),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_all_is_documented),
		cmocka_unit_test(test_wrong_types_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
