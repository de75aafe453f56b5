/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/recall.h"
#include "base/array.h"
#include "base/file.h"
#include "tests/agent/make.h"
#include "tests/support/cmocka.h"

/* Real files, on a real loop with its threads. */
struct fixture {
	char dir[64], path[128], got[8192];
	uv_loop_t loop;
	struct recall *recall;
	bool done;
};

static void on_loaded(void *user, struct desired *state, uint64_t at_ms)
{
	struct fixture *fixture = user;

	fixture->done = true;
	if (!state) {
		(void)snprintf(fixture->got, sizeof(fixture->got), "nothing");
		return;
	}
	assert_true(at_ms > 0);
	(void)snprintf(fixture->got, sizeof(fixture->got), "%" PRIu64 ":%s", state->revision,
		       make_text(state));
	desired_free(state);
}

static void on_stored(void *user)
{
	struct fixture *fixture = user;

	fixture->done = true;
}

static void wait_done(struct fixture *fixture)
{
	while (!fixture->done)
		(void)uv_run(&fixture->loop, UV_RUN_ONCE);
	fixture->done = false;
}

static void store(struct fixture *fixture, struct desired *change)
{
	assert_int_equal(recall_store(fixture->recall, change, on_stored, fixture), 0);
	assert_true(recall_is_busy(fixture->recall));
	wait_done(fixture);
	assert_false(recall_is_busy(fixture->recall));
	desired_free(change);
}

static void expect(struct fixture *fixture, const char *what)
{
	recall_load(fixture->recall, on_loaded, fixture);
	wait_done(fixture);
	assert_string_equal(fixture->got, what);
}

