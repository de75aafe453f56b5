/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/plenty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "dataplane/slots.h"

#define VIPS         0x0a000000U /* 10.0.0.0 */
#define DESTINATIONS 0x0a800000U /* 10.128.0.0 */
#define PORT         80

static struct address address(uint32_t value)
{
	uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
			    (uint8_t)value};
	struct address address;

	require(address_from_bytes(bytes, sizeof(bytes), &address) == 0);
	return address;
}

static void add_port(struct desired_lb *lb, enum protocol protocol)
{
	struct desired_port *port = ARRAY_ADD(lb->ports, lb->n_ports);

	require(port);
	*port = (struct desired_port){protocol, PORT, PORT, PORT};
}

struct desired_lb *plenty_lb(const struct plenty *plenty, uint32_t number, bool short_of_one)
{
	struct desired_lb *lb = calloc(1, sizeof(*lb));

	require(lb);
	require(asprintf(&lb->name, "default/lb%u", number) > 0);
	memcpy(lb->uid.bytes, &number, sizeof(number));
	lb->number = number;
	lb->generation = 1;
	lb->algorithm = SLOTS_ALGORITHM;
	lb->size_index = slots_size_index(plenty->n_destinations);
	lb->vips[lb->n_vips++] = address(VIPS + number);
	add_port(lb, PROTOCOL_TCP);
	add_port(lb, PROTOCOL_UDP);
	for (uint32_t i = 0; i < plenty->n_destinations - short_of_one; i++) {
		struct desired_destination *destination =
			ARRAY_ADD(lb->destinations, lb->n_destinations);

		require(destination);
		destination->address = address(DESTINATIONS + number * plenty->n_destinations + i);
		destination->weight = 1;
		destination->node = strdup("elsewhere");
		require(destination->node);
	}
	return lb;
}

static struct desired *new_desired(void)
{
	static uint64_t revision;
	struct desired *desired = calloc(1, sizeof(*desired));

	require(desired);
	desired->net = strdup("net");
	require(desired->net);
	desired->revision = ++revision;
	desired->part = desired->n_parts = 1;
	return desired;
}

static void add(struct desired *desired, struct desired_lb *lb)
{
	struct desired_lb **slot = ARRAY_ADD(desired->lbs, desired->n_lbs);

	require(slot);
	*slot = lb;
}

struct desired *plenty_snapshot(const struct plenty *plenty)
{
	struct desired *desired = new_desired();

	desired->snapshot = true;
	for (uint32_t number = 1; number <= plenty->n_lbs; number++)
		add(desired, plenty_lb(plenty, number, false));
	return desired;
}

struct desired *plenty_change(const struct plenty *plenty, uint32_t number, bool short_of_one)
{
	struct desired *desired = new_desired();

	add(desired, plenty_lb(plenty, number, short_of_one));
	return desired;
}
