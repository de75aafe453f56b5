/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/array.h"
#include "base/notify.h"
#include "tests/support/cmocka.h"

/* An abstract socket of our own, so that nothing is left behind. */
static int listen_abstract(char name[static 64])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int len = snprintf(name, 64, "@ilb-test-notify-%d", (int)getpid());

	memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
			 0);
	return fd;
}

static void test_send(void **state)
{
	char name[64], got[2048];
	auto_close int fd = listen_abstract(name);
	ssize_t len;

	(void)state;
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	notify_send("READY=1\nSTATUS=%s", "fine");
	len = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	assert_int_equal(len, 19);
	assert_memory_equal(got, "READY=1\nSTATUS=fine", 19);
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
	for (const char *const *bad = (const char *const[]){"", "x", "/", "relative", NULL}; *bad;
	     bad++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", *bad, 1), 0);
		notify_send("READY=1"); /* nothing to see: it must not crash */
	}
	unsetenv("NOTIFY_SOCKET");
}

struct watchdog_case {
	const char *usec, *pid;
	uint64_t expect;
};

static void test_watchdog(void **state)
{
	char own[16];
	const struct watchdog_case cases[] = {
		{NULL, NULL, 0},      {"30000000", NULL, 30000}, {"30000000", own, 30000},
		{"30000000", "1", 0}, {"30000000", "x", 0},      {"soon", own, 0},
	};

	(void)state;
	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	ARRAY_FOREACH(c, cases, ARRAY_SIZE(cases)) {
		print_message("  %s %s\n", c->usec ? c->usec : "-", c->pid ? c->pid : "-");
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (c->usec)
			assert_int_equal(setenv("WATCHDOG_USEC", c->usec, 1), 0);
		if (c->pid)
			assert_int_equal(setenv("WATCHDOG_PID", c->pid, 1), 0);
		assert_int_equal(notify_watchdog_ms(), c->expect);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
