/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocator/liveness.h"
#include "base/text.h"
#include "tests/support/cmocka.h"

#define NET "default_net"

enum { STEP_MS = 100, N_NODES = 5 };

struct fixture {
	struct roster *roster;
	struct roster_time time;
	bool silent[N_NODES];
	bool asked[N_NODES]; /* at least once */
	struct text done;    /* "ask of 0;bury 0;bury 0 again;revive 0;" */
};

static void nobody_changed(void *user, const char *token, uint64_t since)
{
	(void)user;
	(void)token;
	(void)since;
}

static void ask(void *user, const char *prober, const char *net, const char *node)
{
	struct fixture *f = user;

	assert_string_equal(net, NET);
	assert_string_not_equal(prober, node);
	f->asked[prober[0] - '0'] = true;
	text_addf(&f->done, "ask of %s;", node);
}

static void bury(void *user, const char *net, const char *node, bool first)
{
	struct fixture *f = user;

	assert_string_equal(net, NET);
	text_addf(&f->done, "bury %s%s;", node, first ? "" : " again");
}

static void revive(void *user, const char *net, const char *node)
{
	struct fixture *f = user;

	assert_string_equal(net, NET);
	text_addf(&f->done, "revive %s;", node);
}

/* Everybody who is not silent says so, and time goes on. */
static void live(struct fixture *f, unsigned ms)
{
	const struct liveness_actions actions = {ask, bury, revive, f};
	char name[4], net[] = NET, *nets[] = {net};

	for (unsigned at = 0; at < ms; at += STEP_MS) {
		f->time.now_ms += STEP_MS;
		for (int i = 0; i < N_NODES; i++) {
			struct alive alive = {.node = name, .nets = nets, .n_nets = 1};

			(void)snprintf(name, sizeof(name), "%d", i);
			if (!f->silent[i])
				assert_int_equal(roster_on_alive(f->roster, &alive, &f->time), 0);
		}
		liveness_step(f->roster, &f->time, &actions);
	}
}

static void expect(struct fixture *f, const char *done)
{
	assert_string_equal(f->done.bytes ? f->done.bytes : "", done);
	text_cut(&f->done, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(roster_new(nobody_changed, f, &f->roster), 0);
	f->time.now_ms = 1000;
	roster_listen(f->roster, &f->time);
	live(f, ROSTER_ALIVE_MS + STEP_MS);
	expect(f, "");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	roster_free(f->roster);
	text_deinit(&f->done);
	free(f);
	return 0;
}

static void answer(struct fixture *f, size_t n_asked, size_t n_answered)
{
	liveness_answer(f->roster, NET, "0", n_asked, n_answered);
}

#define ROUND "ask of 0;ask of 0;ask of 0;"

static void test_dead(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS);
	expect(f, "");
	live(f, STEP_MS);
	expect(f, ROUND);
	answer(f, 3, 0);
	answer(f, 3, 0);
	live(f, STEP_MS);
	expect(f, ""); /* the third may know better */
	answer(f, 0, 0);
	live(f, STEP_MS);
	expect(f, "bury 0;");
	live(f, LIVENESS_AGAIN_MS);
	expect(f, ROUND);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, ""); /* nothing was heard: nothing is said again */
	live(f, LIVENESS_REMIND_MS - LIVENESS_ANSWER_MS);
	expect(f, ROUND);
	answer(f, 1, 0);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, "bury 0 again;");
	f->silent[0] = false;
	live(f, 2 * LIVENESS_REMIND_MS);
	expect(f, "revive 0;");
}

/* Its power is back, but its agent is not. */
static void test_machines_come_back_without_agent(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	answer(f, 1, 0);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, ROUND "bury 0;");
	live(f, LIVENESS_AGAIN_MS - LIVENESS_ANSWER_MS + STEP_MS);
	expect(f, ROUND);
	answer(f, 1, 1);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, "revive 0;");
	answer(f, 1, 0); /* too late */
	live(f, LIVENESS_ANSWER_MS);
	expect(f, "");
}

/* Whom it asks is not always the same: three may be those that cannot tell. */
static void test_others_each_time(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	for (int i = 0; i < 8; i++) {
		answer(f, 0, 0);
		live(f, LIVENESS_AGAIN_MS);
	}
	for (int i = 1; i < N_NODES; i++)
		assert_true(f->asked[i]);
	text_cut(&f->done, 0);
}

/* Of those that fell silent with it none is asked, while others are there. */
static void test_the_sure_come_first(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SURE_MS);
	f->silent[1] = true;
	live(f, LIVENESS_SILENT_MS - LIVENESS_SURE_MS + STEP_MS);
	for (int i = 0; i < 8; i++) {
		answer(f, 0, 0);
		live(f, STEP_MS);
	}
	assert_false(f->asked[1]);
	expect(f, ROUND);
}

static void test_one_answer_is_enough(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	answer(f, 8, 0);
	answer(f, 8, 1);
	answer(f, 8, 0);
	expect(f, ROUND);
	live(f, LIVENESS_AGAIN_MS - STEP_MS);
	expect(f, "");
	live(f, STEP_MS);
	expect(f, ROUND); /* it is watched on */
}

/* A prober that is dead, too, holds nothing up for longer than its time; who cannot tell, does not. */
static void test_no_answers(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	expect(f, ROUND);
	answer(f, 1, 0);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, "bury 0;");
	f->silent[0] = false;
	live(f, STEP_MS);
	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	expect(f, "revive 0;" ROUND);
	answer(f, 0, 0);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, "");
}

