/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/cleanup.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

#define BASE "number 1\nvip 10.0.0.1\ndestination 10.1.0.1\ndrain 30\n"

/* What each cleanup is about, shortly: "now", "all" or "drain", then what it names. */
static const struct {
	const char *have, *want, *cleanups;
} rows[] = {
	{NULL, BASE, "all mark 0x0 vip 10.0.0.1;"},
	{BASE, NULL, "all mark 0x100;"},
	{BASE, BASE, ""},
	{BASE, BASE "destination 10.1.0.2\n", ""},
	{BASE "destination 10.1.0.2\n", BASE "destination 10.1.0.2 weight 0\n", ""},
	{BASE "destination 10.1.0.2\n", BASE "destination 10.1.0.2 dead\n",
	 "all mark 0x100 destination 10.1.0.2;"},
	{BASE "destination 10.1.0.2 dead\n", BASE "destination 10.1.0.2 dead\n", ""},
	{BASE "destination 10.1.0.2 dead\n", BASE "destination 10.1.0.2\n", ""},
	{BASE "destination 10.1.0.2\n", BASE,
	 "now mark 0x100 destination 10.1.0.2;drain mark 0x100 destination 10.1.0.2;"},
	{BASE "destination 10.1.0.2\n", BASE "drain 0\n", "all mark 0x100 destination 10.1.0.2;"},
	{BASE "vip fd00::1\n", BASE, "all mark 0x100 vip fd00::1;"},
	{BASE, BASE "vip fd00::1\n", "all mark 0x0 vip fd00::1;"},
	{BASE, BASE "number 2\n", "all mark 0x100;"},
	{BASE, BASE "affinity on\n", ""},
	{BASE, BASE "source 10.0.0.0/8\n", ""},
	{BASE "port TCP 80\n", BASE, "now mark 0x100 TCP 80-80;drain mark 0x100 TCP 80-80;"},
	{BASE "port UDP 53\n", BASE, "all mark 0x100 UDP 53-53;"},
	{BASE "port UDP 53\n", BASE "port UDP 50-60\n", ""},
	{BASE "port UDP 50-60\n", BASE "port UDP 53\n",
	 "all mark 0x100 UDP 50-52;all mark 0x100 UDP 54-60;"},
	{BASE "port UDP 50-60\n", BASE "port UDP 40-55\nport UDP 57\nport TCP 56\n",
	 "all mark 0x100 UDP 56-56;all mark 0x100 UDP 58-60;"},
	{BASE "port UDP 1-65535\n", BASE "port UDP 1-65534\n", "all mark 0x100 UDP 65535-65535;"},
	{BASE "port UDP 1-65535\n", BASE, "all mark 0x100 UDP 1-65535;"},
	{BASE "port UDP 80 to 81\n", BASE "port UDP 80\n", "now mark 0x100 UDP 80-80;"},
	{BASE "port TCP 80 to 81\n", BASE "port TCP 80 to 82\n", "now mark 0x100 TCP 80-80;"},
};

static struct forwarding *make(const char *text)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = text ? some_lb_parse(text) : NULL;
	struct forwarding *forwarding = NULL;

	if (lb)
		assert_int_equal(forwarding_new(lb, "n1", &forwarding, NULL), 0);
	return forwarding;
}

static void describe(const struct plan_cleanup *cleanup, struct text *text)
{
	static const char *const when[] = {"now", "all", "drain"};
	char address[ADDRESS_TEXT_MAX];

	text_addf(text, "%s mark 0x%x", when[cleanup->when], cleanup->mark);
	assert_int_equal(cleanup->mark_mask, cleanup->mark ? MARK_NUMBER_MASK : UINT32_MAX);
	assert_int_equal(cleanup->drain_s, cleanup->when == CLEANUP_AFTER_DRAIN ? 30 : 0);
	if (cleanup->destination.family)
		text_addf(text, " destination %s", address_format(&cleanup->destination, address));
	if (cleanup->vip.family)
		text_addf(text, " vip %s", address_format(&cleanup->vip, address));
	if (cleanup->protocol)
		text_addf(text, " %s %u-%u", protocol_name((enum protocol)cleanup->protocol),
			  cleanup->first, cleanup->last);
	text_add(text, ";");
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_call(forwarding_freep) struct forwarding *have = make(rows[i].have);
		auto_call(forwarding_freep) struct forwarding *want = make(rows[i].want);
		auto_call(text_deinit) struct text text = {};
		auto_call(plan_deinit) struct plan plan = {};

		text_add(&text, "");
		assert_int_equal(cleanup_diff(have, want, &plan), 0);
		ARRAY_FOREACH(cleanup, plan.cleanups, plan.n_cleanups)
			describe(cleanup, &text);
		if (strcmp(text.bytes ? text.bytes : "", rows[i].cleanups) != 0)
			fail_msg("row %zu: %s", i, text.bytes ? text.bytes : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
