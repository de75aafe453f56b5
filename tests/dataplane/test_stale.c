/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/stale.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

static const struct uuid LB = {{1}};

static const struct forwarding *find(void *user, const struct uuid *lb)
{
	assert_int_equal(uuid_compare(lb, &LB), 0);
	return user;
}

static struct forwarding *make(const char *text)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = some_lb_parse(text);
	struct forwarding *forwarding;

	assert_int_equal(forwarding_new(lb, "n1", &forwarding, NULL), 0);
	return forwarding;
}

static struct plan_cleanup to_destination(enum cleanup_when when)
{
	struct plan_cleanup what = {.when = when, .mark = 0x100, .mark_mask = MARK_NUMBER_MASK};

	assert_int_equal(address_parse("10.1.0.1", &what.destination), 0);
	what.drain_s = when == CLEANUP_AFTER_DRAIN ? 30 : 0;
	return what;
}

/* The number of filters that are due; the first of them in `ret_first`. */
static size_t take(struct stale *stale, uint64_t now_ms, const struct forwarding *forwarding,
		   struct conntrack_filter *ret_first)
{
	auto_free struct conntrack_filter *filters = NULL;
	size_t n_filters;

	assert_int_equal(
		stale_take_due(stale, now_ms, find, (void *)forwarding, &filters, &n_filters), 0);
	if (n_filters > 0 && ret_first)
		*ret_first = filters[0];
	return n_filters;
}

static void test_now_and_again(void **state)
{
	auto_call(stale_deinit) struct stale stale = {};
	struct plan_cleanup what = to_destination(CLEANUP_NOW);

	(void)state;
	assert_true(stale_next_ms(&stale) == UINT64_MAX);
	assert_int_equal(stale_add(&stale, 5000, &LB, &what), 0);
	assert_int_equal(stale_next_ms(&stale), 5000);
	assert_int_equal(take(&stale, 4999, NULL, NULL), 0);
	assert_int_equal(take(&stale, 5000, NULL, NULL), 3); /* UDP, SCTP, unreplied TCP */
	assert_int_equal(stale_next_ms(&stale), 6000);
	assert_int_equal(take(&stale, 5999, NULL, NULL), 0);
	assert_int_equal(take(&stale, 6000, NULL, NULL), 3);
	assert_true(stale_next_ms(&stale) == UINT64_MAX);
}

/* A destination that went, came back and went again. */
static void test_the_last_drain_counts(void **state)
{
	auto_call(stale_deinit) struct stale stale = {};
	auto_call(forwarding_freep) struct forwarding *other =
		make("number 1\nvip 10.0.0.1\ndestination 10.1.0.2\n");
	struct plan_cleanup what = to_destination(CLEANUP_AFTER_DRAIN), another = what;

	(void)state;
	another.destination.bytes[3] = 3;
	assert_int_equal(stale_add(&stale, 0, &LB, &what), 0);
	assert_int_equal(stale_add(&stale, 0, &LB, &another), 0);
	assert_int_equal(stale_add(&stale, 20000, &LB, &what), 0);
	assert_int_equal(take(&stale, 30000, other, NULL), 1); /* of the other destination */
	assert_int_equal(stale_next_ms(&stale), 50000);
	assert_int_equal(take(&stale, 50000, other, NULL), 1);
}

/* However often it does so, one drain is kept. */
static void test_a_flapping_destination(void **state)
{
	auto_call(stale_deinit) struct stale stale = {};
	struct plan_cleanup what = to_destination(CLEANUP_AFTER_DRAIN), other = what;
	auto_call(forwarding_freep) struct forwarding *rest =
		make("number 1\nvip 10.0.0.1\ndestination 10.1.0.2\n");

	(void)state;
	other.first = other.last = 80;
	for (uint64_t now = 0; now < 200000; now++)
		assert_int_equal(stale_add(&stale, now, &LB, now % 2 ? &what : &other), 0);
	assert_int_equal(stale_next_ms(&stale), 199998 + 30000);
	assert_int_equal(take(&stale, 199999 + 30000, rest, NULL), 2);
	assert_true(stale_next_ms(&stale) == UINT64_MAX);
}

