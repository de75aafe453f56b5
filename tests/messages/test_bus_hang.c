/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "messages/bus_private.h"
#include "tests/support/cmocka.h"

#define HANG_MS    3000
#define ENOUGH_MS  6000
#define FIXED_IN   0x030800 /* libnats 3.8.0 does not hang */
#define NOT_CAUGHT 3

/*
 * The watchdog's patience is 60 s; here it is less. The bus runs in a child, as it may end the
 * process.
 */

static void on_event(void *user, enum bus_event event, const char *sentence)
{
	(void)user;
	(void)event;
	(void)sentence;
}

static void on_enough(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static _Noreturn void run_bus(const char *url)
{
	struct bus_options options = {.servers = url};
	struct error err;
	uv_timer_t enough;
	uv_loop_t loop;
	struct bus *bus;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (uv_loop_init(&loop) < 0 || uv_timer_init(&loop, &enough) < 0 ||
	    uv_timer_start(&enough, on_enough, ENOUGH_MS, 0) < 0 ||
	    bus_new(&loop, &options, on_event, NULL, &bus, &err) < 0)
		_exit(1);
	bus->hang_ms = HANG_MS;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	_exit(NOT_CAUGHT);
}

/* Return: the exit status of a process with a bus that connects to `url`. */
static int exit_of_bus(const char *url)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		run_bus(url);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int listen_locally(char url[static 64])
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(fd, 8), 0);
	(void)snprintf(url, 64, "nats://127.0.0.1:%d", ntohs(address.sin_port));
	return fd;
}

/* Greets everybody and says nothing more. */
static _Noreturn void greet(int listener)
{
	static const char info[] =
		"INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"max_payload\":1048576,"
		"\"headers\":true}\r\n";

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || write(fd, info, strlen(info)) < 0)
			_exit(1);
	}
}

static void test_hang_ends_the_process(void **state)
{
	char url[64];
	auto_close int listener = listen_locally(url);
	pid_t server = fork();
	int status;

	(void)state;
	assert_true(server >= 0);
	if (server == 0)
		greet(listener);
	status = exit_of_bus(url);
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_int_equal(waitpid(server, NULL, 0), server);
	assert_int_equal(status, nats_GetVersionNumber() < FIXED_IN ? EXIT_BUS_HANGS : NOT_CAUGHT);
}

static void test_absent_server_is_no_hang(void **state)
{
	char url[64];
	int listener = listen_locally(url);

	(void)state;
	assert_int_equal(close(listener), 0); /* now nobody listens there */
	assert_int_equal(exit_of_bus(url), NOT_CAUGHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hang_ends_the_process),
		cmocka_unit_test(test_absent_server_is_no_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
