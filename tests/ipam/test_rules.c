/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "ipam/rules.h"
#include "messages/subjects.h"
#include "tests/ipam/rows.h"
#include "tests/support/cmocka.h"

/* Rules of the other kinds, and the formats of names. LoadBalancers are in test_rules_lb.c. */

#define NIC  "NetworkInterface"
#define PF   "Prefix"
#define NET  "Network"
#define NAME "metadata: {name: foo}\n"

#define NICSPEC(members) NAME "spec: {networkRef: {name: net}, " members "}"
#define NICTEMPLATE(template) \
	NICSPEC("ipFamilies: [IPv4], ips: [{ephemeral: {prefixTemplate: " template "}}]")
#define TEMPLATE "spec.ips[0].ephemeral.prefixTemplate"
#define V4       "ipFamilies: [IPv4], ips: [{ip: 10.0.0.1}], "

_Static_assert(SUBJECT_TOKEN_MAX == 255, "TOKEN_MAX of ipam/rules_meta.c");

#define A10  "aaaaaaaaaa"
#define A50  A10 A10 A10 A10 A10
#define A60  A50 A10
#define A240 A60 A60 A60 A60

static const struct row rows[] = {
	{"NI-1", NIC, "spec: {}", HAS, PROBLEM_REQUIRED, "metadata.name", NULL},
	{"NI-2", NIC, NAME, HAS_NOT, PROBLEM_REQUIRED, "metadata.namespace",
	 "ironcore requires it; ours is default"},
	{"NI-3", NIC, "metadata: {name: 'foo*'}", HAS, PROBLEM_INVALID, "metadata.name", NULL},
	{"NI-4", NIC, NAME "spec: {}", HAS, PROBLEM_REQUIRED, "spec.networkRef", NULL},
	{"NI-5", NIC, NAME "spec: {networkRef: {name: 'foo*'}}", HAS, PROBLEM_INVALID,
	 "spec.networkRef.name", NULL},
	{"NI-6", NIC, NAME "spec: {machineRef: {name: 'foo*'}}", HAS, PROBLEM_INVALID,
	 "spec.machineRef.name", NULL},
	{"NI-7", NIC, NAME "spec: {}", HAS, PROBLEM_REQUIRED, "spec.ipFamilies", NULL},
	{"NI-8", NIC, NAME "spec: {ipFamilies: [foo]}", HAS, PROBLEM_UNSUPPORTED,
	 "spec.ipFamilies[0]", NULL},
	{"L5", NIC, NAME "spec: {ipFamilies: ['']}", HAS, PROBLEM_REQUIRED, "spec.ipFamilies[0]",
	 NULL},
	{"NI-9", NIC, NAME "spec: {ipFamilies: [IPv4, IPv4]}", HAS, PROBLEM_DUPLICATE,
	 "spec.ipFamilies[1]", NULL},
	{"NI-10", NIC, NICTEMPLATE("{metadata: {name: x}}"), HAS, PROBLEM_FORBIDDEN,
	 TEMPLATE ".metadata.name", NULL},
	{"NI-11", NIC, NICTEMPLATE("{metadata: {namespace: x}}"), HAS, PROBLEM_FORBIDDEN,
	 TEMPLATE ".metadata.namespace", NULL},
	{"NI-12", NIC, NICTEMPLATE("{spec: {ipFamily: IPv6}}"), HAS, PROBLEM_FORBIDDEN,
	 TEMPLATE ".spec.ipFamily", NULL},
	{"NI-13", NIC, NICTEMPLATE("{spec: {prefixLength: 24, prefixRef: {name: p}}}"), HAS,
	 PROBLEM_FORBIDDEN, TEMPLATE ".spec.prefixLength", NULL},
	{"NI-14", NIC, NICSPEC(V4 "virtualIP: {virtualIPRef: {name: 'foo*'}}"), HAS,
	 PROBLEM_FORBIDDEN, "spec.virtualIP",
	 "refused as a whole: public addresses are not served"},
	{"NI-15", NIC, NICSPEC(V4 "virtualIP: {ephemeral: {}}"), HAS, PROBLEM_FORBIDDEN,
	 "spec.virtualIP", "as above"},
	{"NI-16", NIC, NICSPEC(V4 "virtualIP: {ephemeral: {}, virtualIPRef: {name: a}}"), HAS,
	 PROBLEM_FORBIDDEN, "spec.virtualIP", "as above"},
	{"NI-23 count", NIC, NICSPEC("ipFamilies: [IPv4], ips: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]"),
	 HAS, PROBLEM_INVALID, "spec.ips", NULL},
	{"NI-23 family", NIC,
	 NICSPEC("ipFamilies: [IPv4], ips: [{ip: 10.0.0.1}, {value: 'fd00::1'}]"), HAS,
	 PROBLEM_INVALID, "spec.ips[1].value", NULL},
	{"NI-25", NIC, NICSPEC("ipFamilies: [IPv4], ips: [{}]"), HAS, PROBLEM_INVALID,
	 "spec.ips[0]", NULL},
	{"NI-27", NIC, NICSPEC(V4 "prefixes: [{}]"), HAS, PROBLEM_FORBIDDEN, "spec.prefixes",
	 "refused as a whole: only addresses take part"},
	{"NI-29", NIC,
	 NICSPEC(V4 "prefixes: [{ephemeral: {prefixTemplate: {spec: {ipFamily: IPv4, "
		    "prefixLength: 28, parentRef: {name: p}}}}}]"),
	 HAS, PROBLEM_FORBIDDEN, "spec.prefixes", "as above"},
	{"NI-31", NIC, NICSPEC(V4 "attributes: {a: b}"), HAS, PROBLEM_FORBIDDEN, "spec.attributes",
	 "refused, where ironcore forbids to change them"},
	{"NI-33", NIC,
	 "metadata: {name: " A240 A10 "aaa}\nspec: {networkRef: {name: net}, ipFamilies: [IPv4], "
	 "ips: [{ephemeral: {prefixTemplate: {spec: {prefixRef: {name: p}}}}}]}",
	 CLEAN, 0, NULL, "no Prefix object is made whose name could be too long"},
	{"nic", NIC,
	 NICSPEC(V4 "nodeRef: {name: node-1.example}, machineRef: {name: m}, providerID: x"), CLEAN,
	 0, NULL, NULL},
	{"nic node", NIC, NICSPEC(V4 "nodeRef: {name: 'a*'}"), HAS, PROBLEM_INVALID,
	 "spec.nodeRef.name", NULL},
	{"nic families of ips", NIC, NICSPEC("ips: [{ip: 'fd00::1'}, {ip: 10.0.0.1}]"), CLEAN, 0,
	 NULL, NULL},
	{"nic without ips", NIC, NICSPEC("ipFamilies: [IPv4]"), HAS, PROBLEM_INVALID, "spec.ips",
	 NULL},
	{"weight", NIC, "metadata: {name: a, annotations: {ilb/weight: '256'}}", HAS_NOT,
	 PROBLEM_INVALID, "metadata.annotations[ilb/weight]", NULL},
	{"weight 257", NIC, "metadata: {name: a, annotations: {ilb/weight: '257'}}", HAS,
	 PROBLEM_INVALID, "metadata.annotations[ilb/weight]", NULL},
	{"weight -1", NIC, "metadata: {name: a, annotations: {ilb/weight: '-1'}}", HAS,
	 PROBLEM_INVALID, "metadata.annotations[ilb/weight]", NULL},

	{"PF-1", PF, "spec: {}", HAS, PROBLEM_REQUIRED, "metadata.name", NULL},
	{"PF-2", PF, NAME, HAS_NOT, PROBLEM_REQUIRED, "metadata.namespace",
	 "ironcore requires it; ours is default"},
	{"PF-3", PF, "metadata: {name: 'foo*'}", HAS, PROBLEM_INVALID, "metadata.name", NULL},
	{"PF-4", PF, NAME, HAS, PROBLEM_REQUIRED, "spec.ipFamily", NULL},
	{"PF-5", PF, NAME "spec: {ipFamily: invalid}", HAS, PROBLEM_UNSUPPORTED, "spec.ipFamily",
	 NULL},
	{"PF-6", PF, NAME "spec: {prefix: ''}", HAS, PROBLEM_INVALID, "spec.prefix", NULL},
	{"PF-7", PF, NAME "spec: {ipFamily: IPv4, prefix: 'beef::/64'}", HAS, PROBLEM_INVALID,
	 "spec.prefix", NULL},
	{"PF-8", PF, NAME "spec: {ipFamily: IPv6, prefix: 10.0.0.0/8}", HAS, PROBLEM_INVALID,
	 "spec.prefix", NULL},
	{"PF-9", PF, NAME "spec: {prefixLength: -10}", HAS, PROBLEM_INVALID, "spec.prefixLength",
	 NULL},
	{"PF-10", PF, NAME "spec: {ipFamily: IPv4, prefixLength: 40}", HAS, PROBLEM_INVALID,
	 "spec.prefixLength", NULL},
	{"PF-11", PF, NAME "spec: {ipFamily: IPv6, prefixLength: 140}", HAS, PROBLEM_INVALID,
	 "spec.prefixLength", NULL},
	{"PF-12", PF, NAME "spec: {ipFamily: IPv4, prefixLength: 8}", HAS, PROBLEM_INVALID,
	 "spec.prefixLength", NULL},
	{"PF-13", PF, NAME "spec: {ipFamily: IPv4}", HAS, PROBLEM_REQUIRED, "spec.prefix", NULL},
	{"PF-14", PF, NAME "spec: {parentRef: {}}", HAS, PROBLEM_REQUIRED, "spec.parentRef.name",
	 NULL},
	{"PF-14 ours", PF, NAME "spec: {prefixRef: {}}", HAS, PROBLEM_REQUIRED,
	 "spec.prefixRef.name", NULL},
	{"PF-15", PF, NAME "spec: {parentRef: {name: 'foo*'}}", HAS, PROBLEM_INVALID,
	 "spec.parentRef.name", NULL},
	{"PF-16", PF, NAME "spec: {prefix: 10.0.0.0/8, prefixLength: 16}", HAS, PROBLEM_INVALID,
	 "spec.prefixLength", NULL},
	{"PF-17", PF, NAME "spec: {ipFamily: IPv4, parentRef: {name: p}}", HAS, PROBLEM_INVALID,
	 "spec", NULL},
	{"PF-18", PF,
	 "metadata: {name: foo, namespace: default}\nspec: {ipFamily: IPv4, prefix: 10.0.0.0/8}",
	 CLEAN, 0, NULL, NULL},
	{"PF-18 family of prefix", PF, NAME "spec: {prefix: 10.0.0.0/8}", CLEAN, 0, NULL, NULL},
	{"PF-19", PF, NAME "spec: {ipFamily: IPv4, parentRef: {name: p}, prefixLength: 24}", CLEAN,
	 0, NULL, NULL},
	{"PF-41", PF, NAME "spec: {prefix: 10.0.0.0/24, prefixLength: 25, parentRef: {name: p}}",
	 HAS, PROBLEM_INVALID, "spec.prefixLength", NULL},
	{"P6 agree", PF, NAME "spec: {prefix: 10.0.0.0/24, prefixLength: 24, parentRef: {name: p}}",
	 CLEAN, 0, NULL, NULL},
	{"PF-43", PF, NAME "spec: {ipFamily: IPv4, prefixLength: 24, parentSelector: {}}", CLEAN, 0,
	 NULL, NULL},
	{"PF-43 ref and selector", PF,
	 NAME "spec: {ipFamily: IPv4, prefixLength: 24, parentSelector: {}, parentRef: {name: p}}",
	 CLEAN, 0, NULL, NULL},
	{"PF-45 32", PF, NAME "spec: {ipFamily: IPv4, prefixLength: 32, parentRef: {name: p}}",
	 CLEAN, 0, NULL, NULL},
	{"PF-45 128", PF, NAME "spec: {ipFamily: IPv6, prefixLength: 128, parentRef: {name: p}}",
	 CLEAN, 0, NULL, NULL},
	{"PF-47", PF, NAME "spec: {prefixLength: 24, parentRef: {name: p}}", HAS, PROBLEM_REQUIRED,
	 "spec.ipFamily", NULL},
	{"P9", PF,
	 NAME "spec: {ipFamily: IPv4, prefixLength: 24, parentSelector: {matchLabels: {-a: b}}}",
	 HAS, PROBLEM_INVALID, "spec.parentSelector.matchLabels", NULL},
	{"V21", PF, NAME "spec: {prefix: 10.0.0.1/24}", HAS, PROBLEM_INVALID, "spec.prefix",
	 "ironcore keeps host bits, and allocates as if they were none"},
	{"/0", PF, NAME "spec: {prefix: 0.0.0.0/0}", CLEAN, 0, NULL, NULL},
	{"/33", PF, NAME "spec: {prefix: 10.0.0.0/33}", HAS, PROBLEM_INVALID, "spec.prefix", NULL},
	{"/129", PF, NAME "spec: {prefix: '::/129'}", HAS, PROBLEM_INVALID, "spec.prefix", NULL},
	{"/-1", PF, NAME "spec: {prefix: 10.0.0.0/-1}", HAS, PROBLEM_INVALID, "spec.prefix", NULL},
	{"/08", PF, NAME "spec: {prefix: 10.0.0.0/08}", HAS, PROBLEM_INVALID, "spec.prefix", NULL},
	{"/+8", PF, NAME "spec: {prefix: 10.0.0.0/+8}", HAS, PROBLEM_INVALID, "spec.prefix", NULL},
	{"no slash", PF, NAME "spec: {prefix: 10.0.0.0}", HAS, PROBLEM_INVALID, "spec.prefix",
	 NULL},

	/* What of PrefixAllocation is a child Prefix here. */
	{"PA-6", PF, NAME "spec: {ipFamily: IPv4, prefixLength: -8, prefixRef: {name: p}}", HAS,
	 PROBLEM_INVALID, "spec.prefixLength", NULL},
	{"PA-8", PF, NAME "spec: {ipFamily: IPv4, prefixLength: 40, prefixRef: {name: p}}", HAS,
	 PROBLEM_INVALID, "spec.prefixLength", NULL},
	{"PA-9", PF, NAME "spec: {ipFamily: IPv6, prefixLength: 140, prefixRef: {name: p}}", HAS,
	 PROBLEM_INVALID, "spec.prefixLength", NULL},
	{"PA-10", PF, NAME "spec: {ipFamily: IPv4, prefixRef: {name: p}}", HAS, PROBLEM_INVALID,
	 "spec", NULL},
	{"PA-11", PF, NAME "spec: {prefix: 10.0.0.0/24, prefixLength: 28, prefixRef: {name: p}}",
	 HAS, PROBLEM_INVALID, "spec.prefixLength", "of a Prefix both are legal when they agree"},
	{"PA-13", PF, NAME "spec: {prefixRef: {}}", HAS, PROBLEM_REQUIRED, "spec.prefixRef.name",
	 NULL},
	{"PA-14", PF, NAME "spec: {prefixRef: {name: 'foo*'}}", HAS, PROBLEM_INVALID,
	 "spec.prefixRef.name", NULL},
	{"PA-15", PF, NAME "spec: {ipFamily: IPv4, prefixLength: 24, prefixRef: {name: p}}", CLEAN,
	 0, NULL, NULL},
	{"PA kind", "PrefixAllocation", NAME, HAS, PROBLEM_UNSUPPORTED, "kind",
	 "an allocation is part of the object that holds it"},

	/* 6.7 */
	{"6.7 VirtualIP", "VirtualIP", NAME, HAS, PROBLEM_UNSUPPORTED, "kind",
	 "a non-goal of IEP-8: all of its cases are this one"},
	{"6.7 network empty", NET, "spec: {}", HAS, PROBLEM_REQUIRED, "metadata.name", NULL},
	{"6.7 network namespace", NET, NAME, HAS_NOT, PROBLEM_REQUIRED, "metadata.namespace",
	 "ironcore requires it; ours is default"},
	{"6.7 network name", NET, "metadata: {name: 'foo*'}", HAS, PROBLEM_INVALID, "metadata.name",
	 NULL},
	{"6.7 peering", NET, NAME "spec: {peerings: [{name: a, networkRef: {name: foo}}]}", HAS,
	 PROBLEM_FORBIDDEN, "spec.peerings",
	 "peering is not served: all of its cases are this one"},
	{"6.7 claim", NET, NAME "spec: {incomingPeerings: [{name: foo}]}", HAS, PROBLEM_FORBIDDEN,
	 "spec.incomingPeerings", "as above"},
	{"network", NET, NAME, CLEAN, 0, NULL, NULL},
	{"network provider", NET, NAME "spec: {providerID: x}", CLEAN, 0, NULL, NULL},
	{"network token", NET, "metadata: {namespace: abc, name: " A240 A10 "a}", CLEAN, 0, NULL,
	 NULL},
	{"network token long", NET, "metadata: {namespace: abc, name: " A240 A10 "aa}", HAS,
	 PROBLEM_INVALID, "metadata.name", NULL},
	{"reference token long", NIC,
	 "metadata: {namespace: abc, name: a}\nspec: {networkRef: {name: " A240 A10 "aa}}", HAS,
	 PROBLEM_INVALID, "spec.networkRef.name", NULL},
	{"unknown kind", "Service", NAME, HAS, PROBLEM_UNSUPPORTED, "kind", NULL},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

/* Ends an array of names, since "" is one. */
#define END ((const char *)0)

typedef const char *format_fn(const char *name);

static void check_names(format_fn *why, const char *const names[], bool good)
{
	for (; *names; names++) {
		if (!why(*names) != good)
			fail_msg("'%s': %s", *names, why(*names) ? why(*names) : "is good");
	}
}

/* 6.8 */
static void test_dns_names(void **state)
{
	static const char *const good[] = {
		"a",  "ab",  "abc", "a1",  "a-1",        "a--1--2--b", "0",
		"01", "012", "1a",  "1-a", "1--a--b--2", A60 "aaa",    END,
	};
	static const char *const bad[] = {
		"",   "A",  "ABC", "aBc", "A1", "A-1", "1-A", "-",   "a-",  "-a",
		"1-", "-1", "_",   "a_",  "_a", "a_b", "1_",  "_1",  "1_2", ".",
		"a.", ".a", "1.",  ".1",  " ",  "a ",  " a",  "a b", END,
	};
	static const char *const dotted[] = {"a.b", "1.2", A60 "aaaa", END};
	static const char *const subdomains[] = {"a.a",       "a.1",          "0.a",
						 "1.2.3.4.5", A240 A10 "aaa", END};
	static const char *const not_subdomains[] = {"a..b", "A.a", "a@b",           "a,b",
						     "a;b",  "a:b", A240 A10 "aaaa", END};

	(void)state;
	check_names(why_not_dns_label, good, true);
	check_names(why_not_dns_label, bad, false);
	check_names(why_not_dns_label, dotted, false);
	check_names(why_not_dns_subdomain, good, true);
	check_names(why_not_dns_subdomain, bad, false);
	check_names(why_not_dns_subdomain, subdomains, true);
	check_names(why_not_dns_subdomain, not_subdomains, false);
}

static void test_label_values(void **state)
{
	static const char *const good[] = {"simple",
					   "now-with-dashes",
					   "1-starts-with-num",
					   "end-with-num-1",
					   "1234",
					   "",
					   A60 "aaa",
					   END};
	static const char *const bad[] = {"nospecialchars%^=@",
					  "Tama-nui-te-r\xc4\x81.is.M\xc4\x81ori",
					  "\\backslashes\\are\\bad",
					  "-starts-with-dash",
					  "ends-with-dash-",
					  ".starts.with.dot",
					  "ends.with.dot.",
					  A60 "aaaa",
					  END};

	(void)state;
	check_names(why_not_label_value, good, true);
	check_names(why_not_label_value, bad, false);
}

static void test_label_keys(void **state)
{
	static const char *const good[] = {"simple",
					   "1234",
					   "simple/simple",
					   "now.with.dots/simple",
					   "Uppercase_Is_OK_123",
					   "example.com/Uppercase_Is_OK_123",
					   A240 A10 "aaa/" A60 "bbb",
					   END};
	static const char *const bad[] = {"nospecialchars%^=@",
					  "cantendwithadash-",
					  "-cantstartwithadash-",
					  "only/one/slash",
					  "Example.com/abc",
					  "example_com/abc",
					  "example.com/",
					  "/simple",
					  A60 "aaaa",
					  A240 A10 "aaaa/abc",
					  "",
					  END};

	(void)state;
	check_names(why_not_label_key, good, true);
	check_names(why_not_label_key, bad, false);
}

static const struct {
	const char *id, *kind, *old, *new;
	bool refused;
	const char *path, *ours;
} updates[] = {
#define LBSPEC(members) \
	NAME "spec: {type: Internal, ports: [{port: 80}], ips: [{ip: 10.0.0.1}], " members "}"
	{"LB-12", "LoadBalancer", LBSPEC("networkRef: {name: bar}"),
	 LBSPEC("networkRef: {name: foo}"), true, "spec.networkRef", NULL},
	{"LB-13", "LoadBalancer",
	 LBSPEC("networkRef: {name: net}, networkInterfaceSelector: {matchLabels: {bar: baz}}"),
	 LBSPEC("networkRef: {name: net}, networkInterfaceSelector: {matchLabels: {foo: bar}}"),
	 false, NULL, NULL},
	{"LB-57", "LoadBalancer", LBSPEC("networkRef: {name: net}"),
	 NAME "spec: {type: Internal, networkRef: {name: net}, ports: [{port: 81}], "
	      "ips: [{ip: 'fd00::1'}]}",
	 false, NULL, "LB-56, a change of type, cannot be: there is one type"},
	{"NI-17", NIC, NAME "spec: {networkRef: {name: bar}, ips: [{ip: 10.0.0.1}]}",
	 NAME "spec: {networkRef: {name: foo}, ips: [{ip: 10.0.0.1}]}", true, "spec.networkRef",
	 "ironcore names the whole spec"},
	{"NI-18", NIC, NICSPEC("ips: [{ip: 'fd00::1'}]"), NICSPEC("ips: [{ip: 10.0.0.1}]"), true,
	 "spec.ipFamilies", "ironcore names the whole spec"},
	{"NI-19", NIC, NICSPEC(V4 "machineRef: {name: a}"), NICSPEC(V4 "machineRef: {name: b}"),
	 false, NULL, NULL},
	{"NI-20", NIC, NICSPEC("ips: [{ip: 10.0.0.2}]"), NICSPEC("ips: [{ip: 10.0.0.1}]"), false,
	 NULL, NULL},
	{"PF-20", PF, NAME "spec: {prefix: 10.0.0.0/8}", NAME "spec: {prefix: 11.0.0.0/8}", true,
	 "spec.prefix", NULL},
#define CHILD(members) NAME "spec: {ipFamily: IPv4, " members "}"
	{"PF-21", PF, CHILD("prefixLength: 9, parentRef: {name: p}"),
	 CHILD("prefixLength: 8, parentRef: {name: p}"), true, "spec.prefixLength", NULL},
	{"PF-22", PF, CHILD("prefix: 10.0.0.0/8"),
	 CHILD("prefix: 10.0.0.0/8, parentRef: {name: p}"), true, "spec.prefixRef", NULL},
	{"PF-23", PF, CHILD("prefixLength: 9, parentRef: {name: bar}"),
	 CHILD("prefixLength: 9, parentRef: {name: foo}"), true, "spec.prefixRef", NULL},
	{"PF-24", PF, CHILD("prefixLength: 9, parentSelector: {}"),
	 CHILD("prefixLength: 9, parentSelector: {}, parentRef: {name: p}"), false, NULL, NULL},
	{"PF-25", PF, CHILD("prefixLength: 8, parentRef: {name: p}"),
	 CHILD("prefix: 10.0.0.0/8, parentRef: {name: p}"), false, NULL, NULL},
	{"PF length of prefix", PF, CHILD("prefix: 10.0.0.0/8, parentRef: {name: p}"),
	 CHILD("prefixLength: 8, parentRef: {name: p}"), false, NULL,
	 "leaving it out again changes nothing: the block is held"},
	{"PF other length", PF, CHILD("prefix: 10.0.0.0/8, parentRef: {name: p}"),
	 CHILD("prefixLength: 9, parentRef: {name: p}"), true, "spec.prefixLength", NULL},
	{"PF selector", PF, CHILD("prefixLength: 9, parentSelector: {}"),
	 CHILD("prefixLength: 9, parentSelector: {matchLabels: {a: b}}"), true,
	 "spec.parentSelector", NULL},
	{"PF family", PF, CHILD("prefixLength: 9, parentRef: {name: p}"),
	 NAME "spec: {ipFamily: IPv6, prefixLength: 9, parentRef: {name: p}}", true,
	 "spec.ipFamily", NULL},
	{"PA-16", PF, CHILD("prefixLength: 9, prefixRef: {name: bar}"),
	 CHILD("prefixLength: 9, prefixRef: {name: foo}"), true, "spec.prefixRef", NULL},
	{"6.7 provider", NET, NAME "spec: {providerID: bar}", NAME "spec: {providerID: foo}", true,
	 "spec.providerID", NULL},
	{"6.7 provider set", NET, NAME, NAME "spec: {providerID: foo}", false, NULL, NULL},
	{"6.7 provider cleared", NET, NAME "spec: {providerID: foo}", NAME, true, "spec.providerID",
	 NULL},
};

static void test_updates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
		auto_call(object_freep) struct object *old =
			object_from(updates[i].kind, updates[i].old);
		auto_call(object_freep) struct object *new =
			object_from(updates[i].kind, updates[i].new);
		auto_call(problems_deinit) struct problems problems = {};

		document_check_update(old, new, &problems);
		if (updates[i].refused
			    ? !problems_have(&problems, PROBLEM_FORBIDDEN, updates[i].path)
			    : problems_any(&problems))
			fail_msg("%s", updates[i].id);
	}
}

