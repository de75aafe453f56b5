/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocator/roster.h"
#include "base/array.h"
#include "base/text.h"
#include "tests/support/cmocka.h"

#define NET    "default_net"
#define DIGEST 4711

struct fixture {
	struct roster *roster;
	struct roster_time time;
	struct roster_truth truth;
	struct text changes; /* "net>since " for each */
};

static void on_changed(void *user, const char *token, uint64_t since)
{
	struct fixture *f = user;

	text_addf(&f->changes, "%s>%lu ", token, (unsigned long)since);
}

/* The Network's last change is at 10, the log is settled at 20; we have listened long enough. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(roster_new(on_changed, f, &f->roster), 0);
	f->time = (struct roster_time){.now_ms = 1000, .unix_ms = 1000000};
	f->truth = (struct roster_truth){
		.epoch = {.bytes = {1}},
		.settled_at = 20,
		.network = {.token = NET, .revision = 10, .digest = DIGEST},
	};
	roster_listen(f->roster, &f->time);
	f->time.now_ms += ROSTER_ALIVE_MS;
	f->time.unix_ms += ROSTER_ALIVE_MS;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	roster_free(f->roster);
	text_deinit(&f->changes);
	free(f);
	return 0;
}

static void pass(struct fixture *f, uint64_t ms)
{
	f->time.now_ms += ms;
	f->time.unix_ms += (int64_t)ms;
	roster_expire(f->roster, &f->time);
}

static void boot(struct fixture *f, const char *node, const char *net, uint8_t number)
{
	char *nets[] = {(char *)net};
	struct alive alive = {.node = (char *)node,
			      .boot = {.bytes = {number}},
			      .version = (char *)"0.1.0",
			      .nets = nets,
			      .n_nets = net ? 1 : 0};

	assert_int_equal(roster_on_alive(f->roster, &alive, &f->time), 0);
}

static void beat(struct fixture *f, const char *node, const char *net)
{
	boot(f, node, net, 1);
}

static struct status *status_of(const char *node, uint64_t revision)
{
	struct status *status = calloc(1, sizeof(*status));

	status->node = strdup(node);
	status->net = strdup(NET);
	status->epoch.bytes[0] = 1;
	status->revision = revision;
	status->digest = 1;
	return status;
}

static void report(struct fixture *f, const char *node, uint64_t revision)
{
	assert_int_equal(roster_on_status(f->roster, status_of(node, revision), &f->time), 0);
}

static uint64_t confirmed(const struct fixture *f)
{
	return roster_confirmed(f->roster, &f->truth, &f->time);
}

static void test_nobody_hosts_it(void **state)
{
	struct fixture *f = *state;

	assert_true(confirmed(f) == UINT64_MAX);
	beat(f, "a", "default_other");
	assert_true(confirmed(f) == UINT64_MAX);
}

static void test_the_slowest_decides(void **state)
{
	struct fixture *f = *state;

	beat(f, "a", NET);
	assert_int_equal(confirmed(f), 0); /* has said nothing yet */
	report(f, "a", 10);
	assert_int_equal(confirmed(f), 20); /* has the last change, so it has everything */
	report(f, "b", 7);                  /* a status shows that it hosts the Network, too */
	assert_int_equal(confirmed(f), 7);
	report(f, "b", 25); /* ahead of us: another replica was faster */
	assert_int_equal(confirmed(f), 20);
}

static void test_who_refuses_confirms_nothing(void **state)
{
	struct fixture *f = *state;
	struct status *status = status_of("a", 10);

	beat(f, "a", NET);
	status->n_refused = 1; /* the old state of what it refuses may still be in its kernel */
	assert_int_equal(roster_on_status(f->roster, status, &f->time), 0);
	assert_int_equal(confirmed(f), 0);
	report(f, "a", 10);
	assert_int_equal(confirmed(f), 20);
}

static void test_nothing_is_confirmed_before_we_could_listen(void **state)
{
	struct fixture *f = *state;

	beat(f, "a", NET);
	report(f, "a", 10);
	roster_listen(f->roster, &f->time);
	assert_int_equal(confirmed(f), 0);
	pass(f, ROSTER_ALIVE_MS - 1);
	assert_int_equal(confirmed(f), 0);
	beat(f, "a", NET);
	pass(f, 1);
	assert_int_equal(confirmed(f), 20);
}

