/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "ipam/rules.h"
#include "tests/ipam/rows.h"
#include "tests/support/cmocka.h"

/* Rules of LoadBalancer and LoadBalancerRouting. */

#define LB   "LoadBalancer"
#define NAME "metadata: {name: foo}\n"

/* A legal one but for `members` of its spec, given before its closing brace. */
#define SPEC(members) NAME "spec: {type: Internal, networkRef: {name: net}, " members "}"
#define IPS           "ips: [{ip: 10.0.0.1}], "
#define PORT          "ports: [{port: 80}], "
#define PORTS(ports)  SPEC(IPS "ports: [" ports "]")
#define MORE(members) SPEC(IPS PORT members)
#define EPHEMERAL(template) \
	SPEC(PORT "ipFamilies: [IPv4], ips: [{ephemeral: {prefixTemplate: " template "}}]")
#define TEMPLATE    "spec.ips[0].ephemeral.prefixTemplate"
#define SELECTOR(s) MORE("networkInterfaceSelector: " s)
#define AT_SELECTOR "spec.networkInterfaceSelector"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10

static const struct row rows[] = {
	{"LB-1", LB, "spec: {}", HAS, PROBLEM_REQUIRED, "metadata.name", NULL},
	{"LB-2", LB, NAME, HAS_NOT, PROBLEM_REQUIRED, "metadata.namespace",
	 "ironcore requires it; ours is default, IEP-8's example has none"},
	{"LB-3", LB, "metadata: {name: 'foo*'}", HAS, PROBLEM_INVALID, "metadata.name", NULL},
	{"LB-4", LB, NAME "spec: {type: Internal}", HAS, PROBLEM_REQUIRED, "spec.networkRef",
	 "ironcore: Invalid, at the empty name"},
	{"LB-4 name", LB, NAME "spec: {networkRef: {}}", HAS, PROBLEM_REQUIRED,
	 "spec.networkRef.name", NULL},
	{"LB-5", LB, NAME "spec: {networkRef: {name: 'foo*'}}", HAS, PROBLEM_INVALID,
	 "spec.networkRef.name", NULL},
	{"LB-6", LB, NAME "spec: {}", HAS, PROBLEM_REQUIRED, "spec.type", NULL},
	{"LB-7", LB, NAME "spec: {type: Public}", HAS_NOT, PROBLEM_REQUIRED, "spec.type", NULL},
	{"LB-7 ours", LB, NAME "spec: {type: Public}", HAS, PROBLEM_UNSUPPORTED, "spec.type",
	 "public load balancers are not served"},
	{"L3", LB, NAME "spec: {type: internal}", HAS, PROBLEM_UNSUPPORTED, "spec.type", NULL},
	{"LB-8", LB, NAME "spec: {type: Internal}", HAS_NOT, PROBLEM_REQUIRED, "spec.type", NULL},
	{"LB-9", LB, NAME "spec: {ipFamilies: [IPv4, IPv4]}", HAS, PROBLEM_DUPLICATE,
	 "spec.ipFamilies[1]", NULL},
	{"LB-10", LB, PORTS("{port: 1, endPort: 3}, {port: 2, endPort: 4}"), HAS, PROBLEM_FORBIDDEN,
	 "spec.ports[1]", NULL},
	{"LB-11", LB, PORTS("{port: 1, endPort: 3}, {protocol: UDP, port: 2, endPort: 4}"), CLEAN,
	 0, NULL, NULL},
	{"LB-15", LB, SPEC(PORT "ipFamilies: [], ips: []"), HAS, PROBLEM_REQUIRED,
	 "spec.ipFamilies", NULL},
	{"LB-17 64", LB, "metadata: {name: " A60 "aaaa}", HAS, PROBLEM_INVALID, "metadata.name",
	 NULL},
	{"LB-17 63", LB, "metadata: {name: " A60 "aaa}", HAS_NOT, PROBLEM_INVALID, "metadata.name",
	 NULL},
	{"LB-17 a.b", LB, "metadata: {name: a.b}", HAS, PROBLEM_INVALID, "metadata.name", NULL},
	{"LB-17 A", LB, "metadata: {name: A}", HAS, PROBLEM_INVALID, "metadata.name", NULL},
	{"LB-19", LB, SPEC(PORT "ips: [{}]"), HAS, PROBLEM_INVALID, "spec.ips[0]", NULL},
	{"L8", LB, SPEC(PORT "ips: [{ip: 10.0.0.1, ephemeral: {prefixTemplate: {}}}]"), HAS,
	 PROBLEM_INVALID, "spec.ips[0].ephemeral", NULL},
	{"L11", LB, SPEC(PORT "ips: [{ephemeral: {}}]"), HAS, PROBLEM_REQUIRED, TEMPLATE, NULL},
	{"LB-21", LB, SPEC(PORT "ipFamilies: [IPv6], ips: [{value: 10.0.0.1}]"), HAS,
	 PROBLEM_INVALID, "spec.ips[0].value", NULL},
	{"LB-21 ip", LB, SPEC(PORT "ipFamilies: [IPv6], ips: [{ip: 10.0.0.1}]"), HAS,
	 PROBLEM_INVALID, "spec.ips[0].ip", "the path is spelled as the document spells it"},
	{"LB-23", LB, SPEC(PORT IPS "ipFamilies: [IPv4, IPv6]"), CLEAN, 0, NULL, NULL},
	{"LB-25", LB, SPEC(PORT "ips: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]"), HAS, PROBLEM_DUPLICATE,
	 "spec.ipFamilies[1]", NULL},
	{"L9 positional", LB,
	 SPEC(PORT "ipFamilies: [IPv6, IPv4], ips: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]"), HAS,
	 PROBLEM_INVALID, "spec.ips[1].ip", NULL},
	{"L10", LB, SPEC(PORT "ipFamilies: [IPv4], ips: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]"), HAS,
	 PROBLEM_INVALID, "spec.ips[1].ip", NULL},
	{"families from ips", LB, SPEC(PORT "ips: [{ip: 'fd00::1'}]"), CLEAN, 0, NULL, NULL},
	{"LB-27", LB, EPHEMERAL("{spec: {parentRef: {name: p}}}"), CLEAN, 0, NULL, NULL},
	{"LB-29", LB, EPHEMERAL("{spec: {parentSelector: {matchLabels: {a: b}}}}"), CLEAN, 0, NULL,
	 NULL},
	{"LB-31", LB, EPHEMERAL("{spec: {prefix: 10.0.0.5/32}}"), CLEAN, 0, NULL, NULL},
	{"LB-33", LB, EPHEMERAL("{spec: {parentRef: {name: p}, prefixLength: 24}}"), HAS,
	 PROBLEM_FORBIDDEN, TEMPLATE ".spec.prefixLength", NULL},
	{"LB-33 root", LB, EPHEMERAL("{spec: {prefixLength: 24}}"), HAS, PROBLEM_INVALID,
	 TEMPLATE ".spec.prefixLength", NULL},
	{"LB-35", LB, EPHEMERAL("{}"), HAS, PROBLEM_REQUIRED, TEMPLATE ".spec.prefix", NULL},
	{"LB-35 length", LB, EPHEMERAL("{}"), HAS_NOT, PROBLEM_INVALID,
	 TEMPLATE ".spec.prefixLength", "ironcore complains of a length that nobody wrote"},
	{"LB-37", LB,
	 EPHEMERAL(
		 "{metadata: {labels: {a: b}, annotations: {c: d}}, spec: {prefixRef: {name: p}}}"),
	 CLEAN, 0, NULL, NULL},
	{"L12", LB, EPHEMERAL("{metadata: {name: x}}"), HAS, PROBLEM_FORBIDDEN,
	 TEMPLATE ".metadata.name", NULL},
	{"L12 null", LB,
	 EPHEMERAL("{metadata: {creationTimestamp: null}, spec: {prefixRef: {name: p}}}"), CLEAN, 0,
	 NULL, NULL},
	{"L14", LB, EPHEMERAL("{spec: {ipFamily: IPv6, prefixRef: {name: p}}}"), HAS,
	 PROBLEM_FORBIDDEN, TEMPLATE ".spec.ipFamily", NULL},
	{"L15", LB, EPHEMERAL("{spec: {prefix: 10.0.0.0/24, prefixRef: {name: p}}}"), HAS,
	 PROBLEM_FORBIDDEN, TEMPLATE ".spec.prefix", NULL},
	{"L16", LB, EPHEMERAL("{spec: {prefixLength: 128, prefixRef: {name: p}}}"), HAS,
	 PROBLEM_FORBIDDEN, TEMPLATE ".spec.prefixLength", NULL},
	{"LB-39", LB, SPEC(PORT "ipFamilies: [IPv4]"), HAS, PROBLEM_REQUIRED, "spec.ips",
	 "ironcore accepts it, and it never gets an address"},
	{"LB-40", LB, SPEC(IPS), HAS, PROBLEM_REQUIRED, "spec.ports",
	 "ironcore accepts it, and it is never programmed"},
	{"LB-41", LB, PORTS("{port: 80}, {port: 80, protocol: UDP}, {port: 80, protocol: SCTP}"),
	 CLEAN, 0, NULL, NULL},
	{"LB-42", LB, PORTS("{port: 80}, {port: 80}"), HAS, PROBLEM_FORBIDDEN, "spec.ports[1]",
	 NULL},
	{"LB-43", LB, PORTS("{port: 80, endPort: 90}, {port: 90, endPort: 100}"), HAS,
	 PROBLEM_FORBIDDEN, "spec.ports[1]", NULL},
	{"LB-44", LB, PORTS("{port: 80, endPort: 90}, {port: 91, endPort: 100}"), CLEAN, 0, NULL,
	 NULL},
	{"LB-46 0", LB, PORTS("{port: 0}"), HAS, PROBLEM_INVALID, "spec.ports[0].port",
	 "ironcore never looks at the first entry of a protocol"},
	{"LB-46 65536", LB, PORTS("{port: 65536}"), HAS, PROBLEM_INVALID, "spec.ports[0].port",
	 "as above"},
	{"LB-46 -1", LB, PORTS("{port: -1}"), HAS, PROBLEM_INVALID, "spec.ports[0].port",
	 "as above"},
	{"LB-47", LB, PORTS("{port: 1, protocol: ICMP}"), HAS, PROBLEM_UNSUPPORTED,
	 "spec.ports[0].protocol", "as above"},
	{"LB-48", LB, PORTS("{port: 10, endPort: 5}"), HAS, PROBLEM_FORBIDDEN,
	 "spec.ports[0].endPort", "as above"},
	{"LB-49", LB, PORTS("{port: 80}, {port: 0}"), HAS, PROBLEM_INVALID, "spec.ports[1].port",
	 NULL},
	{"LB-50", LB, PORTS("{port: 80}, {port: 10, endPort: 5}"), HAS, PROBLEM_FORBIDDEN,
	 "spec.ports[1].endPort", NULL},
	{"LB-51", LB, PORTS("{port: 10, endPort: 10}"), CLEAN, 0, NULL, NULL},
	{"LB-52", LB, PORTS("{port: 1, endPort: 65535}"), CLEAN, 0, NULL, NULL},
	{"LB-53", LB, PORTS("{port: 80, protocol: tcp}, {port: 81, protocol: tcp}"), HAS,
	 PROBLEM_UNSUPPORTED, "spec.ports[1].protocol", NULL},
	{"LB-54 nil", LB, MORE(""), CLEAN, 0, NULL, NULL},
	{"LB-54 {}", LB, SELECTOR("{}"), CLEAN, 0, NULL, NULL},
	{"LB-55 In", LB, SELECTOR("{matchExpressions: [{key: a, operator: In}]}"), HAS,
	 PROBLEM_REQUIRED, AT_SELECTOR ".matchExpressions[0].values", NULL},
	{"LB-55 Exists", LB,
	 SELECTOR("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}"), HAS,
	 PROBLEM_FORBIDDEN, AT_SELECTOR ".matchExpressions[0].values", NULL},
	{"LB-55 Foo", LB, SELECTOR("{matchExpressions: [{key: a, operator: Foo}]}"), HAS,
	 PROBLEM_UNSUPPORTED, AT_SELECTOR ".matchExpressions[0].operator",
	 "ironcore: Invalid; ours names the legal ones"},
	{"LB-55 key", LB, SELECTOR("{matchExpressions: [{key: -x, operator: Exists}]}"), HAS,
	 PROBLEM_INVALID, AT_SELECTOR ".matchExpressions[0].key", NULL},
	{"LB-55 value", LB, SELECTOR("{matchLabels: {x: -x}}"), HAS, PROBLEM_INVALID,
	 AT_SELECTOR ".matchLabels[x]", NULL},
	{"S1", LB,
	 SPEC(PORT "ipFamilies: [IPv4, IPv6], ips: [{ip: 10.0.0.1}, "
		   "{ephemeral: {prefixTemplate: {spec: {prefixRef: {name: p}}}}}]"),
	 CLEAN, 0, NULL, "the shipped API refuses the example of its own IEP"},

	/* ours alone */
	{"both spellings", LB, SPEC(PORT "ips: [{ip: 10.0.0.1, value: 10.0.0.1}]"), HAS,
	 PROBLEM_FORBIDDEN, "spec.ips[0].value", NULL},
	{"both parents", LB, EPHEMERAL("{spec: {prefixRef: {name: p}, parentRef: {name: p}}}"), HAS,
	 PROBLEM_FORBIDDEN, TEMPLATE ".spec.parentRef", NULL},
	{"three ips", LB, SPEC(PORT "ips: [{ip: 10.0.0.1}, {ip: 'fd00::1'}, {ip: 10.0.0.2}]"), HAS,
	 PROBLEM_TOO_MANY, "spec.ips", NULL},
	{"zone", LB, SPEC(PORT "ips: [{ip: 'fe80::1%eth0'}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"unspecified", LB, SPEC(PORT "ips: [{ip: 0.0.0.0}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"loopback", LB, SPEC(PORT "ips: [{ip: '::1'}]"), HAS, PROBLEM_INVALID, "spec.ips[0].ip",
	 NULL},
	{"multicast", LB, SPEC(PORT "ips: [{ip: 224.0.0.1}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"broadcast", LB, SPEC(PORT "ips: [{ip: 255.255.255.255}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"link-local", LB, SPEC(PORT "ips: [{ip: 169.254.1.1}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"mapped", LB, SPEC(PORT "ips: [{ip: '::ffff:10.0.0.1'}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"leading zero", LB, SPEC(PORT "ips: [{ip: 010.0.0.1}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"with length", LB, SPEC(PORT "ips: [{ip: 10.0.0.1/32}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0].ip", NULL},
	{"upper case", LB, SPEC(PORT "ips: [{ip: '2001:DB8::1'}]"), CLEAN, 0, NULL, NULL},
	{"ephemeral multicast", LB, EPHEMERAL("{spec: {prefix: 224.0.0.1/32}}"), HAS,
	 PROBLEM_INVALID, TEMPLATE ".spec.prefix", NULL},
	{"targetPort", LB, PORTS("{port: 80, targetPort: 8080}"), CLEAN, 0, NULL, NULL},
	{"targetPort of a range", LB, PORTS("{port: 80, endPort: 81, targetPort: 8080}"), HAS,
	 PROBLEM_FORBIDDEN, "spec.ports[0].targetPort", NULL},
	{"port missing", LB, PORTS("{protocol: TCP}"), HAS, PROBLEM_REQUIRED, "spec.ports[0].port",
	 NULL},
	{"port quoted", LB, PORTS("{port: '80'}"), HAS, PROBLEM_INVALID, "spec.ports[0].port",
	 NULL},
	{"port octal", LB, PORTS("{port: 0080}"), HAS, PROBLEM_INVALID, "spec.ports[0].port", NULL},
	{"affinity", LB, MORE("sessionAffinity: ClientIP"), CLEAN, 0, NULL, NULL},
	{"affinity unknown", LB, MORE("sessionAffinity: Cookie"), HAS, PROBLEM_UNSUPPORTED,
	 "spec.sessionAffinity", NULL},
	{"check", LB, MORE("healthCheck: {}"), CLEAN, 0, NULL, NULL},
	{"check http", LB, MORE("healthCheck: {protocol: HTTP, path: /ready?x=1}"), CLEAN, 0, NULL,
	 NULL},
	{"check path of tcp", LB, MORE("healthCheck: {path: /}"), HAS, PROBLEM_FORBIDDEN,
	 "spec.healthCheck.path", NULL},
	{"check path with a line", LB, MORE("healthCheck: {protocol: HTTP, path: \"/\\r\\nX: y\"}"),
	 HAS, PROBLEM_INVALID, "spec.healthCheck.path", NULL},
	{"check relative path", LB, MORE("healthCheck: {protocol: HTTP, path: ready}"), HAS,
	 PROBLEM_INVALID, "spec.healthCheck.path", NULL},
	{"check interval 0", LB, MORE("healthCheck: {intervalSeconds: 0}"), HAS, PROBLEM_INVALID,
	 "spec.healthCheck.intervalSeconds", NULL},
	{"check interval 301", LB, MORE("healthCheck: {intervalSeconds: 301}"), HAS,
	 PROBLEM_INVALID, "spec.healthCheck.intervalSeconds", NULL},
	{"check interval 300", LB, MORE("healthCheck: {intervalSeconds: 300, timeoutSeconds: 60}"),
	 CLEAN, 0, NULL, NULL},
	{"check timeout 61", LB, MORE("healthCheck: {intervalSeconds: 300, timeoutSeconds: 61}"),
	 HAS, PROBLEM_INVALID, "spec.healthCheck.timeoutSeconds", NULL},
	{"check timeout = interval", LB,
	 MORE("healthCheck: {intervalSeconds: 3, timeoutSeconds: 3}"), HAS, PROBLEM_INVALID,
	 "spec.healthCheck.timeoutSeconds", NULL},
	{"check threshold", LB, MORE("healthCheck: {unhealthyThreshold: 11}"), HAS, PROBLEM_INVALID,
	 "spec.healthCheck.unhealthyThreshold", NULL},
	{"drain 3600", LB, MORE("drainSeconds: 3600"), CLEAN, 0, NULL, NULL},
	{"drain 3601", LB, MORE("drainSeconds: 3601"), HAS, PROBLEM_INVALID, "spec.drainSeconds",
	 NULL},
	{"drain 0", LB, MORE("drainSeconds: 0"), CLEAN, 0, NULL, NULL},
	{"fail open", LB, MORE("whenAllUnhealthy: FailOpen"), CLEAN, 0, NULL, NULL},
	{"sources", LB, MORE("sourceRanges: [10.0.0.0/8, 'fd00::/8', 0.0.0.0/0]"), CLEAN, 0, NULL,
	 NULL},
	{"source with host bits", LB, MORE("sourceRanges: [10.0.0.1/8]"), HAS, PROBLEM_INVALID,
	 "spec.sourceRanges[0]", NULL},
	{"source twice", LB, MORE("sourceRanges: [10.0.0.0/8, 10.0.0.0/8]"), HAS, PROBLEM_DUPLICATE,
	 "spec.sourceRanges[1]", NULL},
	{"unknown", LB, MORE("backends: []"), HAS, PROBLEM_UNKNOWN, "spec.backends", NULL},
	{"unknown in a list", LB, PORTS("{port: 80, nodePort: 1}"), HAS, PROBLEM_UNKNOWN,
	 "spec.ports[0].nodePort", NULL},
	{"status is ignored", LB, MORE("") "\nstatus: {whatever: [1, {}]}", CLEAN, 0, NULL, NULL},
	{"labels are strings", LB, "metadata: {name: a, labels: {b: 1}}", HAS, PROBLEM_INVALID,
	 "metadata.labels[b]", NULL},
	{"label key", LB, "metadata: {name: a, labels: {-b: x}}", HAS, PROBLEM_INVALID,
	 "metadata.labels", NULL},
	{"namespace", LB, "metadata: {name: a, namespace: a.b}", HAS, PROBLEM_INVALID,
	 "metadata.namespace", NULL},
	{"generateName", LB, "metadata: {generateName: a}", HAS, PROBLEM_FORBIDDEN,
	 "metadata.generateName", NULL},
	{"version", LB, "metadata: {name: a, resourceVersion: x}", HAS, PROBLEM_INVALID,
	 "metadata.resourceVersion", NULL},

	/* 6.2 */
	{"6.2 empty", "LoadBalancerRouting", "destinations: []", HAS, PROBLEM_REQUIRED,
	 "metadata.name", NULL},
	{"6.2 namespace", "LoadBalancerRouting", NAME, HAS_NOT, PROBLEM_REQUIRED,
	 "metadata.namespace", "as LB-2"},
	{"6.2 name", "LoadBalancerRouting", "metadata: {name: 'foo*'}", HAS, PROBLEM_INVALID,
	 "metadata.name", NULL},
	{"6.2 ip", "LoadBalancerRouting", NAME "destinations: [{}]", HAS, PROBLEM_REQUIRED,
	 "destinations[0].ip", "ironcore: Invalid, of the zero address"},
	{"6.2 ip 2", "LoadBalancerRouting", NAME "destinations: [{ip: x}]", HAS, PROBLEM_INVALID,
	 "destinations[0].ip", NULL},
	{"6.2 target", "LoadBalancerRouting", NAME "destinations: [{targetRef: {name: 'foo*'}}]",
	 HAS, PROBLEM_INVALID, "destinations[0].targetRef.name", NULL},
	{"routing", "LoadBalancerRouting",
	 NAME "networkRef: {name: net, uid: x}\n"
	      "destinations: [{ip: 10.0.0.1, weight: 256, targetRef: {name: a, uid: b, "
	      "providerID: c}}, {ip: 10.0.0.1}]",
	 CLEAN, 0, NULL, NULL},
	{"routing without network", "LoadBalancerRouting", NAME, HAS, PROBLEM_REQUIRED,
	 "networkRef", "ironcore does not look"},
	{"routing weight", "LoadBalancerRouting",
	 NAME "destinations: [{ip: 10.0.0.1, weight: 257}]", HAS, PROBLEM_INVALID,
	 "destinations[0].weight", NULL},
	{"routing multicast", "LoadBalancerRouting", NAME "destinations: [{ip: 224.0.0.1}]", HAS,
	 PROBLEM_INVALID, "destinations[0].ip", NULL},
	{"routing spec", "LoadBalancerRouting", NAME "spec: {}", HAS, PROBLEM_UNKNOWN, "spec",
	 NULL},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

/* LB-45: an error for each earlier entry that is in the way. */
static void test_each_overlap_is_told(void **state)
{
	auto_free char *text = complaints(
		"apiVersion: networking.ironcore.dev/v1alpha1\nkind: LoadBalancer\n" PORTS(
			"{port: 1, endPort: 9}, {port: 2, endPort: 9}, {port: 3, endPort: 9}"));
	const char *first = strstr(text, "spec.ports[1]: "), *second, *third;

	(void)state;
	assert_non_null(first);
	assert_null(strstr(first + 1, "spec.ports[1]: "));
	second = strstr(text, "spec.ports[2]: ");
	assert_non_null(second);
	third = strstr(second + 1, "spec.ports[2]: ");
	assert_non_null(third);
	assert_null(strstr(third + 1, "spec.ports[2]: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_each_overlap_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
