/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ipam/document.h"
#include "tests/support/cmocka.h"

/* IEP-8's own example, byte for byte. */
static const char iep8[] = "apiVersion: networking.ironcore.dev/v1alpha1\n"
			   "kind: LoadBalancer\n"
			   "metadata:\n"
			   "  name: my-loadbalancer\n"
			   "spec:\n"
			   "  type: Internal\n"
			   "  networkRef:\n"
			   "    name: my-network\n"
			   "  ipFamilies: [IPv4, IPv6]\n"
			   "  ips:\n"
			   "  - ip: 10.0.0.1\n"
			   "  - ephemeral:\n"
			   "      prefixTemplate:\n"
			   "        spec:\n"
			   "          prefixRef:\n"
			   "            name: my-lb-prefix-v6\n"
			   "  networkInterfaceSelector:\n"
			   "    matchLabels:\n"
			   "      app: web\n"
			   "  ports:\n"
			   "  - protocol: TCP\n"
			   "    port: 8080\n"
			   "status:\n"
			   "  ips:\n"
			   "  - ip: \"10.0.0.1\"\n"
			   "  - ip: \"2607:f0d0:1002:51::4\"\n";

static void read_all(const char *manifest, const char *name_space, struct documents *documents)
{
	assert_int_equal(documents_read(manifest, strlen(manifest), name_space, documents), 0);
}

static void test_the_example_of_iep8_works_as_it_stands(void **state)
{
	auto_call(documents_deinit) struct documents documents = {};
	const struct lb_spec *lb;

	(void)state;
	read_all(iep8, NULL, &documents);
	assert_int_equal(documents.n_items, 1);
	assert_string_equal(documents.items[0].title, "loadbalancer/my-loadbalancer");
	assert_false(problems_any(&documents.items[0].problems));
	assert_string_equal(documents.items[0].object->meta.name_space, "default");
	lb = &documents.items[0].object->lb;
	assert_string_equal(lb->addressing.network, "my-network");
	assert_int_equal(lb->addressing.n_ips, 2);
	assert_int_equal(lb->addressing.ips[0].literal.family, FAMILY_IPV4);
	assert_int_equal(lb->addressing.ips[1].ephemeral->spec.family, FAMILY_IPV6);
	assert_int_equal(lb->addressing.ips[1].ephemeral->spec.length, 128);
	assert_string_equal(lb->addressing.ips[1].ephemeral->spec.parent, "my-lb-prefix-v6");
	assert_string_equal(labels_find(&lb->selector->match_labels, "app"), "web");
	assert_int_equal(lb->ports[0].last, 8080);
	assert_int_equal(lb->ports[0].target, 8080);
	assert_int_equal(lb->drain_s, 300);
}

/* The spelling of the API that ironcore shipped. */
static const char shipped[] = "apiVersion: networking.ironcore.dev/v1alpha1\n"
			      "kind: LoadBalancer\n"
			      "metadata: {name: my-loadbalancer}\n"
			      "spec:\n"
			      "  type: Internal\n"
			      "  networkRef: {name: my-network}\n"
			      "  ips:\n"
			      "  - value: 10.0.0.1\n"
			      "  - ephemeral: {prefixTemplate: {spec: {ipFamily: IPv6, parentRef: "
			      "{name: my-lb-prefix-v6}}}}\n"
			      "  networkInterfaceSelector: {matchLabels: {app: web}}\n"
			      "  ports: [{port: 8080}]\n";

static void test_the_other_spelling_means_the_same(void **state)
{
	auto_call(documents_deinit) struct documents a = {}, b = {};

	(void)state;
	read_all(iep8, NULL, &a);
	read_all(shipped, NULL, &b);
	assert_non_null(b.items[0].object);
	assert_true(document_is_same(a.items[0].object, b.items[0].object));
}

/* All errors of a document at once, with line, path, value and remedy; no other is held back. */
static void test_documents_are_read_by_themselves(void **state)
{
	static const char manifest[] = "apiVersion: networking.ironcore.dev/v1alpha1\n"
				       "kind: Network\n"
				       "metadata: {name: one}\n"
				       "---\n"
				       "apiVersion: networking.ironcore.dev/v1alpha1\n"
				       "kind: Network\n"
				       "metadata:\n"
				       "  name: A\n"
				       "  labels: {a: 1}\n"
				       "spec: {peerings: []}\n"
				       "--- [\n"
				       "---\n"
				       "kind: VirtualIP\n"
				       "---\n"
				       "apiVersion: v1\n"
				       "kind: Network\n"
				       "metadata: {name: last}\n";
	auto_call(documents_deinit) struct documents documents = {};
	auto_call(text_deinit) struct text text = {};

	(void)state;
	read_all(manifest, NULL, &documents);
	assert_int_equal(documents.n_items, 5);
	assert_non_null(documents.items[0].object);
	assert_string_equal(documents.items[1].title, "network/A");
	assert_null(documents.items[1].object);
	for (size_t i = 1; i < 5; i++)
		problems_format(&documents.items[i].problems, &text);
	assert_non_null(strstr(text.bytes, "metadata.name: Invalid value: \"A\": a lowercase"));
	assert_non_null(strstr(text.bytes,
			       "(line 8)\nmetadata.labels[a]: Invalid value: 1: must be "
			       "a string; quote it (line 9)\nspec.peerings: Forbidden: "));
	assert_int_equal(documents.items[2].problems.items[0].type, PROBLEM_SYNTAX);
	assert_string_equal(documents.items[2].title, "document 3");
	assert_non_null(strstr(text.bytes, "kind: Unsupported value: \"VirtualIP\": public"));
	assert_non_null(strstr(text.bytes, "apiVersion: Unsupported value: \"v1\": Network is of "
					   "\"networking.ironcore.dev/v1alpha1\" (line 15)"));
}