static const struct {
	const char *name;
	enum cleanup_when when;
	uint8_t protocol;
	size_t n_filters;
	uint8_t first_protocol;
	bool unreplied;
} rows[] = {
	{"UDP now", CLEANUP_NOW, PROTOCOL_UDP, 1, PROTOCOL_UDP, false},
	{"SCTP now", CLEANUP_NOW, PROTOCOL_SCTP, 1, PROTOCOL_SCTP, false},
	{"TCP now: what was never answered", CLEANUP_NOW, PROTOCOL_TCP, 1, PROTOCOL_TCP, true},
	{"all", CLEANUP_ALL_NOW, 0, 1, 0, false},
	{"all of TCP", CLEANUP_ALL_NOW, PROTOCOL_TCP, 1, PROTOCOL_TCP, false},
	{"drain", CLEANUP_AFTER_DRAIN, 0, 1, PROTOCOL_TCP, false},
};

static void test_filters(void **state)
{
	auto_call(forwarding_freep) struct forwarding *other =
		make("number 1\nvip 10.0.0.1\ndestination 10.1.0.2\n");

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		auto_call(stale_deinit) struct stale stale = {};
		struct plan_cleanup what = to_destination(row->when);
		struct conntrack_filter first = {};

		print_message("%s\n", row->name);
		what.protocol = row->protocol;
		what.first = what.last = 53;
		assert_int_equal(stale_add(&stale, 0, &LB, &what), 0);
		assert_int_equal(take(&stale, what.drain_s * 1000, other, &first), row->n_filters);
		assert_int_equal(first.protocol, row->first_protocol);
		assert_int_equal(first.unreplied, row->unreplied);
		assert_int_equal(first.mark, 0x100);
		assert_int_equal(first.mark_mask, MARK_NUMBER_MASK);
		assert_true(address_equal(&first.destination, &what.destination));
		assert_int_equal(first.first, 53);
	}
}

/* What a LoadBalancer has when a drain ends, and whether entries go then. */
static const struct {
	const char *name, *lb;
	const char *destination, *vip;
	uint16_t port;
	bool goes;
} drains[] = {
	{"destination is gone", "destination 10.1.0.2\n", "10.1.0.1", NULL, 0, true},
	{"destination is back", "destination 10.1.0.1\n", "10.1.0.1", NULL, 0, false},
	{"destination is back without weight", "destination 10.1.0.1 weight 0\n", "10.1.0.1", NULL,
	 0, false},
	{"port is gone", "port TCP 81\n", NULL, "10.0.0.1", 80, true},
	{"port is back", "port TCP 80\n", NULL, "10.0.0.1", 80, false},
	{"VIP is gone", "port TCP 80\n", NULL, "10.0.0.2", 80, true},
	{"port of every VIP is back", "port TCP 80\n", NULL, NULL, 80, false},
	{"port of every VIP is gone", "port TCP 81\n", NULL, NULL, 80, true},
	{"LoadBalancer is gone", NULL, "10.1.0.1", NULL, 0, false},
};

static void test_drains(void **state)
{
	(void)state;
	ARRAY_FOREACH(row, drains, ARRAY_SIZE(drains)) {
		auto_call(stale_deinit) struct stale stale = {};
		auto_call(forwarding_freep) struct forwarding *forwarding = NULL;
		struct plan_cleanup what = {.when = CLEANUP_AFTER_DRAIN, .drain_s = 30};
		char text[128];

		print_message("%s\n", row->name);
		(void)snprintf(text, sizeof(text), "number 1\nvip 10.0.0.1\n%s", row->lb ?: "");
		if (row->lb)
			forwarding = make(text);
		if (row->destination)
			assert_int_equal(address_parse(row->destination, &what.destination), 0);
		if (row->vip)
			assert_int_equal(address_parse(row->vip, &what.vip), 0);
		what.protocol = row->port ? PROTOCOL_TCP : 0;
		what.first = what.last = row->port;
		assert_int_equal(stale_add(&stale, 1000, &LB, &what), 0);
		assert_int_equal(stale_next_ms(&stale), 31000);
		assert_int_equal(take(&stale, 31000, forwarding, NULL), row->goes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_now_and_again),
		cmocka_unit_test(test_the_last_drain_counts),
		cmocka_unit_test(test_a_flapping_destination),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_drains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