static void test_late_answers_count_for_nothing(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	f->silent[0] = false;
	live(f, STEP_MS);
	for (int i = 0; i < 5; i++)
		answer(f, 8, 0);
	liveness_answer(f->roster, "default_other", "0", 8, 0);
	liveness_answer(f->roster, NET, "nobody", 8, 0);
	live(f, STEP_MS);
	expect(f, ROUND);
}

static void test_most_at_once(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		f->silent[i] = true;
	live(f, LIVENESS_SILENT_MS + 5 * STEP_MS);
	assert_int_not_equal(liveness_illness(f->roster).n_silent, 0);
	expect(f, "");
	f->silent[1] = f->silent[2] = false;
	live(f, STEP_MS);
	assert_int_equal(liveness_illness(f->roster).n_silent, 0);
	expect(f, ROUND);
}

/* Answers of before count for nothing when it is over. */
static void test_most_in_the_middle_of_a_round(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, STEP_MS);
	f->silent[1] = f->silent[2] = true;
	live(f, LIVENESS_SILENT_MS);
	expect(f, ROUND);
	answer(f, 1, 0);
	live(f, STEP_MS);
	assert_int_not_equal(liveness_illness(f->roster).n_silent, 0);
	live(f, 2 * LIVENESS_ANSWER_MS);
	expect(f, "");
	f->silent[1] = f->silent[2] = false;
	live(f, STEP_MS);
	expect(f, ROUND);
}

/* We did not listen ourselves. */
static void test_deaf(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS - STEP_MS);
	roster_listen(f->roster, &f->time);
	live(f, ROSTER_ALIVE_MS - STEP_MS);
	expect(f, "");
}

static void recall(struct fixture *f, const char *net, const char *node)
{
	assert_int_equal(liveness_recall(f->roster, net, node, &f->time), 0);
}

/* Whoever found it out may have been restarted since: it is reminded of, and revived, all the same. */
static void test_found_out_by_another_allocator(void **state)
{
	struct fixture *f = *state;

	recall(f, NET, "x");
	live(f, STEP_MS);
	expect(f, "ask of x;ask of x;ask of x;");
	assert_int_equal(liveness_illness(f->roster).n_silent, 0);
	liveness_answer(f->roster, NET, "x", 1, 0);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, "bury x again;");
	recall(f, NET, "x");
	live(f, LIVENESS_REMIND_MS - LIVENESS_ANSWER_MS);
	expect(f, "ask of x;ask of x;ask of x;");
	liveness_answer(f->roster, NET, "x", 1, 1);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, "revive x;");
}

static void test_only_the_silent_are_recalled(void **state)
{
	struct fixture *f = *state;

	recall(f, NET, "0");
	recall(f, "default_other", "x");
	live(f, 2 * LIVENESS_REMIND_MS);
	expect(f, "");
	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	answer(f, 1, 1);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, ROUND);
	recall(f, NET, "0");
	live(f, STEP_MS);
	f->silent[0] = false;
	live(f, STEP_MS);
	expect(f, "revive 0;");
}

static void test_recalled_ones_are_limited(void **state)
{
	struct fixture *f = *state;
	char name[16];

	for (unsigned i = 0; i < LIVENESS_RECALLED_MAX; i++) {
		(void)snprintf(name, sizeof(name), "x%u", i);
		recall(f, NET, name);
	}
	assert_int_equal(liveness_recall(f->roster, NET, "y", &f->time), -E2BIG);
	recall(f, NET, "x7");
	f->time.now_ms += ROSTER_SILENT_MS + 1;
	roster_expire(f->roster, &f->time);
	recall(f, NET, "0"); /* silent itself by now */
	live(f, STEP_MS);
	recall(f, NET, "y");
}

/* Its agent is back, but does not host the Network yet. */
static void test_back_without_the_network(void **state)
{
	struct fixture *f = *state;
	struct alive alive = {.node = (char *)"0"};

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	answer(f, 1, 0);
	live(f, LIVENESS_ANSWER_MS);
	expect(f, ROUND "bury 0;");
	assert_int_equal(roster_on_alive(f->roster, &alive, &f->time), 0);
	live(f, STEP_MS);
	expect(f, "revive 0;");
	assert_int_equal(roster_on_alive(f->roster, &alive, &f->time), 0);
	assert_false(roster_hosts(f->roster, "0", NET));
}

/* While others find it dead, it is not forgotten. */
static void test_dead_for_long(void **state)
{
	struct fixture *f = *state;

	f->silent[0] = true;
	live(f, LIVENESS_SILENT_MS + STEP_MS);
	for (unsigned ms = 0; ms < ROSTER_SILENT_MS + 60000; ms += LIVENESS_ANSWER_MS - STEP_MS) {
		answer(f, 1, 0);
		live(f, LIVENESS_ANSWER_MS - STEP_MS);
		roster_expire(f->roster, &f->time);
	}
	assert_true(roster_hosts(f->roster, "0", NET));
	f->time.now_ms += ROSTER_SILENT_MS - LIVENESS_REMIND_MS;
	roster_expire(f->roster, &f->time);
	assert_true(roster_hosts(f->roster, "0", NET));
	f->time.now_ms += 2 * LIVENESS_REMIND_MS;
	roster_expire(f->roster, &f->time);
	assert_false(roster_hosts(f->roster, "0", NET));
	text_cut(&f->done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_answer_is_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_answers_count_for_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_machines_come_back_without_agent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_others_each_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_sure_come_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_most_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_most_in_the_middle_of_a_round, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_deaf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_found_out_by_another_allocator, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_only_the_silent_are_recalled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recalled_ones_are_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_without_the_network, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_for_long, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
