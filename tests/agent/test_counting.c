/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/counting.h"
#include "tests/support/cmocka.h"

/* In place of the kernel thread, which answers when the test says so. */
static unsigned n_jobs;
static uint64_t last_token;

int worker_count(struct worker *worker, const char *net, bool destinations, uint64_t token)
{
	(void)worker;
	(void)net;
	(void)destinations;
	n_jobs++;
	last_token = token;
	return 0;
}

static void on_count(void *user, const struct worker_count *count)
{
	unsigned *n_answers = user;

	*n_answers += count != NULL;
}

struct fixture {
	uv_loop_t loop;
	struct counting *counting;
	unsigned n_answers[COUNTING_MAX + 1];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	n_jobs = 0;
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(counting_new(&f->loop, NULL, &f->counting), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	counting_close(f->counting);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
	return 0;
}

static int ask(struct fixture *f, unsigned who)
{
	return counting_ask(f->counting, NULL, false, on_count, &f->n_answers[who]);
}

static void reply(struct fixture *f, uint64_t token)
{
	counting_on_report(f->counting, &(struct worker_count){.token = token});
}

/* As each scrape does while the kernel thread is busy. */
static void test_one_job_for_each_who_asks(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, 0), 0);
	assert_int_equal(ask(f, 0), -ENOBUFS);
	assert_int_equal(ask(f, 1), 0);
	assert_int_equal(n_jobs, 2);
	reply(f, 1);
	assert_int_equal(f->n_answers[0], 1);
	assert_int_equal(f->n_answers[1], 0);
	assert_int_equal(ask(f, 0), 0);
	assert_int_equal(n_jobs, 3);
}

/* Nobody waits for these any more, but the kernel thread has them before it. */
static void test_a_job_keeps_its_place(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNTING_MAX; i++) {
		assert_int_equal(ask(f, i), 0);
		counting_forget(f->counting, &f->n_answers[i]);
	}
	assert_int_equal(ask(f, COUNTING_MAX), -ENOBUFS);
	reply(f, last_token);
	assert_int_equal(f->n_answers[COUNTING_MAX - 1], 0);
	assert_int_equal(ask(f, COUNTING_MAX), 0);
	assert_int_equal(ask(f, 0), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_job_for_each_who_asks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_job_keeps_its_place, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