/* As a process that starts anew sees it. */
static void start_anew(struct fixture *fixture)
{
	recall_close(fixture->recall);
	assert_int_equal(recall_new(&fixture->loop, fixture->dir, "default_net", &fixture->recall),
			 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	(void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/ilb-test-recall.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/default_net.recall", fixture->dir);
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	start_anew(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	int r;

	recall_close(fixture->recall);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&fixture->loop);
	(void)unlink(fixture->path);
	(void)rmdir(fixture->dir);
	free(fixture);
	return r;
}

static void test_kept(void **state)
{
	struct fixture *fixture = *state;

	expect(fixture, "nothing");
	store(fixture, make_part(1, 5, "ab", 1, 1));
	store(fixture, make_delta(1, 4, 7, "c-a")); /* `previous` is ours to know */
	start_anew(fixture);
	expect(fixture, "7:b5c7");
	store(fixture, make_delta(1, 7, 8, "d"));
	start_anew(fixture);
	expect(fixture, "8:b5c7d8");
}

static void test_change_without_snapshot(void **state)
{
	struct fixture *fixture = *state;

	store(fixture, make_delta(1, 4, 7, "c"));
	assert_true(recall_is_broken(fixture->recall));
	expect(fixture, "nothing");
}

static void test_has(void **state)
{
	struct fixture *fixture = *state;
	struct desired *same = make_part(1, 5, "ab", 1, 1);
	struct desired *newer = make_part(1, 6, "ab", 1, 1), *other = make_part(2, 5, "ab", 1, 1);

	assert_false(recall_has(fixture->recall, same));
	store(fixture, make_part(1, 5, "ab", 1, 1));
	assert_true(recall_has(fixture->recall, same));
	start_anew(fixture);
	assert_false(recall_has(fixture->recall, same));
	expect(fixture, "5:a5b5");
	assert_true(recall_has(fixture->recall, same));
	assert_false(recall_has(fixture->recall, newer));
	assert_false(recall_has(fixture->recall, other));
	desired_free(same);
	desired_free(newer);
	desired_free(other);
}

static void test_torn_end_is_cut_off(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;

	store(fixture, make_part(1, 5, "ab", 1, 1));
	store(fixture, make_delta(1, 5, 6, "c"));
	assert_int_equal(stat(fixture->path, &st), 0);
	assert_int_equal(truncate(fixture->path, st.st_size - 1), 0);
	start_anew(fixture);
	expect(fixture, "5:a5b5");
	store(fixture, make_delta(1, 5, 7, "d"));
	start_anew(fixture);
	expect(fixture, "7:a5b5d7");
}

static void test_outrun_leaves_nothing_older(void **state)
{
	struct fixture *fixture = *state;
	struct desired *change = make_delta(1, 5, 6, "c");

	store(fixture, make_part(1, 5, "ab", 1, 1));
	assert_int_equal(recall_store(fixture->recall, change, on_stored, fixture), 0);
	recall_outrun(fixture->recall); /* while it is being written */
	wait_done(fixture);
	desired_free(change);
	assert_true(recall_is_broken(fixture->recall));
	start_anew(fixture);
	expect(fixture, "nothing");
	store(fixture, make_part(1, 9, "z", 1, 1)); /* the next snapshot mends it */
	assert_false(recall_is_broken(fixture->recall));
	expect(fixture, "9:z9");
}

/* The kernel has what was never written. */
static void test_outrun_and_closed_leaves_nothing_older(void **state)
{
	struct fixture *fixture = *state;
	struct desired *change = make_delta(1, 5, 6, "c");

	store(fixture, make_part(1, 5, "ab", 1, 1));
	assert_int_equal(recall_store(fixture->recall, change, on_stored, fixture), 0);
	desired_free(change);
	recall_outrun(fixture->recall);
	start_anew(fixture);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	expect(fixture, "nothing");
}

static void test_failure_leaves_nothing_older(void **state)
{
	struct fixture *fixture = *state;

	store(fixture, make_part(1, 5, "ab", 1, 1));
	assert_int_equal(unlink(fixture->path), 0); /* so that it cannot be appended to */
	store(fixture, make_delta(1, 5, 6, "c"));
	assert_true(recall_is_broken(fixture->recall));
	expect(fixture, "nothing");
}

/* The file is bounded by the state, however many changes come. */
static void test_shortened(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;

	store(fixture, make_part(1, 1, "abcdefghijklmnopqrstuvwxyz", 1, 1));
	for (uint64_t revision = 2; revision < 3000; revision++)
		store(fixture, make_delta(1, 0, revision, "abcdefghijklmno"));
	assert_int_equal(stat(fixture->path, &st), 0);
	assert_true(st.st_size < 2 << 20);
	start_anew(fixture);
	recall_load(fixture->recall, on_loaded, fixture);
	wait_done(fixture);
	assert_memory_equal(fixture->got, "2999:a2999b2999", 15);
}

static void test_closed_while_busy(void **state)
{
	struct fixture *fixture = *state;
	struct desired *change = make_part(1, 5, "ab", 1, 1);

	assert_int_equal(recall_store(fixture->recall, change, on_stored, fixture), 0);
	desired_free(change);
	start_anew(fixture);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	assert_false(fixture->done); /* no callback after it */
	expect(fixture, "5:a5b5");
}

static void test_sweep(void **state)
{
	static const struct {
		const char *name;
		bool stays;
	} rows[] = {
		{"a_net.recall", true},       {"a_net.recall.aB3xYz", false},
		{"a_net.recall.aB3xY", true}, {".recall.aB3xYz", true},
		{"notes.aB3xYz", true},
	};
	struct fixture *fixture = *state;
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, rows[i].name);
		assert_int_equal(file_replace(path, "x", 1, NULL), 0);
	}
	recall_sweep(fixture->dir);
	recall_sweep("/nothing/is/here");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("%s\n", rows[i].name);
		(void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, rows[i].name);
		assert_int_equal(unlink(path) == 0, rows[i].stays);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_change_without_snapshot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_has, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn_end_is_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_outrun_leaves_nothing_older, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_outrun_and_closed_leaves_nothing_older, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_failure_leaves_nothing_older, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_shortened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_closed_while_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sweep, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
