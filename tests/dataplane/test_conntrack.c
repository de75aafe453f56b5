/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "dataplane/conntrack.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"

/*
 * Entries of real datagrams and connection attempts, and what each filter leaves of them: once in
 * the kernel's own way, once by listing, which must not differ.
 */

#define RULES                                                                        \
	"table inet test {\n"                                                        \
	"chain out_mark { type filter hook output priority -150;\n"                  \
	"ct direction original ct mark set th dport map { 53 : 0x101, 54 : 0x102,"   \
	" 55 : 0x201, 80 : 0x103 }\n}\n"                                             \
	"chain out_nat { type nat hook output priority -100;\n"                      \
	"ip daddr 127.0.1.0/24 dnat ip to 127.0.2.1\n"                               \
	"ip6 daddr fd96::/64 dnat ip6 to fd01::1\n}\n"                               \
	"chain in_quiet { type filter hook input priority 0; udp dport 50-60 drop\n" \
	"tcp dport 80 drop\n}\n}\n"

/* What is sent, each from a socket of its own. */
static const struct {
	const char *address;
	int kind;
	uint16_t port;
} flows[] = {
	{"127.0.1.1", SOCK_DGRAM, 53}, {"127.0.1.1", SOCK_DGRAM, 54},
	{"127.0.1.1", SOCK_DGRAM, 55}, {"127.0.1.2", SOCK_DGRAM, 53},
	{"127.0.0.1", SOCK_DGRAM, 53}, {"127.0.1.1", SOCK_STREAM, 80},
	{"fd96::1", SOCK_DGRAM, 53},   {"fd96::1", SOCK_DGRAM, 55},
	{"fd96::2", SOCK_STREAM, 80},  {"fd01::2", SOCK_DGRAM, 54},
	{"127.0.0.1", SOCK_DGRAM, 60},
};

static struct address parse(const char *text)
{
	struct address address = {};

	if (text)
		assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void send_flow(size_t i)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(flows[i].port)};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(flows[i].port)};
	bool v6 = strchr(flows[i].address, ':');
	int fd = socket(v6 ? AF_INET6 : AF_INET, flows[i].kind | SOCK_NONBLOCK, 0);
	int r;

	assert_true(fd >= 0);
	(void)inet_pton(AF_INET6, flows[i].address, &to6.sin6_addr);
	(void)inet_pton(AF_INET, flows[i].address, &to4.sin_addr);
	r = v6 ? connect(fd, (struct sockaddr *)&to6, sizeof(to6))
	       : connect(fd, (struct sockaddr *)&to4, sizeof(to4));
	if (flows[i].kind == SOCK_DGRAM) {
		assert_int_equal(r, 0);
		assert_int_equal(send(fd, "x", 1, 0), 1);
	}
	(void)close(fd);
}

/* Which of the flows have an entry: a bit each. */
struct census {
	uint32_t seen;
};

static bool take_census(void *user, const struct conntrack_entry *entry)
{
	struct census *census = user;

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		struct address to = parse(flows[i].address);

		if (address_equal(&to, &entry->vip) && flows[i].port == entry->port &&
		    (entry->protocol == 17) == (flows[i].kind == SOCK_DGRAM))
			census->seen |= 1U << i;
	}
	return false;
}

static uint32_t entries(struct conntrack *conntrack)
{
	struct census census = {};

	assert_int_equal(conntrack_delete_if(conntrack, take_census, &census, NULL), 0);
	return census.seen;
}

#define ALL ((1U << ARRAY_SIZE(flows)) - 1)

