/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "ipam/order.h"
#include "tests/support/cmocka.h"

#define NET        "apiVersion: networking.ironcore.dev/v1alpha1\n"
#define IPAM       "apiVersion: ipam.ironcore.dev/v1alpha1\n"
#define META(n)    "metadata: {name: " n "}\n"
#define NETWORK(n) NET "kind: Network\n" META(n)
#define ROOT(n)    IPAM "kind: Prefix\n" META(n) "spec: {prefix: 10.0.0.0/8}\n"
#define EXACT(n, parent) \
	IPAM "kind: Prefix\n" META(n) "spec: {prefix: 10.1.0.0/16, prefixRef: {name: " parent "}}\n"
#define ANY(n, parent)                                                                       \
	IPAM "kind: Prefix\n" META(n) "spec: {ipFamily: IPv4, prefixLength: 24, prefixRef: " \
				      "{name: " parent "}}\n"
#define LB_WITH(n, ip)                                                                            \
	NET "kind: LoadBalancer\n" META(n) "spec:\n  type: Internal\n  networkRef: {name: net}\n" \
					   "  ipFamilies: [IPv4]\n  ips: [" ip "]\n"              \
					   "  networkInterfaceSelector: {}\n"                     \
					   "  ports: [{port: 80}]\n"
#define LITERAL(n)   LB_WITH(n, "{ip: 10.0.0.1}")
#define EPHEMERAL(n) LB_WITH(n, "{ephemeral: {prefixTemplate: {spec: {prefixRef: {name: root}}}}}")

static void expect_order(const char *manifest, const char *expected)
{
	struct documents documents = {};
	auto_free size_t *order = NULL;
	struct text text = {};

	assert_int_equal(documents_read(manifest, strlen(manifest), "default", &documents), 0);
	assert_int_equal(order_documents(&documents, &order), 0);
	for (size_t i = 0; i < documents.n_items; i++) {
		const struct document *document = &documents.items[order[i]];

		if (!document->object) {
			problems_format(&document->problems, &text);
			fail_msg("%s", text.bytes);
		}
		text_addf(&text, "%s%s", i ? " " : "", document->object->meta.name);
	}
	assert_string_equal(text.bytes ? text.bytes : "", expected);
	text_deinit(&text);
	documents_deinit(&documents);
}

static void test_what_is_referred_to_comes_first(void **state)
{
	(void)state;
	expect_order(LITERAL("l") "---\n" ANY("b", "a") "---\n" ROOT("root") "---\n" NETWORK(
			     "net") "---\n" EXACT("a", "root"),
		     "net root a b l");
}

static void test_certain_addresses_before_any(void **state)
{
	(void)state;
	expect_order(EPHEMERAL("e") "---\n" LITERAL("l") "---\n" ANY("c", "root") "---\n" EXACT(
			     "d", "root") "---\n" ROOT("root"),
		     "root d c l e");
}

static void test_equals_stay_as_they_stand(void **state)
{
	(void)state;
	expect_order(NETWORK("c") "---\n" NETWORK("a") "---\n" NETWORK("b"), "c a b");
}

static void test_parents_in_a_circle_end(void **state)
{
	(void)state;
	expect_order(ANY("a", "b") "---\n" ANY("b", "a"), "a b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_referred_to_comes_first),
		cmocka_unit_test(test_certain_addresses_before_any),
		cmocka_unit_test(test_equals_stay_as_they_stand),
		cmocka_unit_test(test_parents_in_a_circle_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
