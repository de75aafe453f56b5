/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/handoff.h"
#include "tests/support/cmocka.h"

static void count_wake(void *user)
{
	(*(atomic_int *)user)++;
}

static void test_bounded_and_in_order(void **state)
{
	atomic_int wakes = 0;
	int items[4];
	struct handoff *handoff;

	(void)state;
	assert_int_equal(handoff_new(3, count_wake, &wakes, &handoff), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(handoff_put(handoff, &items[i]), 0);
	assert_int_equal(handoff_put(handoff, &items[3]), -ENOBUFS);
	assert_int_equal(wakes, 1); /* one wake-up for the burst */
	assert_int_equal(handoff_lost(handoff), 1);
	assert_int_equal(handoff_lost(handoff), 0);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(handoff_take(handoff), &items[i]);
	assert_null(handoff_take(handoff));
	assert_int_equal(handoff_put(handoff, &items[3]), 0);
	assert_int_equal(wakes, 2); /* armed again once it was found empty */
	handoff_close(handoff);
	assert_int_equal(handoff_put(handoff, &items[0]), -ENOBUFS);
	assert_ptr_equal(handoff_wait(handoff), &items[3]);
	assert_null(handoff_wait(handoff));
	handoff_free(handoff, NULL);
}

enum { N_PRODUCERS = 4, N_EACH = 20000 };

struct item {
	int producer, number;
};

struct producer {
	struct handoff *handoff;
	int id;
};

static void *produce(void *arg)
{
	const struct producer *producer = arg;

	for (int i = 0; i < N_EACH; i++) {
		struct item *item = malloc(sizeof(*item));

		*item = (struct item){producer->id, i};
		while (handoff_put(producer->handoff, item) < 0)
			sched_yield();
	}
	return NULL;
}

static void test_many_producers_lose_nothing(void **state)
{
	struct producer producers[N_PRODUCERS];
	pthread_t threads[N_PRODUCERS];
	int next[N_PRODUCERS] = {};
	struct handoff *handoff;

	(void)state;
	assert_int_equal(handoff_new(64, NULL, NULL, &handoff), 0);
	for (int i = 0; i < N_PRODUCERS; i++) {
		producers[i] = (struct producer){handoff, i};
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	for (int i = 0; i < N_PRODUCERS * N_EACH; i++) {
		struct item *item = handoff_wait(handoff);

		assert_int_equal(item->number, next[item->producer]++);
		free(item);
	}
	for (int i = 0; i < N_PRODUCERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	handoff_free(handoff, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded_and_in_order),
		cmocka_unit_test(test_many_producers_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
