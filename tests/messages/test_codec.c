/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"

#define DIGEST_EXPECTED 0xc36a9cc046aebc60ULL /* of new_lb() */

static struct address addr(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

/* 10.x.y.z, ascending in `i`. */
static struct address nth_addr(size_t i)
{
	struct address address = {.family = FAMILY_IPV4};

	address.bytes[0] = 10;
	address.bytes[1] = (uint8_t)(i >> 16);
	address.bytes[2] = (uint8_t)(i >> 8);
	address.bytes[3] = (uint8_t)i;
	return address;
}

static void set_ports(struct desired_lb *lb, size_t n)
{
	free(lb->ports);
	lb->ports = calloc(n + 1, sizeof(*lb->ports));
	lb->n_ports = n;
	for (size_t i = 0; i < n; i++)
		lb->ports[i] =
			(struct desired_port){PROTOCOL_TCP, (uint16_t)(i * 10 + 1),
					      (uint16_t)(i * 10 + 9), (uint16_t)(i * 10 + 1)};
}

static void set_destinations(struct desired_lb *lb, size_t n, uint16_t weight, const char *node)
{
	for (size_t i = 0; i < lb->n_destinations; i++)
		free(lb->destinations[i].node);
	free(lb->destinations);
	lb->destinations = calloc(n + 1, sizeof(*lb->destinations));
	lb->n_destinations = n;
	for (size_t i = 0; i < n; i++)
		lb->destinations[i] = (struct desired_destination){
			nth_addr(i), weight, node ? strdup(node) : NULL, false};
}

static void set_source_ranges(struct desired_lb *lb, size_t n)
{
	free(lb->source_ranges);
	lb->source_ranges = calloc(n + 1, sizeof(*lb->source_ranges));
	lb->n_source_ranges = n;
	for (size_t i = 0; i < n; i++)
		lb->source_ranges[i] = (struct cidr){nth_addr(i), 32};
}

static struct desired_lb *new_lb(void)
{
	struct desired_lb *lb = calloc(1, sizeof(*lb));

	memset(lb->uid.bytes, 7, sizeof(lb->uid.bytes));
	lb->name = strdup("default/my-loadbalancer");
	lb->generation = 3;
	lb->number = 42;
	lb->size_index = 2;
	lb->algorithm = 1;
	lb->vips[0] = addr("10.0.0.1");
	lb->vips[1] = addr("2607:f0d0:1002:51::4");
	lb->n_vips = 2;
	set_ports(lb, 2);
	set_destinations(lb, 3, 1, "node1");
	set_source_ranges(lb, 1);
	lb->affinity = AFFINITY_CLIENT_IP;
	lb->when_all_unhealthy = ALL_UNHEALTHY_FAIL_OPEN;
	lb->check = (struct desired_check){CHECK_PROTOCOL_HTTP, 80, strdup("/ok"), 5, 3, 2, 3};
	lb->drain_s = 300;
	return lb;
}

static struct desired *new_desired(size_t n_lbs)
{
	struct desired *desired = calloc(1, sizeof(*desired));

	desired->net = strdup("default_my-network");
	memset(desired->epoch.bytes, 9, sizeof(desired->epoch.bytes));
	desired->revision = 1000;
	desired->previous = 999;
	desired->part = desired->n_parts = 1;
	desired->lbs = calloc(n_lbs + 1, sizeof(struct desired_lb *));
	while (desired->n_lbs < n_lbs)
		desired->lbs[desired->n_lbs++] = new_lb();
	desired->removed = calloc(2, sizeof(*desired->removed));
	desired->n_removed = 2;
	memset(&desired->removed[1], 3, sizeof(struct uuid));
	return desired;
}

static bool lb_equal(const struct desired_lb *a, const struct desired_lb *b)
{
	uint64_t digest_a = 0, digest_b = 1;

	assert_int_equal(codec_digest(a, &digest_a), 0);
	assert_int_equal(codec_digest(b, &digest_b), 0);
	return digest_a == digest_b;
}

static void test_round_trip(void **state)
{
	auto_call(desired_freep) struct desired *out = new_desired(1), *in = NULL;
	auto_free void *bytes = NULL;
	struct error err = {};
	const struct desired_lb *lb;
	size_t len;

	(void)state;
	assert_int_equal(desired_pack(out, &bytes, &len), 0);
	if (desired_unpack(bytes, len, &in, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(in->net, "default_my-network");
	assert_memory_equal(&in->epoch, &out->epoch, sizeof(in->epoch));
	assert_int_equal(in->revision, 1000);
	assert_int_equal(in->previous, 999);
	assert_false(in->snapshot);
	assert_false(in->resync);
	assert_int_equal(in->part, 1);
	assert_int_equal(in->n_parts, 1);
	assert_int_equal(in->n_removed, 2);
	assert_memory_equal(in->removed, out->removed, 2 * sizeof(*in->removed));
	assert_int_equal(in->n_lbs, 1);
	lb = in->lbs[0];
	assert_string_equal(lb->name, "default/my-loadbalancer");
	assert_int_equal(lb->generation, 3);
	assert_int_equal(lb->number, 42);
	assert_int_equal(lb->size_index, 2);
	assert_int_equal(lb->algorithm, 1);
	assert_int_equal(lb->n_vips, 2);
	assert_true(address_equal(&lb->vips[1], &out->lbs[0]->vips[1]));
	assert_int_equal(lb->n_ports, 2);
	assert_memory_equal(lb->ports, out->lbs[0]->ports, 2 * sizeof(*lb->ports));
	assert_int_equal(lb->n_destinations, 3);
	assert_true(
		address_equal(&lb->destinations[2].address, &out->lbs[0]->destinations[2].address));
	assert_string_equal(lb->destinations[2].node, "node1");
	assert_int_equal(lb->n_source_ranges, 1);
	assert_true(cidr_equal(&lb->source_ranges[0], &out->lbs[0]->source_ranges[0]));
	assert_int_equal(lb->affinity, AFFINITY_CLIENT_IP);
	assert_int_equal(lb->when_all_unhealthy, ALL_UNHEALTHY_FAIL_OPEN);
	assert_int_equal(lb->check.interval_s, 5);
	assert_string_equal(lb->check.path, "/ok");
	assert_int_equal(lb->drain_s, 300);
	assert_true(lb_equal(lb, out->lbs[0]));
}

static void test_absent_parts(void **state)
{
	auto_call(desired_freep) struct desired *out = new_desired(1), *in = NULL;
	auto_free void *bytes = NULL;
	struct desired_lb *lb = out->lbs[0];
	struct error err = {};
	size_t len;

	(void)state;
	out->snapshot = true;
	out->previous = 0;
	out->n_removed = 0;
	lb->check.interval_s = 0;
	lb->n_vips = 0;
	lb->affinity = AFFINITY_NONE;
	lb->when_all_unhealthy = ALL_UNHEALTHY_REJECT;
	set_ports(lb, 0);
	set_source_ranges(lb, 0);
	set_destinations(lb, 1, 0, NULL);
	assert_int_equal(desired_pack(out, &bytes, &len), 0);
	if (desired_unpack(bytes, len, &in, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(in->snapshot);
	assert_null(in->lbs[0]->destinations[0].node);
	assert_null(in->lbs[0]->check.path);
	assert_int_equal(in->lbs[0]->check.interval_s, 0);
	assert_int_equal(in->lbs[0]->n_ports, 0);
}

/* Every prefix is refused or a smaller well-formed message; nothing is read behind its end. */
static void test_truncation(void **state)
{
	auto_call(desired_freep) struct desired *out = new_desired(2);
	auto_free char *bytes = NULL;
	size_t len, n_taken = 0;

	(void)state;
	assert_int_equal(desired_pack(out, (void **)&bytes, &len), 0);
	for (size_t i = 0; i < len; i++) {
		auto_call(desired_freep) struct desired *in = NULL;
		auto_free char *copy = malloc(i + 1); /* so that ASan sees the end */
		auto_free char *exact = realloc(copy, i ? i : 1);
		struct error err = {};

		copy = NULL;
		memcpy(exact, bytes, i);
		if (desired_unpack(exact, i, &in, &err) == 0)
			n_taken++;
		else if (!err.text[0])
			fail_msg("%zu of %zu bytes: no sentence", i, len);
	}
	assert_int_equal(n_taken, 4); /* behind n_parts, each LoadBalancer and each removal */
}

#define MUTATE(name) static void name(struct desired *d, struct desired_lb *lb)
#define UNUSED       ((void)d, (void)lb)

MUTATE(nothing)
{
	UNUSED;
}
MUTATE(net_upper)
{
	UNUSED;
	d->net[0] = 'D';
}
MUTATE(net_empty)
{
	UNUSED;
	d->net[0] = '\0';
}
MUTATE(net_control)
{
	UNUSED;
	d->net[3] = '\n';
}
MUTATE(net_dot)
{
	UNUSED;
	d->net[3] = '.';
}
MUTATE(net_slash)
{
	UNUSED;
	d->net[3] = '/';
}
MUTATE(previous_later)
{
	UNUSED;
	d->previous = 1001;
}
MUTATE(previous_in_snapshot)
{
	UNUSED;
	d->snapshot = true;
}
MUTATE(part_0)
{
	UNUSED;
	d->part = 0;
}
MUTATE(part_2_of_1)
{
	UNUSED;
	d->part = 2;
}
MUTATE(parts_of_change)
{
	UNUSED;
	d->n_parts = 2;
}
MUTATE(name_one)
{
	UNUSED;
	lb->name[7] = 'x';
}
MUTATE(name_two)
{
	UNUSED;
	lb->name[10] = '/';
}
MUTATE(name_control)
{
	UNUSED;
	lb->name[10] = '\x1b';
}
MUTATE(number_0)
{
	UNUSED;
	lb->number = 0;
}
MUTATE(number_max)
{
	UNUSED;
	lb->number = DESIRED_NUMBER_MAX;
}
MUTATE(number_over)
{
	UNUSED;
	lb->number = DESIRED_NUMBER_MAX + 1;
}
MUTATE(size_max)
{
	UNUSED;
	lb->size_index = 6;
}
MUTATE(size_over)
{
	UNUSED;
	lb->size_index = 7;
}
MUTATE(drain_max)
{
	UNUSED;
	lb->drain_s = 3600;
}
MUTATE(drain_over)
{
	UNUSED;
	lb->drain_s = 3601;
}
MUTATE(vips_one_family)
{
	UNUSED;
	lb->vips[1] = addr("10.0.0.2");
}
MUTATE(vip_none)
{
	UNUSED;
	lb->vips[0].family = FAMILY_NONE;
}
MUTATE(vip_loopback)
{
	UNUSED;
	lb->vips[0] = addr("127.0.0.1");
}
MUTATE(ports_max)
{
	UNUSED;
	set_ports(lb, DESIRED_PORTS_MAX);
}
MUTATE(ports_over)
{
	UNUSED;
	set_ports(lb, DESIRED_PORTS_MAX + 1);
}
MUTATE(port_0)
{
	UNUSED;
	lb->ports[0].first = 0;
}
MUTATE(port_reversed)
{
	UNUSED;
	lb->ports[0].last = 0;
}
MUTATE(port_protocol)
{
	UNUSED;
	lb->ports[0].protocol = (enum protocol)1;
}
MUTATE(port_target_0)
{
	UNUSED;
	lb->ports[0].target = 0;
}
MUTATE(port_target_of_range)
{
	UNUSED;
	lb->ports[0].target = 4;
}
MUTATE(port_target)
{
	UNUSED;
	lb->ports[0].last = 1, lb->ports[0].target = 65535;
}
MUTATE(ports_overlap)
{
	UNUSED;
	lb->ports[0].last = lb->ports[1].first;
}
MUTATE(ports_touch)
{
	UNUSED;
	lb->ports[0].last = (uint16_t)(lb->ports[1].first - 1);
}
MUTATE(ports_unsorted)
{
	UNUSED;
	lb->ports[0].protocol = PROTOCOL_UDP;
}
MUTATE(ports_protocols)
{
	UNUSED;
	lb->ports[1].protocol = PROTOCOL_UDP;
}
MUTATE(destinations_max)
{
	UNUSED;
	set_destinations(lb, DESIRED_DESTINATIONS_MAX, 256, "n");
}
MUTATE(destinations_over)
{
	UNUSED;
	set_destinations(lb, DESIRED_DESTINATIONS_MAX + 1, 1, "n");
}
MUTATE(destination_twice)
{
	UNUSED;
	lb->destinations[2].address = nth_addr(1);
}
MUTATE(destination_unsorted)
{
	UNUSED;
	lb->destinations[2].address = nth_addr(0);
}
MUTATE(destination_none)
{
	UNUSED;
	lb->destinations[2].address = (struct address){};
}
MUTATE(destination_multicast)
{
	UNUSED;
	lb->destinations[2].address = addr("224.0.0.1");
}
MUTATE(weight_over)
{
	UNUSED;
	lb->destinations[2].weight = 257;
}
MUTATE(node_upper)
{
	UNUSED;
	lb->destinations[2].node[0] = 'N';
}
MUTATE(sources_max)
{
	UNUSED;
	set_source_ranges(lb, DESIRED_SOURCES_MAX);
}
MUTATE(sources_over)
{
	UNUSED;
	set_source_ranges(lb, DESIRED_SOURCES_MAX + 1);
}
MUTATE(source_host_bits)
{
	UNUSED;
	lb->source_ranges[0] = (struct cidr){addr("10.0.0.1"), 8};
}
MUTATE(source_long)
{
	UNUSED;
	lb->source_ranges[0].len = 33;
}
MUTATE(source_all)
{
	UNUSED;
	lb->source_ranges[0] = (struct cidr){addr("0.0.0.0"), 0};
}
MUTATE(check_path)
{
	UNUSED;
	lb->check.path[0] = 'x';
}
MUTATE(check_blank)
{
	UNUSED;
	lb->check.path[1] = ' ';
}
MUTATE(check_crlf)
{
	UNUSED;
	lb->check.path[1] = '\r';
}
MUTATE(check_tcp_path)
{
	UNUSED;
	lb->check.protocol = CHECK_PROTOCOL_TCP;
}
MUTATE(check_port)
{
	UNUSED;
	lb->check.port = 0;
}
MUTATE(check_interval)
{
	UNUSED;
	lb->check.interval_s = 301;
}
MUTATE(check_timeout)
{
	UNUSED;
	lb->check.timeout_s = 61, lb->check.interval_s = 300;
}
MUTATE(check_timeout_late)
{
	UNUSED;
	lb->check.timeout_s = 5;
}
MUTATE(check_healthy)
{
	UNUSED;
	lb->check.healthy_threshold = 11;
}
MUTATE(check_unhealthy)
{
	UNUSED;
	lb->check.unhealthy_threshold = 0;
}

static void check_path_of(struct desired_lb *lb, size_t len)
{
	free(lb->check.path);
	lb->check.path = malloc(len + 1);
	memset(lb->check.path, '/', len);
	lb->check.path[len] = '\0';
}

MUTATE(check_path_max)
{
	UNUSED;
	check_path_of(lb, DESIRED_PATH_MAX);
}
MUTATE(check_path_over)
{
	UNUSED;
	check_path_of(lb, DESIRED_PATH_MAX + 1);
}

static const struct {
	const char *name;
	void (*mutate)(struct desired *d, struct desired_lb *lb);
	int r;
	const char *sentence; /* what it must hold */
} mutations[] = {
#define ROW(name, r, sentence)           \
	{                                \
#name, name, r, sentence \
	}
	ROW(nothing, 0, ""),
	ROW(net_upper, -EBADMSG, "net: "),
	ROW(net_empty, -EBADMSG, "net: "),
	ROW(net_control, -EBADMSG, "net: "),
	ROW(net_dot, -EBADMSG, "net: "),
	ROW(net_slash, -EBADMSG, "net: "),
	ROW(previous_later, -EBADMSG, "previous: 1001"),
	ROW(previous_in_snapshot, -EBADMSG, "previous: "),
	ROW(part_0, -EBADMSG, "part: "),
	ROW(part_2_of_1, -EBADMSG, "part: "),
	ROW(parts_of_change, -EBADMSG, "n_parts: "),
	ROW(name_one, -EBADMSG, "load_balancers[0]: name: "),
	ROW(name_two, -EBADMSG, "name: "),
	ROW(name_control, -EBADMSG, "name: "),
	ROW(number_0, -EBADMSG, "number: 0 must be between 1 and 16777215"),
	ROW(number_max, 0, ""),
	ROW(number_over, -EBADMSG, "number: "),
	ROW(size_max, 0, ""),
	ROW(size_over, -EBADMSG, "size_index: "),
	ROW(drain_max, 0, ""),
	ROW(drain_over, -EBADMSG, "drain_s: "),
	ROW(vips_one_family, -EBADMSG, "vips: two of one family"),
	ROW(vip_none, -EBADMSG, "vips: must be 4 or 16 bytes"),
	ROW(vip_loopback, -EBADMSG, "vips: 127.0.0.1 is not a host's address but loopback"),
	ROW(ports_max, 0, ""),
	ROW(ports_over, -E2BIG, "ports: 1025, at most 1024"),
	ROW(port_0, -EBADMSG, "ports[0]: first: "),
	ROW(port_reversed, -EBADMSG, "ports[0]: last: "),
	ROW(port_protocol, -EBADMSG, "ports[0]: protocol: "),
	ROW(port_target_0, -EBADMSG, "ports[0]: target: "),
	ROW(port_target_of_range, -EBADMSG, "ports[0]: target: "),
	ROW(port_target, 0, ""),
	ROW(ports_overlap, -EBADMSG, "ports[1]: out of order"),
	ROW(ports_touch, 0, ""),
	ROW(ports_unsorted, -EBADMSG, "ports[1]: out of order"),
	ROW(ports_protocols, 0, ""),
	ROW(destinations_max, 0, ""),
	ROW(destinations_over, -E2BIG, "destinations: 4097, at most 4096"),
	ROW(destination_twice, -EBADMSG, "destinations[2]: out of order or repeated"),
	ROW(destination_unsorted, -EBADMSG, "destinations[2]: out of order"),
	ROW(destination_none, -EBADMSG, "destinations[2]: address: "),
	ROW(destination_multicast, -EBADMSG, "destinations[2]: address: "),
	ROW(weight_over, -EBADMSG, "destinations[2]: weight: 257"),
	ROW(node_upper, -EBADMSG, "destinations[2]: node: "),
	ROW(sources_max, 0, ""),
	ROW(sources_over, -E2BIG, "source_ranges: 257, at most 256"),
	ROW(source_host_bits, -EBADMSG, "source_ranges[0]: address: "),
	ROW(source_long, -EBADMSG, "source_ranges[0]: len: "),
	ROW(source_all, 0, ""),
	ROW(check_path, -EBADMSG, "check: path: must begin"),
	ROW(check_blank, -EBADMSG, "check: path: must be visible"),
	ROW(check_crlf, -EBADMSG, "check: path: must be visible"),
	ROW(check_path_max, 0, ""),
	ROW(check_path_over, -E2BIG, "check: path: longer"),
	ROW(check_tcp_path, -EBADMSG, "check: path: "),
	ROW(check_port, -EBADMSG, "check: port: "),
	ROW(check_interval, -EBADMSG, "check: interval_s: "),
	ROW(check_timeout, -EBADMSG, "check: timeout_s: "),
	ROW(check_timeout_late, -EBADMSG, "check: timeout_s: "),
	ROW(check_healthy, -EBADMSG, "check: healthy_threshold: "),
	ROW(check_unhealthy, -EBADMSG, "check: unhealthy_threshold: "),
#undef ROW
};

static void test_fields_are_checked(void **state)
{
	(void)state;
	ARRAY_FOREACH(row, mutations, ARRAY_SIZE(mutations)) {
		auto_call(desired_freep) struct desired *out = new_desired(1), *in = NULL;
		auto_free void *bytes = NULL;
		struct error err = {};
		size_t len;
		int r;

		row->mutate(out, out->lbs[0]);
		assert_int_equal(desired_pack(out, &bytes, &len), 0);
		r = desired_unpack(bytes, len, &in, &err);
		if (r != row->r || !strstr(err.text, row->sentence))
			fail_msg("%s: %d, '%s'", row->name, r, err.text);
		if (r == 0 && !lb_equal(in->lbs[0], out->lbs[0]))
			fail_msg("%s: is not what was sent", row->name);
	}
}

/* The smallest honest elements must fit into the memory that a message may take. */
static void test_arena_has_room_for_honest_messages(void **state)
{
	auto_call(desired_freep) struct desired *out = new_desired(20), *in = NULL;
	auto_free void *bytes = NULL;
	struct error err = {};
	size_t len;

	(void)state;
	for (size_t i = 0; i < out->n_lbs; i++)
		set_destinations(out->lbs[i], DESIRED_DESTINATIONS_MAX, 0, NULL);
	assert_int_equal(desired_pack(out, &bytes, &len), 0);
	if (desired_unpack(bytes, len, &in, &err) < 0)
		fail_msg("%zu bytes: %s", len, err.text);
}

static void test_hostile_sizes(void **state)
{
	auto_call(desired_freep) struct desired *in = NULL;
	auto_free char *bytes = malloc(CODEC_MESSAGE_MAX + 1);
	struct error err = {};

	(void)state;
	for (size_t i = 0; i < CODEC_MESSAGE_MAX; i += 2)
		bytes[i] = 0x4a, bytes[i + 1] = 0; /* empty LoadBalancers */
	assert_int_equal(desired_unpack(bytes, CODEC_MESSAGE_MAX, &in, &err), -E2BIG);
	assert_non_null(strstr(err.text, "too many parts"));
	assert_int_equal(desired_unpack(bytes, CODEC_MESSAGE_MAX + 1, &in, &err), -E2BIG);
	/* 2^32-1 bytes announced, two there */
	assert_int_equal(desired_unpack("\x0a\xff\xff\xff\xff\x0f..", 8, &in, &err), -EBADMSG);
	assert_int_equal(desired_unpack(NULL, 0, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "net: "));
	assert_int_equal(desired_unpack("\x0a\x03n\0m", 5, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "net: "));
	assert_int_equal(desired_unpack("\x0a\x01n\x12\x0f...............", 20, &in, &err),
			 -EBADMSG);
	assert_non_null(strstr(err.text, "epoch: must be 16 bytes"));
	assert_null(in);
}

static void test_unknown_fields_are_ignored(void **state)
{
	static const uint8_t field_100[] = {0xa2, 0x06, 4, 'n', 'e', 'x', 't'};
	auto_call(desired_freep) struct desired *out = new_desired(1), *in = NULL;
	auto_free char *bytes = NULL;
	size_t len;

	(void)state;
	assert_int_equal(desired_pack(out, (void **)&bytes, &len), 0);
	bytes = realloc(bytes, len + sizeof(field_100));
	memcpy(bytes + len, field_100, sizeof(field_100));
	assert_int_equal(desired_unpack(bytes, len + sizeof(field_100), &in, NULL), 0);
	assert_true(lb_equal(in->lbs[0], out->lbs[0]));
}

/* The digest is compared between versions of ilb: this number may not change by itself. */
static void test_digest_is_stable(void **state)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = new_lb(), *other = new_lb();
	uint64_t digest, before;

	(void)state;
	assert_int_equal(codec_digest(lb, &digest), 0);
	if (digest != DIGEST_EXPECTED)
		fail_msg("digest is 0x%016llx", (unsigned long long)digest);
	other->destinations[1].weight = 2;
	assert_int_equal(codec_digest(other, &before), 0);
	assert_true(before != digest);
}

static void test_size_is_what_it_takes(void **state)
{
	static const size_t counts[] = {0, 1, 2, 3, 5, 8, 100, 700, 4096};
	auto_call(desired_freep) struct desired *desired = new_desired(1);
	auto_free void *with = NULL, *without = NULL;
	size_t len_with, len_without;

	(void)state;
	ARRAY_FOREACH(n, counts, ARRAY_SIZE(counts)) {
		set_destinations(desired->lbs[0], *n, 1, "node1");
		desired->n_lbs = 0;
		assert_int_equal(desired_pack(desired, &without, &len_without), 0);
		desired->n_lbs = 1;
		assert_int_equal(desired_pack(desired, &with, &len_with), 0);
		if (codec_size(desired->lbs[0]) != len_with - len_without)
			fail_msg("%zu destinations: %zu", *n, codec_size(desired->lbs[0]));
		free(TAKE(with));
		free(TAKE(without));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_absent_parts),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_fields_are_checked),
		cmocka_unit_test(test_arena_has_room_for_honest_messages),
		cmocka_unit_test(test_hostile_sizes),
		cmocka_unit_test(test_unknown_fields_are_ignored),
		cmocka_unit_test(test_digest_is_stable),
		cmocka_unit_test(test_size_is_what_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
