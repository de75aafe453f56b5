/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "dataplane/forwarding.h"
#include "dataplane/plan.h"
#include "dataplane/ruleset.h"
#include "dataplane/trace.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"
#include "tests/support/some_lb.h"

/*
 * Real packets: each flow must come out where trace_flow() says. A client's namespace, the
 * Network's (with the rules), and one with all destinations. ILB_SEED repeats a run.
 */

#define N_FLOWS  200  /* of each family */
#define PATIENCE 3000 /* ms until a packet that should come counts as lost */

static struct some some;
static int client, network, servers;

static const char *const texts[] = {
	/* weights, one of them 0 */
	("number 1\nvip 10.0.0.1\nvip fd00::1\nport UDP 53\nport TCP 80\n"
	 "destination 10.1.0.1\ndestination 10.1.0.2 weight 2\ndestination 10.1.0.3\n"
	 "destination 10.1.0.4 weight 0\ndestination 10.1.0.5\n"
	 "destination fd01::1\ndestination fd01::2 weight 3\ndestination fd01::3\n"),
	/* affinity and a translated port beside one that is not */
	("number 2\nvip 10.0.0.2\nvip fd00::2\nport UDP 80 to 8080\nport UDP 81\nport TCP 80 to 8080\n"
	 "destination 10.1.0.1\ndestination 10.1.0.2\ndestination 10.1.0.3\n"
	 "destination fd01::1\ndestination fd01::2\ndestination fd01::3\naffinity ClientIP\n"),
	/* ranges, and only half of the clients */
	("number 3\nvip 10.0.0.3\nvip fd00::3\nport UDP 9000-9100\nport TCP 9000-9010\n"
	 "destination 10.1.0.1\ndestination 10.1.0.6\ndestination fd01::1\ndestination fd01::6\n"
	 "source 10.9.0.2/31\nsource fd09::2/127\n"),
	/* translated ports beside a range, a larger table than needed */
	("number 4\nsize 1024\nvip 10.0.0.4\nvip fd00::4\nport UDP 80 to 8081\nport UDP 9000-9100\n"
	 "destination 10.1.0.1\ndestination 10.1.0.6\ndestination fd01::1\ndestination fd01::6\n"),
	/* destinations of one family only */
	("number 5\nvip 10.0.0.5\nvip fd00::5\nport UDP 53\nport TCP 80\ndestination 10.1.0.1\n"),
};
static struct desired_lb *lbs[ARRAY_SIZE(texts)];

static void set_up_links(void)
{
	client = netns_new();
	network = netns_new();
	servers = netns_new();
	netns_join(network, "c0", client, "eth0");
	netns_join(network, "s0", servers, "eth0");
	netns_run(network, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
			   "net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0");
	netns_run(network, "ip addr add 10.9.0.1/24 dev c0; ip addr add fd09::1/64 dev c0 nodad; "
			   "ip addr add 10.1.1.1/16 dev s0; ip addr add fd01::ff/64 dev s0 nodad");
	for (unsigned i = 2; i <= 5; i++)
		netns_run(client,
			  "ip addr add 10.9.0.%u/24 dev eth0; "
			  "ip addr add fd09::%u/64 dev eth0 nodad",
			  i, i);
	for (unsigned i = 1; i <= 6; i++)
		netns_run(servers,
			  "ip addr add 10.1.0.%u/16 dev eth0; "
			  "ip addr add fd01::%u/64 dev eth0 nodad",
			  i, i);
	netns_run(client, "ip route add default via 10.9.0.1; ip route add default via fd09::1");
	netns_run(servers, "ip route add default via 10.1.1.1; ip route add default via fd01::ff");
}

