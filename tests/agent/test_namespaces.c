/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/namespaces.h"
#include "base/text.h"
#include "tests/support/cmocka.h"

/* Real inotify, and real namespaces, mounted as `ip netns add` does it. Needs root. */

struct fixture {
	char dir[64], netns[96];
	uv_loop_t loop;
	uv_timer_t deadline;
	struct namespaces *namespaces;
	struct text events; /* "+net" and "-net", one behind the other */
};

static void on_event(void *user, const char *net, enum namespace_event event)
{
	struct fixture *fixture = user;

	text_addf(&fixture->events, "%s%s ", event == NAMESPACE_APPEARED ? "+" : "-", net);
	uv_stop(&fixture->loop); /* else it would poll on after its timers */
}

static void on_deadline(uv_timer_t *timer)
{
	fail_msg("nothing more happened after '%s'", ((struct fixture *)timer->data)->events.bytes);
}

/* Runs the loop until exactly these events have come since the last call. */
static void expect_events(struct fixture *fixture, const char *expect)
{
	assert_int_equal(uv_timer_start(&fixture->deadline, on_deadline, 9000, 0), 0);
	while (fixture->events.len < strlen(expect))
		(void)uv_run(&fixture->loop, UV_RUN_ONCE);
	assert_string_equal(fixture->events.bytes ? fixture->events.bytes : "", expect);
	text_cut(&fixture->events, 0);
	assert_int_equal(uv_timer_stop(&fixture->deadline), 0);
}

/* Lets the loop see all that has happened; nothing must come of it. */
static void expect_quiet(struct fixture *fixture)
{
	for (unsigned i = 0; i < 20; i++) {
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
	assert_string_equal(fixture->events.bytes ? fixture->events.bytes : "", "");
}

static const char *path_of(const struct fixture *fixture, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", fixture->netns, name);
	return path;
}

static void touch(const struct fixture *fixture, const char *name)
{
	int fd = open(path_of(fixture, name), O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

/* A thread has a network namespace of its own for a moment: the mount keeps it. */
static void *mount_new_namespace(void *path)
{
	char own[64];

	(void)snprintf(own, sizeof(own), "/proc/self/task/%d/ns/net", (int)gettid());
	if (unshare(CLONE_NEWNET) < 0 || mount(own, path, NULL, MS_BIND, NULL) < 0)
		return path;
	return NULL;
}

static void mount_namespace(const struct fixture *fixture, const char *name)
{
	pthread_t thread;
	void *failed;

	assert_int_equal(
		pthread_create(&thread, NULL, mount_new_namespace, (void *)path_of(fixture, name)),
		0);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
}

static void add(const struct fixture *fixture, const char *name)
{
	touch(fixture, name);
	mount_namespace(fixture, name);
}

static void delete (const struct fixture *fixture, const char *name)
{
	(void)umount2(path_of(fixture, name), MNT_DETACH);
	(void)unlink(path_of(fixture, name));
}

static void start(struct fixture *fixture)
{
	assert_int_equal(namespaces_new(&fixture->loop, fixture->netns, on_event, fixture,
					&fixture->namespaces, NULL),
			 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	(void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/ilb-test-namespaces.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	(void)snprintf(fixture->netns, sizeof(fixture->netns), "%s/netns", fixture->dir);
	assert_int_equal(mkdir(fixture->netns, 0755), 0);
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	assert_int_equal(uv_timer_init(&fixture->loop, &fixture->deadline), 0);
	fixture->deadline.data = fixture;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"default_a", "default_b", "default_c", "default_d"};
	struct fixture *fixture = *state;
	int r;

	namespaces_close(fixture->namespaces);
	uv_close((uv_handle_t *)&fixture->deadline, NULL);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&fixture->loop);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		delete (fixture, names[i]);
	(void)rmdir(fixture->netns);
	(void)rmdir(fixture->dir);
	text_deinit(&fixture->events);
	free(fixture);
	return r;
}

static void test_there_at_the_start(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, "default_a");
	touch(fixture, "default_b"); /* never becomes a namespace */
	start(fixture);
	expect_events(fixture, "+default_a ");
	expect_quiet(fixture);
}

static void test_come_and_go(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	expect_quiet(fixture);
	add(fixture, "default_a");
	expect_events(fixture, "+default_a ");
	add(fixture, "default_b");
	expect_events(fixture, "+default_b ");
	delete (fixture, "default_a");
	expect_events(fixture, "-default_a ");
	add(fixture, "default_a");
	expect_events(fixture, "+default_a ");
}

static void test_file_first_namespace_later(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	touch(fixture, "default_a");
	expect_quiet(fixture);
	mount_namespace(fixture, "default_a"); /* inotify does not tell */
	expect_events(fixture, "+default_a ");
}

static void test_file_goes_again(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	touch(fixture, "default_a");
	expect_quiet(fixture);
	delete (fixture, "default_a");
	expect_quiet(fixture);
}

static void test_replaced(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, "default_a");
	start(fixture);
	expect_events(fixture, "+default_a ");
	/* Both before the loop looks. */
	delete (fixture, "default_a");
	add(fixture, "default_a");
	expect_events(fixture, "-default_a +default_a ");
	expect_quiet(fixture);
}

static void test_no_descriptor_to_look_with(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit all, none;

	add(fixture, "default_a");
	start(fixture);
	expect_events(fixture, "+default_a ");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = all.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(mkdir(path_of(fixture, "default_b"), 0755), 0); /* makes it look */
	expect_quiet(fixture);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(rmdir(path_of(fixture, "default_b")), 0);
	add(fixture, "default_c");
	expect_events(fixture, "+default_c ");
}

static void test_names_that_are_none(void **state)
{
	static const char *const names[] = {"a", "Default_a", "default.a", "_a", "default_"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		add(fixture, names[i]);
	start(fixture);
	expect_quiet(fixture);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		delete (fixture, names[i]);
	expect_quiet(fixture);
}

static void test_directory_comes_later(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(rmdir(fixture->netns), 0);
	start(fixture);
	expect_quiet(fixture);
	assert_int_equal(mkdir(fixture->netns, 0755), 0);
	add(fixture, "default_a");
	expect_events(fixture, "+default_a ");
}

static void test_directory_is_replaced(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, "default_a");
	start(fixture);
	expect_events(fixture, "+default_a ");
	delete (fixture, "default_a");
	assert_int_equal(rmdir(fixture->netns), 0);
	expect_events(fixture, "-default_a ");
	assert_int_equal(mkdir(fixture->netns, 0755), 0);
	add(fixture, "default_b");
	expect_events(fixture, "+default_b ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_at_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_first_namespace_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_goes_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_descriptor_to_look_with, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_that_are_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directory_comes_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directory_is_replaced, set_up, tear_down),
	};

	if (geteuid() != 0) {
		puts("skipped: network namespaces need root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
