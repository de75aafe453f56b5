/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/nats_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "tests/support/cmocka.h"

#define START_MS 20000

bool nats_server_is_installed(void)
{
	return system("command -v nats-server >/dev/null 2>&1") == 0;
}

static void sleep_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL); /* only a pause between two looks */
}

static int local_socket(uint16_t port, struct sockaddr_in *ret_address)
{
	*ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	ret_address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* The kernel gives each free port once before it comes round, so others do not get the same. */
static uint16_t free_port(void)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	auto_close int fd = local_socket(0, &address);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

void nats_server_init(struct nats_server *server)
{
	*server = (struct nats_server){.dir = "/tmp/ilb-nats.XXXXXX"};
	assert_non_null(mkdtemp(server->dir));
	server->port = free_port();
	(void)snprintf(server->url, sizeof(server->url), "nats://127.0.0.1:%d", server->port);
}

static bool accepts(const struct nats_server *server)
{
	struct sockaddr_in address;
	auto_close int fd = local_socket(server->port, &address);
	char greeting[5] = "";

	assert_true(fd >= 0);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       read(fd, greeting, 4) == 4 && memcmp(greeting, "INFO", 4) == 0;
}

static _Noreturn void run_server(const struct nats_server *server, const char *option,
				 const char *value)
{
	char port[8], log[128];

	(void)snprintf(port, sizeof(port), "%d", server->port);
	(void)snprintf(log, sizeof(log), "%s/log", server->dir);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)execlp("nats-server", "nats-server", "-js", "-a", "127.0.0.1", "-p", port, "-sd",
		     server->dir, "-l", log, option, value, (char *)NULL);
	_exit(127);
}

void nats_server_start(struct nats_server *server)
{
	nats_server_start_with(server, NULL, NULL);
}

void nats_server_start_with(struct nats_server *server, const char *option, const char *value)
{
	assert_int_equal(server->pid, 0);
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0)
		run_server(server, option, value);
	for (int waited_ms = 0; !accepts(server); waited_ms += 20) {
		if (waited_ms > START_MS || waitpid(server->pid, NULL, WNOHANG) != 0)
			fail_msg("nats-server does not start, see %s/log", server->dir);
		sleep_ms(20);
	}
}

void nats_server_kill(struct nats_server *server, int signal)
{
	if (server->pid <= 0)
		return;
	(void)kill(server->pid, signal);
	while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
		;
	server->pid = 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	(void)remove(path); /* what stays is in /tmp */
	return 0;
}

void nats_server_deinit(struct nats_server *server)
{
	nats_server_kill(server, SIGKILL);
	(void)nftw(server->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
