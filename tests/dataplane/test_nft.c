/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/array.h"
#include "dataplane/netns.h"
#include "dataplane/nft.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"

static const struct {
	const char *name, *text;
	int result;
	const char *sentence;
} rows[] = {
	{"fine", "add table inet t\nadd set inet t s { type ipv4_addr; }\n", 0, NULL},
	{"element", "add element inet t s { 10.0.0.1 }\n", 0, NULL},
	{"once more", "create element inet t s { 10.0.0.1 }\n", -EEXIST, "File exists"},
	{"what is not there", "delete element inet t s { 10.0.0.2 }\n", -ENOENT, "No such file"},
	{"all or nothing",
	 "add element inet t s { 10.0.0.3 }\ndelete element inet t s { 10.0.0.2 }\n", -ENOENT, ""},
	{"nothing of it is there", "create element inet t s { 10.0.0.3 }\n", 0, NULL},
	{"not nft", "blah\n", -EINVAL, "syntax error"},
	{"empty", "", 0, NULL},
};

static void test_results(void **state)
{
	auto_call(nft_freep) struct nft *nft = NULL;
	int netns = netns_new();

	(void)state;
	assert_int_equal(nft_new(&nft, NULL), 0);
	netns_enter(netns);
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct error err = {};

		print_message("%s\n", row->name);
		assert_int_equal(nft_check(nft, row->text, &err), row->result);
		assert_int_equal(nft_run(nft, row->text, &err), row->result);
		if (row->sentence && !strstr(err.text, row->sentence))
			fail_msg("%s", err.text);
	}
	(void)close(netns);
}

/* libnftables aborts above descriptor 1023: one is kept for it, whatever the program opens. */
static void test_works_with_many_open_files(void **state)
{
	struct rlimit limit = {4096, 4096};
	auto_call(nft_freep) struct nft *nft = NULL;
	int netns = netns_new(), fds[2000];

	(void)state;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(nft_new(&nft, NULL), 0);
	netns_enter(netns);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(nft_run(nft, "add table inet t\n", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
	(void)close(netns);
}

static void test_a_visit_ends_at_home(void **state)
{
	auto_call(nft_freep) struct nft *nft = NULL;
	int here = netns_new(), there = netns_new(), fd;
	auto_free char *tables = NULL;
	struct error err;
	char path[64];

	(void)state;
	assert_int_equal(nft_new(&nft, NULL), 0);
	netns_enter(here);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", there);
	assert_int_equal(netns_open(path, &fd, &err), 0);
	{
		auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;

		assert_int_equal(netns_visit(fd, &visit, &err), 0);
		assert_int_equal(nft_run(nft, "add table inet there\n", &err), 0);
	}
	assert_int_equal(nft_run(nft, "add table inet here\n", &err), 0);
	tables = netns_pipe(there, "", "nft list tables");
	assert_string_equal(tables, "table inet there\n");
	(void)close(fd);
	(void)close(here);
	(void)close(there);
}

static void test_what_is_no_namespace(void **state)
{
	struct error err;
	int fd;

	(void)state;
	assert_int_equal(netns_open("/nonexistent/ns", &fd, &err), -ENOENT);
	assert_int_equal(netns_open("/dev/null", &fd, &err), -EINVAL);
	assert_string_equal(err.text, "'/dev/null' is not a network namespace");
	assert_int_equal(netns_open("/proc/self/ns/uts", &fd, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_works_with_many_open_files),
		cmocka_unit_test(test_a_visit_ends_at_home),
		cmocka_unit_test(test_what_is_no_namespace),
	};

	netns_require_permission();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
