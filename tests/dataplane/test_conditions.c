/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "dataplane/conditions.h"
#include "tests/support/cmocka.h"

/* A namespace without fault, of which each row changes something. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define GOOD                                                                             \
	.settings = {.forwarding4 = true, .forwarding6 = true}, .has_vips4 = true,       \
	.has_vips6 = true, .has_source = true, .flowtable = true, .conntrack_count = 10, \
	.conntrack_max = 100, .flowtable_failure = "", .conntrack_failure = "",          \
	.route_failure = "", .editor = ""

static const struct {
	const char *name;
	struct condition_facts facts;
	const char *reason, *remedy; /* of the only condition; NULL: none */
} rows[] = {
	{"good", {GOOD}, NULL, NULL},
	{"IPv4 is not forwarded",
	 {GOOD, .settings = {.forwarding6 = true}},
	 "ForwardingDisabled",
	 "IPv4: set net.ipv4.ip_forward to 1"},
	{"IPv6 is not forwarded",
	 {GOOD, .settings = {.forwarding4 = true}},
	 "ForwardingDisabled",
	 "IPv6: set net.ipv6.conf.all.forwarding to 1"},
	{"neither is forwarded",
	 {GOOD, .settings = {}},
	 "ForwardingDisabled",
	 "net.ipv4.ip_forward and net.ipv6.conf.all.forwarding to 1"},
	{"IPv6 is not forwarded, nor served",
	 {GOOD, .settings = {.forwarding4 = true}, .has_vips6 = false},
	 NULL,
	 NULL},
	{"strict reverse path",
	 {GOOD, .settings = {true, true, true, false}},
	 "StrictReversePath",
	 "set it to 2"},
	{"bridge", {GOOD, .bridge_ports = true}, "SharedBridge", "br_netfilter"},
	{"bridge with netfilter",
	 {GOOD, .settings = {true, true, false, true}, .bridge_ports = true},
	 NULL,
	 NULL},
	{"route", {GOOD, .route_failure = "route of VIP 10.0.0.1"}, "RouteFailed", "10.0.0.1"},
	{"no source", {GOOD, .has_source = false}, "NoSourceAddress", "give lo one"},
	{"nor anything to check",
	 {GOOD, .has_source = false, .has_vips4 = false, .has_vips6 = false},
	 NULL,
	 NULL},
	{"no flowtables", {GOOD, .flowtable = false}, "FlowtableUnsupported", "NF_FLOW_TABLE"},
	{"device", {GOOD, .flowtable_failure = "device x"}, "FlowtableFailed", "device x"},
	{"80 % full", {GOOD, .conntrack_count = 80}, NULL, NULL},
	{"81 % full", {GOOD, .conntrack_count = 81}, "ConntrackNearlyFull", "81 of 100"},
	{"fill unknown", {GOOD, .conntrack_count = 0, .conntrack_max = 0}, NULL, NULL},
	{"conntrack", {GOOD, .conntrack_failure = "no"}, "ConntrackFailed", "time out"},
	{"repaired", {GOOD, .n_repairs = 2, .editor = "nft"}, "TableRepaired", "'nft'"},
	{"repaired by whom?", {GOOD, .n_repairs = 1}, "TableRepaired", "'another program'"},
};

static void test_rows(void **state)
{
	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));

		print_message("%s\n", row->name);
		assert_int_equal(conditions_add(status, &row->facts), 0);
		assert_int_equal(status->n_conditions, row->reason != NULL);
		if (!row->reason)
			continue;
		assert_string_equal(status->conditions[0].reason, row->reason);
		if (!strstr(status->conditions[0].sentence, row->remedy))
			fail_msg("%s", status->conditions[0].sentence);
		assert_in_range(strlen(status->conditions[0].sentence), 40,
				STATUS_SENTENCE_MAX - 2);
	}
}

static void test_everything_at_once_fits(void **state)
{
	auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));
	struct condition_facts facts = {
		.settings = {.strict_reverse_path = true},
		.has_vips4 = true,
		.has_vips6 = true,
		.bridge_ports = true,
		.conntrack_count = 100,
		.conntrack_max = 100,
		.flowtable_failure = "x",
		.conntrack_failure = "x",
		.route_failure = "x",
		.n_repairs = 1,
		.editor = "",
	};

	(void)state;
	assert_int_equal(conditions_add(status, &facts), 0);
	assert_in_range(status->n_conditions, 7, STATUS_CONDITIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_everything_at_once_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