static const struct {
	const char *name;
	uint32_t mark, mask;
	const char *destination, *vip;
	uint8_t protocol;
	uint16_t first, last;
	bool unreplied;
	uint32_t gone; /* of the flows */
} rows[] = {
	{"a LoadBalancer", 0x100, 0xffffff00, 0, 0, 0, 0, 0, 0, 0x37b},
	{"another", 0x200, 0xffffff00, 0, 0, 0, 0, 0, 0, 0x084},
	{"none has it", 0x300, 0xffffff00, 0, 0, 0, 0, 0, 0, 0},
	{"UDP of one", 0x100, 0xffffff00, 0, 0, 17, 0, 0, 0, 0x25b},
	{"TCP of one", 0x100, 0xffffff00, 0, 0, 6, 0, 0, 0, 0x120},
	{"destination", 0x100, 0xffffff00, "127.0.2.1", 0, 0, 0, 0, 0, 0x02b},
	{"destination, UDP", 0x100, 0xffffff00, "127.0.2.1", 0, 17, 0, 0, 0, 0x00b},
	{"destination of any", 0, 0, "127.0.2.1", 0, 0, 0, 0, 0, 0x02f},
	{"IPv6 destination", 0x100, 0xffffff00, "fd01::1", 0, 0, 0, 0, 0, 0x140},
	{"IPv6 destination, UDP", 0x100, 0xffffff00, "fd01::1", 0, 17, 0, 0, 0, 0x040},
	{"VIP", 0, 0, 0, "127.0.1.1", 0, 0, 0, 0, 0x027},
	{"VIP without mark", 0, 0xffffffff, 0, "127.0.0.1", 0, 0, 0, 0, 0x400},
	{"IPv6 VIP", 0, 0, 0, "fd96::1", 0, 0, 0, 0, 0x0c0},
	{"port", 0x100, 0xffffff00, 0, 0, 17, 53, 53, 0, 0x059},
	{"ports", 0, 0, 0, 0, 17, 54, 60, 0, 0x686},
	{"unreplied TCP", 0x100, 0xffffff00, 0, 0, 6, 0, 0, 1, 0x120},
};

static void check_row(struct conntrack *conntrack, size_t i)
{
	struct conntrack_filter filter = {
		.mark = rows[i].mark,
		.mark_mask = rows[i].mask,
		.destination = parse(rows[i].destination),
		.vip = parse(rows[i].vip),
		.protocol = rows[i].protocol,
		.first = rows[i].first,
		.last = rows[i].last,
		.unreplied = rows[i].unreplied,
	};
	struct error err = {};

	print_message("%s\n", rows[i].name);
	for (size_t k = 0; k < ARRAY_SIZE(flows); k++)
		send_flow(k);
	assert_int_equal(entries(conntrack), ALL);
	if (conntrack_delete(conntrack, &filter, 1, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(entries(conntrack), ALL & ~rows[i].gone);
}

static struct conntrack *conntrack_in_new_netns(int *ret_netns)
{
	struct conntrack *conntrack;

	*ret_netns = netns_new();
	free(netns_pipe(*ret_netns, RULES, "nft -f -"));
	netns_run(*ret_netns, "ip address add fd01::1/128 dev lo nodad");
	netns_run(*ret_netns, "ip address add fd01::2/128 dev lo nodad");
	netns_run(*ret_netns, "ip route add local fd96::/64 dev lo");
	netns_enter(*ret_netns);
	assert_int_equal(conntrack_new(&conntrack, NULL), 0);
	return conntrack;
}

static void check_rows(bool listing)
{
	int netns;
	auto_call(conntrack_freep) struct conntrack *conntrack = conntrack_in_new_netns(&netns);

	if (listing)
		conntrack_force_listing(conntrack);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(conntrack, i);
	(void)close(netns);
}

static void test_filters_of_the_kernel(void **state)
{
	(void)state;
	check_rows(false);
}

static void test_filters_by_listing(void **state)
{
	(void)state;
	check_rows(true);
}

static void test_many_filters_at_once(void **state)
{
	struct conntrack_filter filters[40] = {};
	int netns;
	auto_call(conntrack_freep) struct conntrack *conntrack = conntrack_in_new_netns(&netns);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		filters[i].mark = (uint32_t)i << 8;
		filters[i].mark_mask = 0xffffff00;
	}
	for (size_t k = 0; k < ARRAY_SIZE(flows); k++)
		send_flow(k);
	assert_int_equal(conntrack_delete(conntrack, filters, 0, NULL), 0);
	assert_int_equal(entries(conntrack), ALL);
	assert_int_equal(conntrack_delete(conntrack, filters + 1, 39, NULL), 0);
	assert_int_equal(entries(conntrack), 0x400);
	(void)close(netns);
}

static void test_fill(void **state)
{
	uint64_t count, max;
	int netns;
	auto_call(conntrack_freep) struct conntrack *conntrack = conntrack_in_new_netns(&netns);

	(void)state;
	send_flow(0);
	assert_int_equal(conntrack_fill(&count, &max), 0);
	assert_in_range(count, 1, 10);
	assert_in_range(max, 100, UINT32_MAX);
	(void)close(netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters_of_the_kernel),
		cmocka_unit_test(test_filters_by_listing),
		cmocka_unit_test(test_many_filters_at_once),
		cmocka_unit_test(test_fill),
	};

	netns_require_permission();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
