/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/deltas.h"
#include "base/array.h"
#include "tests/agent/make.h"
#include "tests/support/cmocka.h"

static int add(struct deltas *deltas, unsigned epoch, uint64_t revision)
{
	struct desired *delta = make_delta(epoch, revision - 1, revision, "a");
	int r = deltas_add(deltas, delta);

	if (r < 0)
		desired_free(delta);
	return r;
}

/* The revisions in their order, "1:7 2:8" where the first is the epoch. Empties it. */
static void expect(struct deltas *deltas, const char *wanted)
{
	struct desired *delta;
	char text[128] = "";

	while ((delta = deltas_take_first(deltas))) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "%s%u:%u", len ? " " : "",
			       delta->epoch.bytes[0], (unsigned)delta->revision);
		desired_free(delta);
	}
	assert_string_equal(text, wanted);
}

static void test_in_order_each_once(void **state)
{
	struct deltas own = {}, *deltas = &own;

	(void)state;
	assert_null(deltas_first(deltas));
	assert_int_equal(add(deltas, 1, 9), 0);
	assert_int_equal(add(deltas, 1, 7), 0);
	assert_int_equal(add(deltas, 1, 8), 0);
	assert_int_equal(add(deltas, 2, 8), 0); /* another store's */
	assert_int_equal(add(deltas, 1, 8), -EEXIST);
	assert_int_equal(deltas_first(deltas)->revision, 7);
	expect(deltas, "1:7 2:8 1:8 1:9");
	deltas_drop(deltas);
}

static void test_full(void **state)
{
	struct deltas deltas = {};

	(void)state;
	for (uint64_t i = 1; i <= DELTAS_MAX; i++)
		assert_int_equal(add(&deltas, 1, i), 0);
	assert_int_equal(add(&deltas, 1, DELTAS_MAX + 1), -ENOBUFS);
	deltas_drop(&deltas);
	assert_int_equal(add(&deltas, 1, 5), 0);
	expect(&deltas, "1:5");
	deltas_drop(&deltas);
}

static void test_one_epoch_is_kept(void **state)
{
	struct uuid first = make_epoch(1), second = make_epoch(2);
	struct deltas deltas = {};

	(void)state;
	for (unsigned epoch = 1; epoch <= 2; epoch++)
		assert_int_equal(add(&deltas, epoch, 4), 0);
	assert_false(deltas_keep_epoch(&deltas, &second, &first));
	assert_int_equal(add(&deltas, 3, 5), 0);
	assert_true(deltas_keep_epoch(&deltas, &second, &first));
	expect(&deltas, "2:4");
	deltas_drop(&deltas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order_each_once),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_one_epoch_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
