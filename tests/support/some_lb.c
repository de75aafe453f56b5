/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/some_lb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"
#include "dataplane/slots.h"
#include "tests/support/cmocka.h"

static int port_compare(const void *a, const void *b)
{
	const struct desired_port *x = a, *y = b;

	return x->protocol != y->protocol ? (int)x->protocol - (int)y->protocol
					  : (int)x->first - (int)y->first;
}

static int destination_compare(const void *a, const void *b)
{
	const struct desired_destination *x = a, *y = b;

	return address_compare(&x->address, &y->address);
}

static void sort(struct desired_lb *lb)
{
	if (lb->n_ports)
		qsort(lb->ports, lb->n_ports, sizeof(*lb->ports), port_compare);
	if (lb->n_destinations)
		qsort(lb->destinations, lb->n_destinations, sizeof(*lb->destinations),
		      destination_compare);
}

static uint32_t total_weight(const struct desired_lb *lb)
{
	uint32_t weights[2] = {0, 0};

	ARRAY_FOREACH(destination, lb->destinations, lb->n_destinations)
		weights[destination->address.family == FAMILY_IPV6] += destination->weight;
	return weights[0] > weights[1] ? weights[0] : weights[1];
}

static void parse_port(struct desired_lb *lb, const char *value)
{
	struct desired_port *port = ARRAY_ADD(lb->ports, lb->n_ports);
	char protocol[8] = "";
	unsigned first = 0, last = 0, target = 0;

	require(port);
	if (sscanf(value, "%7s %u to %u", protocol, &first, &target) != 3 &&
	    sscanf(value, "%7s %u-%u", protocol, &first, &last) < 2)
		fail_msg("not a port: %s", value);
	assert_int_equal(protocol_parse(protocol, &port->protocol), 0);
	port->first = (uint16_t)first;
	port->last = (uint16_t)(last ? last : first);
	port->target = (uint16_t)(target ? target : first);
}

static void parse_destination(struct desired_lb *lb, const char *value)
{
	struct desired_destination *destination = ARRAY_ADD(lb->destinations, lb->n_destinations);
	const char *weight = strstr(value, "weight "), *node = strstr(value, "node ");
	char address[ADDRESS_TEXT_MAX] = "";

	require(destination);
	destination->weight = 1;
	destination->dead = strstr(value, " dead");
	(void)sscanf(value, "%45s", address);
	if (address_parse(address, &destination->address) < 0)
		fail_msg("not a destination: %s", value);
	if (weight)
		destination->weight = (uint16_t)strtoul(weight + strlen("weight "), NULL, 10);
	if (node)
		destination->node = strdup(node + strlen("node "));
}

static void parse_line(struct desired_lb *lb, const char *key, const char *value, bool *sized)
{
	uint32_t number = (uint32_t)strtoul(value, NULL, 10);
	int r = 0;

	if (text_equal(key, "name")) {
		free(lb->name);
		lb->name = strdup(value);
	} else if (text_equal(key, "number")) {
		lb->number = number;
	} else if (text_equal(key, "size")) {
		*sized = true;
		while (SLOTS_SIZES[lb->size_index] != number)
			require(++lb->size_index < SLOTS_N_SIZES);
	} else if (text_equal(key, "vip")) {
		r = address_parse(value, &lb->vips[lb->n_vips++]);
	} else if (text_equal(key, "port")) {
		parse_port(lb, value);
	} else if (text_equal(key, "destination")) {
		parse_destination(lb, value);
	} else if (text_equal(key, "source")) {
		r = cidr_parse(value, ARRAY_ADD(lb->source_ranges, lb->n_source_ranges));
	} else if (text_equal(key, "affinity")) {
		lb->affinity = AFFINITY_CLIENT_IP;
	} else if (text_equal(key, "drain")) {
		lb->drain_s = (uint16_t)number;
	} else {
		r = -1;
	}
	if (r < 0)
		fail_msg("not a line of a LoadBalancer: %s %s", key, value);
}

static struct desired_lb *new_lb(uint32_t number)
{
	struct desired_lb *lb = calloc(1, sizeof(*lb));

	require(lb);
	lb->name = strdup("default/lb");
	lb->number = number;
	lb->algorithm = SLOTS_ALGORITHM;
	lb->drain_s = 300;
	lb->uid.bytes[0] = 1;
	memcpy(lb->uid.bytes + 1, &number, sizeof(number));
	return lb;
}

struct desired_lb *some_lb_parse(const char *text)
{
	struct desired_lb *lb = new_lb(1);
	auto_free char *copy = strdup(text);
	char *save = NULL;
	bool sized = false;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');

		if (*line == '#' || !*line)
			continue;
		if (!space)
			fail_msg("not a line of a LoadBalancer: %s", line);
		*space = '\0';
		parse_line(lb, line, space + 1, &sized);
	}
	if (!sized)
		lb->size_index = slots_size_index(total_weight(lb));
	sort(lb);
	return lb;
}

