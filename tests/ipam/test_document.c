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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_of_iep8_works_as_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
