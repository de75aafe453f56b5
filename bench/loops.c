/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bench/loops: connections from one network namespace to another, by one thread that is client and
 * server at once. On a veth pair a packet is taken through the whole path, routers between them
 * included, by the thread that sends it: so the thread's processor time is what the path costs.
 *
 * Each line of standard input is a measurement, answered by its processor time in nanoseconds (or with
 * --wall by the clock, for test kernels, which do nothing else and count processor time coarsely):
 *
 *	tcp|udp|bulk CLIENT-PID SERVER-PID FIRST-ADDRESS STRIDE N-ADDRESSES N
 *
 * bulk: one connection, N times 64 KB through it. Else: N new connections (TCP: opened, accepted, reset; UDP: a datagram and its answer, from a new socket)
 * from the namespace of one process to port 80 of FIRST-ADDRESS, FIRST-ADDRESS + STRIDE, ... in turn.
 * What serves them listens on all addresses in the namespace of the other process.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT          80
#define N_SERVERS_MAX 64

struct server {
	int pid, tcp, udp;
};

enum kind { KIND_TCP, KIND_UDP, KIND_BULK };

struct loop {
	enum kind kind;
	int client, server; /* processes */
	uint32_t first, stride, n_addresses, n;
	uint32_t next;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench/loops: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(int pid)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	(void)close(fd);
}

static struct sockaddr_in socket_address(uint32_t address)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(address)};
}

static int open_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 5};

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		die("socket");
	return fd;
}

static int serve(int type)
{
	struct sockaddr_in any = socket_address(INADDR_ANY);
	int fd = open_socket(type), on = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 128) < 0))
		die("a server's socket");
	return fd;
}

static struct server *find_server(int pid)
{
	static struct server servers[N_SERVERS_MAX];
	static size_t n;

	for (size_t i = 0; i < n; i++)
		if (servers[i].pid == pid)
			return &servers[i];
	if (n == N_SERVERS_MAX)
		die("too many servers");
	servers[n] = (struct server){pid, -1, -1};
	return &servers[n++];
}

/* The socket that serves the loop; it stays open. */
static int server_socket(const struct loop *loop)
{
	struct server *server = find_server(loop->server);
	int *fd = loop->kind == KIND_UDP ? &server->udp : &server->tcp;

	if (*fd < 0) {
		enter(loop->server);
		*fd = serve(loop->kind == KIND_UDP ? SOCK_DGRAM : SOCK_STREAM);
	}
	return *fd;
}

static int connect_next(struct loop *loop, int type)
{
	uint32_t index = loop->next++ % loop->n_addresses;
	struct sockaddr_in to = socket_address(loop->first + index * loop->stride);
	int fd = open_socket(type);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	return fd;
}

static void one_tcp(struct loop *loop, int listener)
{
	struct linger reset = {.l_onoff = 1};
	int client = connect_next(loop, SOCK_STREAM);
	int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (server < 0)
		die("accept");
	(void)setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)close(client);
	(void)close(server);
}

/* Answers from the address that the datagram came to. */
static void answer(int server)
{
	char bytes[64], control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct sockaddr_in peer;
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_name = &peer,
				 .msg_namelen = sizeof(peer),
				 .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct in_pktinfo *info;

	if (recvmsg(server, &message, 0) < 0)
		die("recvmsg");
	info = (struct in_pktinfo *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&message));
	info->ipi_spec_dst = info->ipi_addr;
	info->ipi_ifindex = 0;
	if (sendmsg(server, &message, 0) < 0)
		die("sendmsg");
}

static void one_udp(struct loop *loop, int server)
{
	char bytes[64] = "";
	int client = connect_next(loop, SOCK_DGRAM);

	if (send(client, bytes, sizeof(bytes), 0) < 0)
		die("send");
	answer(server);
	if (recv(client, bytes, sizeof(bytes), 0) < 0)
		die("recv");
	(void)close(client);
}

/* As much as goes in, then all of it out: neither ever waits, but for what is on its way. */
static void bulk(struct loop *loop, int listener)
{
	static char bytes[65536];
	size_t total = (size_t)loop->n * sizeof(bytes), sent = 0, received = 0;
	int client = connect_next(loop, SOCK_STREAM);
	int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (server < 0)
		die("accept");
	while (received < total) {
		ssize_t n = sent < total ? send(client, bytes, sizeof(bytes), MSG_DONTWAIT) : 0;

		sent += n > 0 ? (size_t)n : 0;
		n = recv(server, bytes, sizeof(bytes), n > 0 ? MSG_DONTWAIT : 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			die("a bulk transfer");
		received += n > 0 ? (size_t)n : 0;
	}
	(void)close(client);
	(void)close(server);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now); /* cannot fail for these clocks */
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t run(struct loop *loop, clockid_t clock)
{
	int server = server_socket(loop);
	uint64_t start;

	enter(loop->client);
	start = now_ns(clock);
	if (loop->kind == KIND_BULK)
		bulk(loop, server);
	for (uint32_t i = 0; i < loop->n && loop->kind != KIND_BULK; i++) {
		if (loop->kind == KIND_UDP)
			one_udp(loop, server);
		else
			one_tcp(loop, server);
	}
	return now_ns(clock) - start;
}

int main(int argc, char **argv)
{
	clockid_t clock = argc > 1 && strcmp(argv[1], "--wall") == 0 ? CLOCK_MONOTONIC
								     : CLOCK_THREAD_CPUTIME_ID;

	char line[256], protocol[8], first[16];
	static uint32_t next; /* addresses go on in turn over all measurements */
	struct in_addr address;
	struct loop loop;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%7s %d %d %15s %" SCNu32 " %" SCNu32 " %" SCNu32, protocol,
			   &loop.client, &loop.server, first, &loop.stride, &loop.n_addresses,
			   &loop.n) != 7 ||
		    loop.n_addresses == 0 || inet_aton(first, &address) == 0) {
			errno = EINVAL;
			die(line);
		}
		loop.kind = strcmp(protocol, "udp") == 0    ? KIND_UDP
			    : strcmp(protocol, "bulk") == 0 ? KIND_BULK
							    : KIND_TCP;
		loop.first = ntohl(address.s_addr);
		loop.next = next;
		printf("%" PRIu64 "\n", run(&loop, clock));
		(void)fflush(stdout);
		next = loop.next;
	}
	return 0;
}
