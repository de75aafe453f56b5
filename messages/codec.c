/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/codec.h"

#include <errno.h>

#include "base/hash.h"
#include "messages/ilb.pb-c.h"
#include "messages/wire.h"

/*
 * Desired state to bytes. To pack, a tree of protobuf-c's structs is built in an arena, which borrows all
 * bytes from ours. Packing is canonical, as protobuf-c writes fields in their order and leaves out
 * zeros, and our lists are sorted: the digest relies on it.
 */

static bool put_ports(struct arena *arena, const struct desired_lb *lb, Ilb__V1__LoadBalancer *out)
{
	Ilb__V1__Port *ports = arena_alloc_array(arena, lb->n_ports, sizeof(*ports));

	out->ports = arena_alloc_pointers(arena, lb->n_ports);
	if (!ports || !out->ports)
		return false;
	for (; out->n_ports < lb->n_ports; out->n_ports++) {
		const struct desired_port *from = &lb->ports[out->n_ports];
		Ilb__V1__Port *port = &ports[out->n_ports];

		ilb__v1__port__init(port);
		port->protocol = (Ilb__V1__Protocol)from->protocol;
		port->first = from->first;
		port->last = from->last;
		port->target = from->target;
		out->ports[out->n_ports] = port;
	}
	return true;
}

static bool put_destinations(struct arena *arena, const struct desired_lb *lb,
			     Ilb__V1__LoadBalancer *out)
{
	Ilb__V1__Destination *destinations =
		arena_alloc_array(arena, lb->n_destinations, sizeof(*destinations));

	out->destinations = arena_alloc_pointers(arena, lb->n_destinations);
	if (!destinations || !out->destinations)
		return false;
	for (; out->n_destinations < lb->n_destinations; out->n_destinations++) {
		const struct desired_destination *from = &lb->destinations[out->n_destinations];
		Ilb__V1__Destination *destination = &destinations[out->n_destinations];

		ilb__v1__destination__init(destination);
		destination->address = wire_address(&from->address);
		destination->weight = from->weight;
		destination->node = wire_text(from->node);
		out->destinations[out->n_destinations] = destination;
	}
	return true;
}

static bool put_source_ranges(struct arena *arena, const struct desired_lb *lb,
			      Ilb__V1__LoadBalancer *out)
{
	Ilb__V1__SourceRange *ranges =
		arena_alloc_array(arena, lb->n_source_ranges, sizeof(*ranges));

	out->source_ranges = arena_alloc_pointers(arena, lb->n_source_ranges);
	if (!ranges || !out->source_ranges)
		return false;
	for (; out->n_source_ranges < lb->n_source_ranges; out->n_source_ranges++) {
		const struct cidr *from = &lb->source_ranges[out->n_source_ranges];
		Ilb__V1__SourceRange *range = &ranges[out->n_source_ranges];

		ilb__v1__source_range__init(range);
		range->address = wire_address(&from->address);
		range->len = from->len;
		out->source_ranges[out->n_source_ranges] = range;
	}
	return true;
}

static bool put_vips(struct arena *arena, const struct desired_lb *lb, Ilb__V1__LoadBalancer *out)
{
	out->vips = arena_alloc_array(arena, lb->n_vips, sizeof(*out->vips));
	if (!out->vips)
		return false;
	for (; out->n_vips < lb->n_vips; out->n_vips++)
		out->vips[out->n_vips] = wire_address(&lb->vips[out->n_vips]);
	return true;
}

static bool put_check(struct arena *arena, const struct desired_lb *lb, Ilb__V1__LoadBalancer *out)
{
	if (!lb->check.interval_s)
		return true;
	out->check = arena_alloc(arena, sizeof(*out->check));
	if (!out->check)
		return false;
	ilb__v1__check__init(out->check);
	out->check->http = lb->check.protocol == CHECK_PROTOCOL_HTTP;
	out->check->port = lb->check.port;
	out->check->path = wire_text(lb->check.path);
	out->check->interval_s = lb->check.interval_s;
	out->check->timeout_s = lb->check.timeout_s;
	out->check->healthy_threshold = lb->check.healthy_threshold;
	out->check->unhealthy_threshold = lb->check.unhealthy_threshold;
	return true;
}

