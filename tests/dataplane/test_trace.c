/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/forwarding.h"
#include "dataplane/trace.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

#define ICMP   1
#define ICMPV6 58
#define GRE    47

static const char *const texts[] = {
	"name default/web\nnumber 1\nvip 10.0.0.1\nvip fd00::1\nport TCP 80 to 8080\n"
	"port TCP 9000-9100\ndestination 10.1.0.1\nsource 10.9.0.0/16\nsource fd09::/64\n",
	"name default/dns\nnumber 2\nvip 10.0.0.2\nport UDP 53\ndestination 10.1.0.1\n"
	"destination 10.1.0.2 weight 0\naffinity ClientIP\n",
};

static const struct {
	uint8_t protocol;
	const char *source, *vip;
	uint16_t port;
	enum trace_outcome outcome;
	const char *destination;
	uint16_t target_port;
} rows[] = {
	{PROTOCOL_TCP, "10.9.0.1", "10.0.0.1", 80, TRACE_FORWARDED, "10.1.0.1", 8080},
	{PROTOCOL_TCP, "10.9.0.1", "10.0.0.1", 9000, TRACE_FORWARDED, "10.1.0.1", 9000},
	{PROTOCOL_TCP, "10.9.0.1", "10.0.0.1", 9100, TRACE_FORWARDED, "10.1.0.1", 9100},
	{PROTOCOL_TCP, "10.9.0.1", "10.0.0.1", 8999, TRACE_NO_PORT, NULL, 0},
	{PROTOCOL_TCP, "10.9.0.1", "10.0.0.1", 9101, TRACE_NO_PORT, NULL, 0},
	{PROTOCOL_UDP, "10.9.0.1", "10.0.0.1", 80, TRACE_NO_PORT, NULL, 0},
	{PROTOCOL_TCP, "10.8.0.1", "10.0.0.1", 80, TRACE_SOURCE_REFUSED, NULL, 0},
	{PROTOCOL_TCP, "fd09::1", "fd00::1", 80, TRACE_NO_DESTINATION, NULL, 0},
	{PROTOCOL_UDP, "10.8.0.1", "10.0.0.2", 53, TRACE_FORWARDED, "10.1.0.1", 53},
	{PROTOCOL_TCP, "10.9.0.1", "10.0.0.3", 80, TRACE_NOT_OURS, NULL, 0},
	{ICMP, "10.9.0.1", "10.0.0.1", 0, TRACE_ECHO, NULL, 0},
	{ICMPV6, "fd09::1", "fd00::1", 0, TRACE_ECHO, NULL, 0},
	{GRE, "10.9.0.1", "10.0.0.1", 0, TRACE_NOT_BALANCED, NULL, 0},
};

static struct desired_lb *lbs[ARRAY_SIZE(texts)];

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		lbs[i] = some_lb_parse(texts[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ARRAY_FOREACH(lb, lbs, ARRAY_SIZE(lbs))
		desired_lb_free(*lb);
	return 0;
}

static int follow(const struct trace_flow *flow, struct trace *trace)
{
	return trace_flow((const struct desired_lb *const *)lbs, ARRAY_SIZE(lbs), flow, trace,
			  NULL);
}

static struct trace_flow flow_of(uint8_t protocol, const char *source, const char *vip,
				 uint16_t port)
{
	struct trace_flow flow = {.flow = {.source_port = 40000, .port = port},
				  .protocol = protocol};

	assert_int_equal(address_parse(source, &flow.flow.source), 0);
	assert_int_equal(address_parse(vip, &flow.flow.vip), 0);
	return flow;
}

static void test_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trace_flow flow =
			flow_of(rows[i].protocol, rows[i].source, rows[i].vip, rows[i].port);
		char text[ADDRESS_TEXT_MAX] = "";
		struct trace trace;

		assert_int_equal(follow(&flow, &trace), 0);
		if (trace.outcome != rows[i].outcome)
			fail_msg("row %zu: %s", i, trace_outcome_name(trace.outcome));
		if (!rows[i].destination)
			continue;
		(void)address_format(&trace.destination, text);
		if (strcmp(text, rows[i].destination) != 0 ||
		    trace.target_port != rows[i].target_port)
			fail_msg("row %zu: %s port %u", i, text, trace.target_port);
	}
}

static void test_families_must_agree(void **state)
{
	struct trace_flow flow = flow_of(PROTOCOL_TCP, "10.9.0.1", "fd00::1", 80);
	struct trace trace;

	(void)state;
	assert_int_equal(follow(&flow, &trace), -EINVAL);
}

static void test_sentences(void **state)
{
	struct trace_flow flow = flow_of(PROTOCOL_UDP, "10.8.0.1", "10.0.0.2", 53);
	struct text text = {};
	struct trace trace;

	(void)state;
	assert_int_equal(follow(&flow, &trace), 0);
	trace_write(&trace, &flow, "health: so\n", &text);
	assert_string_equal(text.bytes,
			    "flow: UDP from 10.8.0.1 port 40000 to 10.0.0.2 port 53\n"
			    "LoadBalancer: default/dns, number 2\n"
			    "listener: UDP port 53, mark 0x221: 16 slots, affinity ClientIP\n"
			    "health: so\n"
			    "slot: 3 of 16\n"
			    "forwarded: to 10.1.0.1 port 53\n");
	text_deinit(&text);
}

/* The only one that would take flows is dead: not the same as having none. */
static void test_all_are_dead(void **state)
{
	struct trace_flow flow = flow_of(PROTOCOL_UDP, "10.8.0.1", "10.0.0.2", 53);
	struct text text = {};
	struct trace trace;

	(void)state;
	lbs[1]->destinations[0].dead = true;
	assert_int_equal(follow(&flow, &trace), 0);
	assert_int_equal(trace.outcome, TRACE_NO_DESTINATION);
	trace_write(&trace, &flow, "", &text);
	lbs[1]->destinations[0].dead = false;
	assert_non_null(
		strstr(text.bytes, "no healthy IPv4 destination: refused with port unreachable\n"));
	text_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_families_must_agree),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_all_are_dead),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