static void test_the_dead_hold_nothing_up(void **state)
{
	struct fixture *f = *state;

	beat(f, "a", NET);
	beat(f, "b", NET);
	report(f, "a", 10);
	pass(f, ROSTER_ALIVE_MS);
	beat(f, "a", NET);
	assert_int_equal(confirmed(f), 0); /* b was heard 5 s ago, and no longer */
	pass(f, 1);
	assert_int_equal(confirmed(f), 20);
	assert_int_equal(roster_count_alive(f->roster), 1);
	beat(f, "b", NET); /* back: and it counts again */
	assert_int_equal(confirmed(f), 0);
}

static void test_nobody_dies_while_we_are_deaf(void **state)
{
	struct fixture *f = *state;

	beat(f, "a", NET);
	roster_listen(f->roster, &f->time);
	pass(f, ROSTER_ALIVE_MS - 1);
	assert_int_equal(roster_count_alive(f->roster), 1);
	pass(f, 2);
	assert_int_equal(roster_count_alive(f->roster), 0);
}

static void test_the_silent_are_forgotten_in_the_end(void **state)
{
	struct fixture *f = *state;
	struct roster_view *view = NULL;
	struct lb_report said;

	beat(f, "a", NET);
	pass(f, ROSTER_ALIVE_MS + 1);
	assert_int_equal(roster_view_new(f->roster, &f->truth, &view), 0);
	roster_view_report(view, &(struct uuid){}, 5, NULL, 0, &said);
	roster_view_free(view);
	assert_int_equal(said.n_silent, 1);
	assert_string_equal(said.silent, "a");
	assert_true(said.silent_since_ms == 1000000 + ROSTER_ALIVE_MS);
	pass(f, ROSTER_SILENT_MS);
	assert_int_equal(roster_view_new(f->roster, &f->truth, &view), 0);
	roster_view_report(view, &(struct uuid){}, 5, NULL, 0, &said);
	roster_view_free(view);
	assert_int_equal(said.n_silent, 0);
}

static void test_what_a_node_no_longer_hosts_does_not_count(void **state)
{
	struct fixture *f = *state;

	beat(f, "a", NET);
	assert_int_equal(confirmed(f), 0);
	beat(f, "a", NULL);
	assert_true(confirmed(f) == UINT64_MAX);
}

static void test_an_agent_that_started_anew_has_said_nothing(void **state)
{
	struct fixture *f = *state;

	boot(f, "a", NET, 1);
	report(f, "a", 10);
	assert_int_equal(confirmed(f), 20);
	boot(f, "a", NET, 2);
	assert_int_equal(confirmed(f), 0);
	report(f, "a", 10);
	assert_int_equal(confirmed(f), 20);
}

static void test_another_epoch_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct status *status = status_of("a", 100);

	status->epoch.bytes[0] = 2;
	assert_int_equal(roster_on_status(f->roster, status, &f->time), 0);
	assert_int_equal(confirmed(f), 0);
}

/* Loaded at 10, the Network's true revision is not known: content decides, not the number. */
static void test_equal_content_counts_while_unchanged_since_load(void **state)
{
	struct fixture *f = *state;
	struct status *status = status_of("a", 4);

	status->digest = DIGEST;
	assert_int_equal(roster_on_status(f->roster, status, &f->time), 0);
	assert_int_equal(confirmed(f), 4);
	f->truth.network.since_load = true;
	assert_int_equal(confirmed(f), 20);
}

static void test_only_what_is_new_is_touched(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint64_t revision;
		const char *changes;
	} rows[] = {
		{4, NET ">0 "},                                  /* the first word */
		{4, ""},                                         /* again */
		{9, NET ">4 "}, {10, NET ">9 "}, {3, NET ">0 "}, /* went back */
	};

	beat(f, "a", NET);
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		text_cut(&f->changes, 0);
		report(f, "a", row->revision);
		if (strcmp(f->changes.bytes, row->changes) != 0)
			fail_msg("row %td: '%s'", row - rows, f->changes.bytes);
	}
}