/* Return: NULL without memory. */
static Ilb__V1__LoadBalancer *put_lb(struct arena *arena, const struct desired_lb *lb)
{
	Ilb__V1__LoadBalancer *out = arena_alloc(arena, sizeof(*out));

	if (!out)
		return NULL;
	ilb__v1__load_balancer__init(out);
	out->uid = wire_uuid(&lb->uid);
	out->name = wire_text(lb->name);
	out->generation = lb->generation;
	out->number = lb->number;
	out->size_index = lb->size_index;
	out->algorithm = lb->algorithm;
	out->client_ip_affinity = lb->affinity == AFFINITY_CLIENT_IP;
	out->fail_open = lb->when_all_unhealthy == ALL_UNHEALTHY_FAIL_OPEN;
	out->drain_s = lb->drain_s;
	if (!put_vips(arena, lb, out) || !put_ports(arena, lb, out) ||
	    !put_destinations(arena, lb, out) || !put_source_ranges(arena, lb, out) ||
	    !put_check(arena, lb, out))
		return NULL;
	return out;
}

static bool put_lists(struct arena *arena, const struct desired *desired, Ilb__V1__Desired *out)
{
	out->load_balancers = arena_alloc_pointers(arena, desired->n_lbs);
	out->removed = arena_alloc_array(arena, desired->n_removed, sizeof(*out->removed));
	if (!out->load_balancers || !out->removed)
		return false;
	for (; out->n_load_balancers < desired->n_lbs; out->n_load_balancers++) {
		Ilb__V1__LoadBalancer *lb = put_lb(arena, desired->lbs[out->n_load_balancers]);

		if (!lb)
			return false;
		out->load_balancers[out->n_load_balancers] = lb;
	}
	for (; out->n_removed < desired->n_removed; out->n_removed++)
		out->removed[out->n_removed] = wire_uuid(&desired->removed[out->n_removed]);
	return true;
}

int desired_pack(const struct desired *desired, void **ret_bytes, size_t *ret_len)
{
	auto_call(arena_deinit) struct arena arena = {};
	Ilb__V1__Desired out;

	ilb__v1__desired__init(&out);
	out.net = wire_text(desired->net);
	out.epoch = wire_uuid(&desired->epoch);
	out.revision = desired->revision;
	out.previous = desired->previous;
	out.snapshot = desired->snapshot;
	out.resync = desired->resync;
	out.part = desired->part;
	out.n_parts = desired->n_parts;
	if (!put_lists(&arena, desired, &out))
		return -ENOMEM;
	return wire_pack(&out.base, ret_bytes, ret_len);
}

int codec_digest(const struct desired_lb *lb, uint64_t *ret_digest)
{
	auto_call(arena_deinit) struct arena arena = {};
	Ilb__V1__LoadBalancer *out = put_lb(&arena, lb);
	auto_free void *bytes = NULL;
	size_t len;
	int r;

	if (!out)
		return -ENOMEM;
	r = wire_pack(&out->base, &bytes, &len);
	if (r < 0)
		return r;
	*ret_digest = hash_bytes(bytes, len);
	return 0;
}

size_t codec_size(const struct desired_lb *lb)
{
	auto_call(arena_deinit) struct arena arena = {};
	Ilb__V1__LoadBalancer *out = put_lb(&arena, lb);
	size_t len;

	if (!out)
		return CODEC_MESSAGE_MAX;
	len = protobuf_c_message_get_packed_size(&out->base);
	return 1 + (len < 1 << 7 ? 1 : len < 1 << 14 ? 2 : len < 1 << 21 ? 3 : 4) + len;
}