static void test_namespaces(void **state)
{
	static const char none[] = "apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\n"
				   "metadata: {name: a}\n";
	static const char other[] = "apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\n"
				    "metadata: {name: a, namespace: other}\n";
	auto_call(documents_deinit) struct documents a = {}, b = {}, c = {}, d = {};

	(void)state;
	read_all(none, NULL, &a);
	assert_string_equal(a.items[0].object->meta.name_space, "default");
	read_all(none, "tenant", &b);
	assert_string_equal(b.items[0].object->meta.name_space, "tenant");
	read_all(other, "other", &c);
	assert_string_equal(c.items[0].object->meta.name_space, "other");
	read_all(other, "tenant", &d);
	assert_string_equal(d.items[0].problems.items[0].path, "metadata.namespace");
	assert_int_equal(d.items[0].problems.items[0].line, 3);
}

#define NETWORK(name)                                                                \
	"{\"apiVersion\":\"networking.ironcore.dev/v1alpha1\",\"kind\":\"Network\"," \
	"\"metadata\":{\"name\":\"" name "\"}}"

static void test_lists(void **state)
{
	static const struct {
		const char *manifest;
		size_t n;
	} rows[] = {
		{"", 0},
		{"# nothing\n---\n", 0},
		{NETWORK("a"), 1},
		{"[" NETWORK("a") ",\n" NETWORK("b") "]", 2},
		{"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" NETWORK("a") "]}", 1},
		{"kind: List\napiVersion: v1\n", 0},
		{"- " NETWORK("a") "\n- " NETWORK("b") "\n--- " NETWORK("c"), 3},
		{"[]", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(documents_deinit) struct documents documents = {};

		read_all(rows[i].manifest, NULL, &documents);
		if (documents.n_items != rows[i].n)
			fail_msg("%s: %zu", rows[i].manifest, documents.n_items);
		for (size_t j = 0; j < documents.n_items; j++)
			assert_non_null(documents.items[j].object);
	}
}

static void test_not_objects(void **state)
{
	static const char *const rows[] = {"x",  "80",      "[1]",      "[[]]",       "[null]",
					   "{}", "kind: 1", "kind: []", "--- |\n x\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(documents_deinit) struct documents documents = {};

		read_all(rows[i], NULL, &documents);
		if (documents.n_items != 1 || !problems_any(&documents.items[0].problems))
			fail_msg("%s", rows[i]);
	}
}

static void read_annotated(size_t n, bool fits)
{
	auto_call(documents_deinit) struct documents documents = {};
	auto_call(text_deinit) struct text text = {};
	static const char head[] = "apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\n"
				   "metadata: {name: a, annotations: {a: ";

	text_add(&text, head);
	while (text.len < n - 3)
		text_add(&text, "x");
	text_add(&text, "}}\n");
	read_all(text.bytes, NULL, &documents);
	assert_int_equal(documents.n_items, 1);
	assert_int_equal(!documents.items[0].object, !fits);
}

static void test_limits(void **state)
{
	auto_call(documents_deinit) struct documents documents = {};
	auto_call(text_deinit) struct text text = {};

	(void)state;
	read_annotated(MANIFEST_DOCUMENT_MAX, true);
	read_annotated(MANIFEST_DOCUMENT_MAX + 2, false);
	for (int i = 0; i < MANIFEST_DOCUMENTS_MAX + 10; i++)
		text_add(&text, "--- " NETWORK("a") "\n");
	read_all(text.bytes, NULL, &documents);
	assert_int_equal(documents.n_items, MANIFEST_DOCUMENTS_MAX + 1);
	assert_non_null(documents.items[MANIFEST_DOCUMENTS_MAX - 1].object);
	assert_true(problems_any(&documents.items[MANIFEST_DOCUMENTS_MAX].problems));
}

/* What kubectl's users apply: what they have read. */
static void test_what_was_read_can_be_applied(void **state)
{
	static const char manifest[] = "apiVersion: networking.ironcore.dev/v1alpha1\n"
				       "kind: Network\n"
				       "metadata:\n"
				       "  name: a\n"
				       "  uid: 5d5b7b3e\n"
				       "  generation: 4\n"
				       "  resourceVersion: \"17\"\n"
				       "  creationTimestamp: \"2026-11-23T00:00:00Z\"\n"
				       "  managedFields: [{manager: kubectl, time: 1}]\n"
				       "  finalizers: [networking.ironcore.dev/network]\n"
				       "  ownerReferences: null\n"
				       "spec: {}\n"
				       "status: {state: Available}\n";
	auto_call(documents_deinit) struct documents documents = {};

	(void)state;
	read_all(manifest, NULL, &documents);
	assert_non_null(documents.items[0].object);
	assert_int_equal(documents.items[0].object->meta.resource_version, 17);
	assert_int_equal(documents.items[0].object->meta.generation, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_iep8_works_as_it_stands),
		cmocka_unit_test(test_the_other_spelling_means_the_same),
		cmocka_unit_test(test_documents_are_read_by_themselves),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_not_objects),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_what_was_read_can_be_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