static void test_reports_count_nodes_and_refusals(void **state)
{
	struct fixture *f = *state;
	const struct uuid good = {.bytes = {1}}, bad = {.bytes = {2}};
	struct roster_view *view = NULL;
	struct address vips[2] = {};
	struct lb_report said;
	struct status *status;

	assert_int_equal(address_parse("10.0.0.1", &vips[0]), 0);
	assert_int_equal(address_parse("10.0.0.2", &vips[1]), 0);
	status = status_of("a", 10);
	status->addresses = calloc(1, sizeof(*status->addresses));
	status->addresses[0] = vips[1];
	status->n_addresses = 1;
	status->refusals = calloc(1, sizeof(*status->refusals));
	status->refusals[0] = (struct status_refusal){.uid = bad, .sentence = strdup("too large")};
	status->n_refusals = status->n_refused = 1;
	assert_int_equal(roster_on_status(f->roster, status, &f->time), 0);
	report(f, "b", 6);
	beat(f, "c", NET);

	assert_int_equal(roster_view_new(f->roster, &f->truth, &view), 0);
	roster_view_report(view, &good, 5, vips, 2, &said);
	assert_int_equal(said.n_nodes, 3);
	assert_int_equal(said.n_programmed, 2);
	assert_string_equal(said.waiting, "c");
	assert_string_equal(said.refusal, "");
	assert_false(said.forwarded[0]);
	assert_true(said.forwarded[1]);
	roster_view_report(view, &bad, 5, vips, 1, &said);
	assert_int_equal(said.n_programmed, 1);
	assert_string_equal(said.refused_by, "a");
	assert_string_equal(said.refusal, "too large");
	roster_view_report(view, &good, 7, NULL, 0, &said);
	assert_int_equal(said.n_programmed, 1); /* b is behind */
	roster_view_free(view);
}

static void append_node(void *user, const struct roster_node *node)
{
	struct text *text = user;

	text_addf(text, "%s:%s:%zu ", node->name, node->alive ? "alive" : "silent",
		  node->n_networks);
}

static void note_twins(void *user, const struct roster_node *node)
{
	*(bool *)user = node->twins;
}

static bool has_twins(const struct fixture *f)
{
	bool twins = false;

	roster_visit(f->roster, note_twins, &twins);
	return twins;
}

static void test_two_agents_with_one_name(void **state)
{
	struct fixture *f = *state;

	boot(f, "a", NET, 1);
	boot(f, "a", NET, 2);
	boot(f, "a", NET, 2);
	assert_false(has_twins(f)); /* it started anew */
	boot(f, "a", NET, 1);
	assert_true(has_twins(f));
	boot(f, "a", NET, 2);
	for (unsigned i = 0; i < 4; i++) {
		pass(f, 3000);
		boot(f, "a", NET, 2);
		assert_int_equal(has_twins(f), i < 3);
	}
}

static void test_nodes_are_listed_by_name(void **state)
{
	struct fixture *f = *state;
	struct text text = {};

	beat(f, "b", NET);
	pass(f, ROSTER_ALIVE_MS + 1);
	beat(f, "c", NULL);
	beat(f, "a", NET);
	roster_visit(f->roster, append_node, &text);
	assert_string_equal(text.bytes, "a:alive:1 b:silent:1 c:alive:0 ");
	text_deinit(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_hosts_it),
		TEST(test_the_slowest_decides),
		TEST(test_who_refuses_confirms_nothing),
		TEST(test_nothing_is_confirmed_before_we_could_listen),
		TEST(test_the_dead_hold_nothing_up),
		TEST(test_nobody_dies_while_we_are_deaf),
		TEST(test_the_silent_are_forgotten_in_the_end),
		TEST(test_what_a_node_no_longer_hosts_does_not_count),
		TEST(test_an_agent_that_started_anew_has_said_nothing),
		TEST(test_another_epoch_does_not_count),
		TEST(test_equal_content_counts_while_unchanged_since_load),
		TEST(test_only_what_is_new_is_touched),
		TEST(test_reports_count_nodes_and_refusals),
		TEST(test_two_agents_with_one_name),
		TEST(test_nodes_are_listed_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