/* A child that has its block may be applied as it was read back, and as it was written. */
static void test_an_allocated_child_is_applied_again(void **state)
{
	auto_call(object_freep) struct object *old =
		object_from(PF, CHILD("prefixLength: 28, parentSelector: {}"));
	auto_call(object_freep) struct object *same =
		object_from(PF, CHILD("prefixLength: 28, parentSelector: {}"));
	auto_call(object_freep) struct object *read_back = object_from(
		PF, CHILD("prefix: 10.0.0.16/28, prefixLength: 28, prefixRef: {name: p}, "
			  "parentSelector: {}"));
	auto_call(object_freep) struct object *moved = object_from(
		PF, CHILD("prefix: 10.0.0.32/28, prefixRef: {name: q}, parentSelector: {}"));
	auto_call(problems_deinit) struct problems problems = {};

	(void)state;
	old->leases = calloc(1, sizeof(*old->leases));
	old->n_leases = 1;
	assert_int_equal(cidr_parse("10.0.0.16/28", &old->leases[0].block), 0);
	old->leases[0].prefix = strdup("p");
	document_check_update(old, same, &problems);
	document_check_update(old, read_back, &problems);
	assert_false(problems_any(&problems));
	document_check_update(old, moved, &problems);
	assert_true(problems_have(&problems, PROBLEM_FORBIDDEN, "spec.prefix"));
	assert_true(problems_have(&problems, PROBLEM_FORBIDDEN, "spec.prefixRef"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_dns_names),
		cmocka_unit_test(test_label_values),
		cmocka_unit_test(test_label_keys),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_an_allocated_child_is_applied_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