static void program(const struct desired_lb *lb, struct text *text)
{
	auto_call(forwarding_freep) struct forwarding *forwarding = NULL;
	auto_call(plan_deinit) struct plan plan = {};
	char address[ADDRESS_TEXT_MAX];
	struct error err = {};

	if (forwarding_new(lb, "n1", &forwarding, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(plan_diff(NULL, forwarding, &plan), 0);
	text_add_bytes(text, plan.text.bytes, plan.text.len);
	for (size_t i = 0; i < lb->n_vips; i++)
		netns_run(network, "ip route add local %s dev lo",
			  address_format(&lb->vips[i], address));
}

static int set_up(void **state)
{
	auto_call(text_deinit) struct text text = {};

	(void)state;
	set_up_links();
	ruleset_write(&text, &(struct ruleset_options){});
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		lbs[i] = some_lb_parse(texts[i]);
		program(lbs[i], &text);
	}
	free(netns_pipe(network, text.bytes, "nft -f -"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ARRAY_FOREACH(lb, lbs, ARRAY_SIZE(lbs))
		desired_lb_free(*lb);
	return close(client) | close(network) | close(servers);
}

static socklen_t socket_address(const struct address *address, uint16_t port,
				struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (address->family == FAMILY_IPV4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, address->bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, address->bytes, 16);
	return sizeof(*v6);
}

static int bound_socket(int netns, uint8_t protocol, const struct address *address, uint16_t port)
{
	int type = protocol == PROTOCOL_TCP ? SOCK_STREAM : SOCK_DGRAM;
	struct sockaddr_storage name;
	socklen_t len = socket_address(address, port, &name);
	int fd;

	netns_enter(netns);
	fd = socket(name.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
	if (bind(fd, (struct sockaddr *)&name, len) < 0)
		fail_msg("bind to port %u: %s", port, strerror(errno));
	return fd;
}

static bool readable(int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};

	return poll(&pollfd, 1, PATIENCE) > 0;
}

static _Noreturn void fail_flow(const struct trace_flow *flow, const struct trace *trace,
				const char *what)
{
	struct text text = {};

	trace_write(trace, flow, "", &text);
	fail_msg("%s\n%s", what, text.bytes);
	abort();
}

/* Starts the flow: a datagram, or a connection attempt. */
static int start(const struct trace_flow *flow, int netns)
{
	struct sockaddr_storage name;
	socklen_t len = socket_address(&flow->flow.vip, flow->flow.port, &name);
	int fd = bound_socket(netns, flow->protocol, &flow->flow.source, flow->flow.source_port);
	int r = connect(fd, (struct sockaddr *)&name, len);

	assert_true(r == 0 || errno == EINPROGRESS);
	if (flow->protocol == PROTOCOL_UDP)
		assert_int_equal(send(fd, "ask", 3, 0), 3);
	return fd;
}

/* The kernel limits how many port unreachables it sends: ask again, as a client would. */
static bool wait_for_refusal(const struct trace_flow *flow, int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	if (flow->protocol == PROTOCOL_TCP)
		return readable(fd, POLLIN | POLLOUT);
	for (int waited = 0; waited < PATIENCE; waited += 50) {
		if (poll(&pollfd, 1, 50) > 0)
			return true;
		(void)send(fd, "ask", 3, 0);
	}
	return false;
}

static void expect_refusal(const struct trace_flow *flow, const struct trace *trace, int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (!wait_for_refusal(flow, fd))
		fail_flow(flow, trace, "no refusal came");
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	if (error != ECONNREFUSED)
		fail_flow(flow, trace, strerror(error));
}

static void expect_datagrams(const struct trace_flow *flow, const struct trace *trace, int fd,
			     int server)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	char bytes[8];

	if (!readable(server, POLLIN) ||
	    recvfrom(server, bytes, sizeof(bytes), 0, (struct sockaddr *)&peer, &len) != 3)
		fail_flow(flow, trace, "nothing came to the destination");
	assert_int_equal(sendto(server, "answer", 6, 0, (struct sockaddr *)&peer, len), 6);
	if (!readable(fd, POLLIN) || recv(fd, bytes, sizeof(bytes), 0) != 6)
		fail_flow(flow, trace, "no answer came to the client");
}

static void expect_connection(const struct trace_flow *flow, const struct trace *trace, int fd,
			      int server)
{
	int accepted, error = 0;
	socklen_t len = sizeof(error);

	if (!readable(server, POLLIN))
		fail_flow(flow, trace, "nothing came to the destination");
	accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	if (!readable(fd, POLLOUT))
		fail_flow(flow, trace, "no answer came to the client");
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, 0);
	(void)close(accepted);
}

static void send_flow(const struct trace_flow *flow, int netns, const struct trace *trace)
{
	int server = -1, fd;

	if (trace->outcome == TRACE_FORWARDED) {
		server = bound_socket(servers, flow->protocol, &trace->destination,
				      trace->target_port);
		if (flow->protocol == PROTOCOL_TCP)
			assert_int_equal(listen(server, 8), 0);
	}
	fd = start(flow, netns);
	if (server < 0)
		expect_refusal(flow, trace, fd);
	else if (flow->protocol == PROTOCOL_UDP)
		expect_datagrams(flow, trace, fd, server);
	else
		expect_connection(flow, trace, fd, server);
	(void)close(fd);
	if (server >= 0)
		(void)close(server);
}

static enum trace_outcome check_flow(const struct trace_flow *flow, int netns)
{
	struct trace trace;
	struct error err = {};

	if (trace_flow((const struct desired_lb *const *)lbs, ARRAY_SIZE(lbs), flow, &trace, &err) <
	    0)
		fail_msg("%s", err.text);
	send_flow(flow, netns, &trace);
	return trace.outcome;
}

/* Mostly to a listener. Flows of different numbers have different source ports. */
static struct trace_flow random_flow(enum family family, uint16_t number)
{
	const struct desired_lb *lb = lbs[some_number(&some, ARRAY_SIZE(lbs))];
	const struct desired_port *port = &lb->ports[some_number(&some, (uint32_t)lb->n_ports)];
	struct trace_flow flow = {
		.flow = {.vip = lb->vips[family == FAMILY_IPV6],
			 .source_port = (uint16_t)(20000 + 100 * number + some_number(&some, 100)),
			 .port = (uint16_t)(port->first +
					    some_number(&some, port->last - port->first + 1U))},
		.protocol = (uint8_t)port->protocol,
	};
	char text[ADDRESS_TEXT_MAX];

	(void)snprintf(text, sizeof(text), family == FAMILY_IPV4 ? "10.9.0.%u" : "fd09::%u",
		       2 + some_number(&some, 4));
	assert_int_equal(address_parse(text, &flow.flow.source), 0);
	if (some_number(&some, 6) == 0)
		flow.flow.port = 7;
	return flow;
}

static void check_family(enum family family)
{
	size_t seen[TRACE_FORWARDED + 1] = {};

	for (uint16_t i = 0; i < N_FLOWS; i++) {
		struct trace_flow flow = random_flow(family, i);

		seen[check_flow(&flow, client)]++;
	}
	assert_true(seen[TRACE_FORWARDED] > N_FLOWS / 4);
	assert_true(seen[TRACE_NO_PORT] > 0 && seen[TRACE_SOURCE_REFUSED] > 0);
	assert_true(family == FAMILY_IPV4 || seen[TRACE_NO_DESTINATION] > 0);
}

static void test_ipv4_flows_go_where_trace_says(void **state)
{
	(void)state;
	check_family(FAMILY_IPV4);
}

static void test_ipv6_flows_go_where_trace_says(void **state)
{
	(void)state;
	check_family(FAMILY_IPV6);
}

static void test_vips_answer_pings(void **state)
{
	(void)state;
	netns_run(client, "ping -q -c 1 -W 3 10.0.0.1 >/dev/null");
	netns_run(client, "ping -q -c 1 -W 3 10.0.0.5 >/dev/null");
	netns_run(client, "ping -q -c 1 -W 3 fd00::5 >/dev/null");
}

static struct trace_flow flow_of(uint8_t protocol, const char *source, uint16_t source_port,
				 const char *vip, uint16_t port)
{
	struct trace_flow flow = {.flow = {.source_port = source_port, .port = port},
				  .protocol = protocol};

	assert_int_equal(address_parse(source, &flow.flow.source), 0);
	assert_int_equal(address_parse(vip, &flow.flow.vip), 0);
	return flow;
}

/* LoadBalancer 5 has one IPv4 destination: it reaches itself, and sees the VIP as its peer. */
static void test_destination_reaches_itself(void **state)
{
	struct trace_flow udp = flow_of(PROTOCOL_UDP, "10.1.0.1", 30001, "10.0.0.5", 53);
	struct trace_flow tcp = flow_of(PROTOCOL_TCP, "10.1.0.1", 30002, "10.0.0.5", 80);

	(void)state;
	assert_int_equal(check_flow(&udp, servers), TRACE_FORWARDED);
	assert_int_equal(check_flow(&tcp, servers), TRACE_FORWARDED);
}

/* The local route makes the VIP the source of such connections: it must not leave as that. */
static void test_namespace_itself_uses_vips(void **state)
{
	struct trace_flow tcp = flow_of(PROTOCOL_TCP, "10.0.0.5", 30003, "10.0.0.5", 80);
	struct trace_flow udp = flow_of(PROTOCOL_UDP, "10.0.0.5", 30004, "10.0.0.5", 53);
	struct trace_flow refused = flow_of(PROTOCOL_TCP, "10.0.0.5", 30005, "10.0.0.5", 81);

	(void)state;
	assert_int_equal(check_flow(&tcp, network), TRACE_FORWARDED);
	assert_int_equal(check_flow(&udp, network), TRACE_FORWARDED);
	assert_int_equal(check_flow(&refused, network), TRACE_NO_PORT);
}

static void test_traffic_is_accounted(void **state)
{
	(void)state;
	netns_run(network, "nft list set inet ilb acct_original | grep -Eq "
			   "'0x00000100 counter packets [1-9]'");
	netns_run(network, "nft list set inet ilb acct_reply | grep -Eq "
			   "'0x00000100 counter packets [1-9]'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_flows_go_where_trace_says),
		cmocka_unit_test(test_ipv6_flows_go_where_trace_says),
		cmocka_unit_test(test_vips_answer_pings),
		cmocka_unit_test(test_destination_reaches_itself),
		cmocka_unit_test(test_namespace_itself_uses_vips),
		cmocka_unit_test(test_traffic_is_accounted),
	};
	const char *seed = getenv("ILB_SEED");

	netns_require_permission();
	some.state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("ILB_SEED=%llu\n", (unsigned long long)some.state);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