/* Source: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t some_bits(struct some *some)
{
	uint64_t z = some->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t some_number(struct some *some, uint32_t below)
{
	return (uint32_t)((some_bits(some) >> 32) * below >> 32);
}

static struct address some_address(struct some *some, enum family family, uint8_t net,
				   uint32_t hosts)
{
	uint32_t host = some_number(some, hosts) + 1;
	struct address address = {.family = (uint8_t)family};
	size_t last = family == FAMILY_IPV4 ? 3 : 15;

	address.bytes[0] = family == FAMILY_IPV4 ? 10 : 0xfd;
	address.bytes[1] = net;
	address.bytes[last - 1] = (uint8_t)(host >> 8);
	address.bytes[last] = (uint8_t)host;
	return address;
}

static void set_vips(struct some *some, struct desired_lb *lb)
{
	static const enum family families[] = {FAMILY_IPV4, FAMILY_IPV6};
	uint32_t which = 1 + some_number(some, 3);

	lb->n_vips = 0;
	for (unsigned i = 0; i < 2; i++) {
		if (!(which & 1 << i))
			continue;
		lb->vips[lb->n_vips] = some_address(some, families[i], 0, 4);
		memcpy(lb->vips[lb->n_vips].bytes + 1, &lb->number, 2);
		lb->n_vips++;
	}
}

static void set_ports(struct some *some, struct desired_lb *lb, uint32_t max)
{
	static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};
	uint32_t n = some_number(some, max + 1);

	lb->n_ports = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct desired_port *port = ARRAY_ADD(lb->ports, lb->n_ports);
		uint32_t kind = some_number(some, 4);

		require(port);
		port->protocol = protocols[some_number(some, 3)];
		port->first = (uint16_t)(100 * (i + 1));
		port->last = port->first;
		if (kind == 0)
			port->last = (uint16_t)(port->first + some_number(some, 40));
		port->target =
			(uint16_t)(port->first + (kind == 1 ? some_number(some, 3) * 1000 : 0));
	}
}

static bool has_destination(const struct desired_lb *lb, const struct address *address)
{
	ARRAY_FOREACH(destination, lb->destinations, lb->n_destinations)
		if (address_equal(&destination->address, address))
			return true;
	return false;
}

static void add_destination(struct some *some, struct desired_lb *lb, uint32_t max)
{
	struct address address =
		some_address(some, some_number(some, 2) ? FAMILY_IPV4 : FAMILY_IPV6, 200, 2 * max);
	static const char *const nodes[] = {"n1", "n2"};
	struct desired_destination *destination;
	uint32_t node = some_number(some, 3);

	if (has_destination(lb, &address))
		return;
	destination = ARRAY_ADD(lb->destinations, lb->n_destinations);
	require(destination);
	destination->address = address;
	destination->weight = (uint16_t)some_number(some, 4);
	destination->node = node < 2 ? strdup(nodes[node]) : NULL;
}

static void remove_destination(struct some *some, struct desired_lb *lb)
{
	struct desired_destination *gone;

	if (!lb->n_destinations)
		return;
	gone = &lb->destinations[some_number(some, (uint32_t)lb->n_destinations)];
	free(gone->node);
	*gone = lb->destinations[--lb->n_destinations];
}

static void set_sources(struct some *some, struct desired_lb *lb)
{
	static const uint8_t lens[] = {8, 16, 24, 32};
	uint32_t n = some_number(some, 4);

	lb->n_source_ranges = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct cidr *source = ARRAY_ADD(lb->source_ranges, lb->n_source_ranges);

		require(source);
		source->address = some_address(
			some, some_number(some, 2) ? FAMILY_IPV4 : FAMILY_IPV6, 100, 600);
		source->len = lens[some_number(some, ARRAY_SIZE(lens))];
		cidr_mask(source);
	}
}

static void change_one(struct some *some, struct desired_lb *lb, uint32_t max)
{
	switch (some_number(some, 9)) {
	case 0:
		set_vips(some, lb);
		break;
	case 1:
		set_ports(some, lb, max);
		break;
	case 2:
		set_sources(some, lb);
		break;
	case 3:
		lb->affinity = some_number(some, 2) ? AFFINITY_CLIENT_IP : AFFINITY_NONE;
		break;
	case 4:
		if (lb->n_destinations)
			lb->destinations[some_number(some, (uint32_t)lb->n_destinations)].weight =
				(uint16_t)some_number(some, 4);
		break;
	case 5:
	case 6:
		remove_destination(some, lb);
		break;
	default:
		add_destination(some, lb, max);
	}
}

void some_change(struct some *some, struct desired_lb *lb, uint32_t max)
{
	for (uint32_t n = 1 + some_number(some, 3); n > 0; n--)
		change_one(some, lb, max);
	lb->size_index = slots_size_index(total_weight(lb));
	sort(lb);
}

struct desired_lb *some_lb(struct some *some, uint32_t number, uint32_t max)
{
	struct desired_lb *lb = new_lb(number);
	uint32_t n = some_number(some, max + 1);

	set_vips(some, lb);
	set_ports(some, lb, max);
	if (some_number(some, 3) == 0)
		set_sources(some, lb);
	for (uint32_t i = 0; i < n; i++)
		add_destination(some, lb, max);
	lb->affinity = some_number(some, 3) ? AFFINITY_NONE : AFFINITY_CLIENT_IP;
	lb->size_index = slots_size_index(total_weight(lb));
	sort(lb);
	return lb;
}
