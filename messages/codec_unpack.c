/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/array.h"
#include "messages/codec.h"
#include "messages/ilb.pb-c.h"
#include "messages/wire.h"

/*
 * Desired state from bytes. Every list is counted as it is filled, so that what was read so far is
 * freed with it wherever reading ends.
 */

static int get_port(const Ilb__V1__Port *in, struct desired_port *port, struct error *err)
{
	int r;

	if (in->protocol != ILB__V1__PROTOCOL__PROTOCOL_TCP &&
	    in->protocol != ILB__V1__PROTOCOL__PROTOCOL_UDP &&
	    in->protocol != ILB__V1__PROTOCOL__PROTOCOL_SCTP)
		return wire_bad(err, "protocol", "must be TCP, UDP or SCTP");
	r = wire_read_number(in->first, 1, UINT16_MAX, "first", err);
	if (r == 0)
		r = wire_read_number(in->last, in->first, UINT16_MAX, "last", err);
	if (r == 0)
		r = wire_read_number(in->target, 1, UINT16_MAX, "target", err);
	if (r < 0)
		return r;
	if (in->target != in->first && in->first != in->last)
		return wire_bad(err, "target", "a range cannot have one");
	port->protocol = (enum protocol)in->protocol;
	port->first = (uint16_t)in->first;
	port->last = (uint16_t)in->last;
	port->target = (uint16_t)in->target;
	return 0;
}

static bool is_port_behind(const struct desired_port *a, const struct desired_port *b)
{
	return a->protocol == b->protocol ? a->first > b->last : a->protocol > b->protocol;
}

static int get_ports(const Ilb__V1__LoadBalancer *in, struct desired_lb *lb, struct error *err)
{
	int r = wire_read_count(in->n_ports, DESIRED_PORTS_MAX, "ports", err);

	if (r < 0)
		return r;
	lb->ports = calloc(in->n_ports + 1, sizeof(*lb->ports));
	if (!lb->ports)
		return -ENOMEM;
	for (; lb->n_ports < in->n_ports; lb->n_ports++) {
		struct desired_port *port = &lb->ports[lb->n_ports];

		r = get_port(in->ports[lb->n_ports], port, err);
		if (r == 0 && lb->n_ports && !is_port_behind(port, port - 1))
			r = error_set(err, -EBADMSG, "out of order or overlapping");
		if (r < 0)
			return error_prefix(err, r, "ports[%zu]", lb->n_ports);
	}
	return 0;
}

static int get_destination(const Ilb__V1__Destination *in, struct desired_destination *destination,
			   struct error *err)
{
	int r = wire_read_host(in->address, "address", &destination->address, err);

	if (r == 0)
		r = wire_read_number(in->weight, 0, DESIRED_WEIGHT_MAX, "weight", err);
	if (r == 0 && in->node.len)
		r = wire_read_token(in->node, "node", &destination->node, err);
	destination->weight = (uint16_t)in->weight;
	return r;
}

static int get_destinations(const Ilb__V1__LoadBalancer *in, struct desired_lb *lb,
			    struct error *err)
{
	int r = wire_read_count(in->n_destinations, DESIRED_DESTINATIONS_MAX, "destinations", err);

	if (r < 0)
		return r;
	lb->destinations = calloc(in->n_destinations + 1, sizeof(*lb->destinations));
	if (!lb->destinations)
		return -ENOMEM;
	while (lb->n_destinations < in->n_destinations) {
		size_t i = lb->n_destinations++; /* counted first: what it owns must be freed */
		struct desired_destination *destination = &lb->destinations[i];

		r = get_destination(in->destinations[i], destination, err);
		if (r == 0 && i &&
		    address_compare(&destination->address, &(destination - 1)->address) <= 0)
			r = error_set(err, -EBADMSG, "out of order or repeated");
		if (r < 0)
			return error_prefix(err, r, "destinations[%zu]", i);
	}
	return 0;
}

static int get_source_range(const Ilb__V1__SourceRange *in, struct cidr *range, struct error *err)
{
	int r = wire_read_address(in->address, "address", &range->address, err);

	if (r == 0)
		r = wire_read_number(in->len, 0, family_bits(range->address.family), "len", err);
	if (r < 0)
		return r;
	range->len = (uint8_t)in->len;
	if (cidr_has_host_bits(range))
		return wire_bad(err, "address", "has bits behind its length");
	return 0;
}

static int get_source_ranges(const Ilb__V1__LoadBalancer *in, struct desired_lb *lb,
			     struct error *err)
{
	int r = wire_read_count(in->n_source_ranges, DESIRED_SOURCES_MAX, "source_ranges", err);

	if (r < 0)
		return r;
	lb->source_ranges = calloc(in->n_source_ranges + 1, sizeof(*lb->source_ranges));
	if (!lb->source_ranges)
		return -ENOMEM;
	for (; lb->n_source_ranges < in->n_source_ranges; lb->n_source_ranges++) {
		size_t i = lb->n_source_ranges;

		r = get_source_range(in->source_ranges[i], &lb->source_ranges[i], err);
		if (r < 0)
			return error_prefix(err, r, "source_ranges[%zu]", i);
	}
	return 0;
}

static int get_vips(const Ilb__V1__LoadBalancer *in, struct desired_lb *lb, struct error *err)
{
	int r = wire_read_count(in->n_vips, ARRAY_SIZE(lb->vips), "vips", err);

	if (r < 0)
		return r;
	for (; lb->n_vips < in->n_vips; lb->n_vips++) {
		r = wire_read_host(in->vips[lb->n_vips], "vips", &lb->vips[lb->n_vips], err);
		if (r < 0)
			return r;
	}
	if (lb->n_vips == 2 && lb->vips[0].family == lb->vips[1].family)
		return wire_bad(err, "vips", "two of one family");
	return 0;
}

static int get_check_path(const Ilb__V1__Check *in, struct desired_check *check, struct error *err)
{
	int r;

	if (!in->http)
		return in->path.len ? wire_bad(err, "path", "a TCP check has none") : 0;
	r = wire_read_word(in->path, DESIRED_PATH_MAX, "path", &check->path, err);
	if (r == 0 && check->path[0] != '/')
		return wire_bad(err, "path", "must begin with '/'");
	return r;
}

static int get_check_numbers(const Ilb__V1__Check *in, struct error *err)
{
	int r = wire_read_number(in->port, 1, UINT16_MAX, "port", err);

	if (r == 0)
		r = wire_read_number(in->interval_s, 1, 300, "interval_s", err);
	if (r == 0)
		r = wire_read_number(in->timeout_s, 1, 60, "timeout_s", err);
	if (r == 0)
		r = wire_read_number(in->healthy_threshold, 1, 10, "healthy_threshold", err);
	if (r == 0)
		r = wire_read_number(in->unhealthy_threshold, 1, 10, "unhealthy_threshold", err);
	if (r == 0 && in->timeout_s >= in->interval_s)
		r = wire_bad(err, "timeout_s", "must be less than interval_s");
	return r;
}

static int get_check(const Ilb__V1__Check *in, struct desired_check *check, struct error *err)
{
	int r;

	if (!in)
		return 0;
	r = get_check_numbers(in, err);
	if (r == 0)
		r = get_check_path(in, check, err);
	if (r < 0)
		return error_prefix(err, r, "check");
	check->protocol = in->http ? CHECK_PROTOCOL_HTTP : CHECK_PROTOCOL_TCP;
	check->port = (uint16_t)in->port;
	check->interval_s = (uint16_t)in->interval_s;
	check->timeout_s = (uint16_t)in->timeout_s;
	check->healthy_threshold = (uint8_t)in->healthy_threshold;
	check->unhealthy_threshold = (uint8_t)in->unhealthy_threshold;
	return 0;
}

static int get_lb_numbers(const Ilb__V1__LoadBalancer *in, struct desired_lb *lb, struct error *err)
{
	int r = wire_read_number(in->number, 1, DESIRED_NUMBER_MAX, "number", err);

	if (r == 0)
		r = wire_read_number(in->size_index, 0, DESIRED_SIZE_INDEX_MAX, "size_index", err);
	if (r == 0)
		r = wire_read_number(in->algorithm, 0, UINT8_MAX, "algorithm", err);
	if (r == 0)
		r = wire_read_number(in->drain_s, 0, DESIRED_DRAIN_MAX, "drain_s", err);
	lb->generation = in->generation;
	lb->number = in->number;
	lb->size_index = (uint8_t)in->size_index;
	lb->algorithm = (uint8_t)in->algorithm;
	lb->affinity = in->client_ip_affinity ? AFFINITY_CLIENT_IP : AFFINITY_NONE;
	lb->when_all_unhealthy = in->fail_open ? ALL_UNHEALTHY_FAIL_OPEN : ALL_UNHEALTHY_REJECT;
	lb->drain_s = (uint16_t)in->drain_s;
	return r;
}

static int get_lb(const Ilb__V1__LoadBalancer *in, struct desired_lb **ret_lb, struct error *err)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = calloc(1, sizeof(*lb));
	int r;

	if (!lb)
		return -ENOMEM;
	r = wire_read_uuid(in->uid, "uid", &lb->uid, err);
	if (r == 0)
		r = wire_read_object_name(in->name, "name", &lb->name, err);
	if (r == 0)
		r = get_lb_numbers(in, lb, err);
	if (r == 0)
		r = get_vips(in, lb, err);
	if (r == 0)
		r = get_ports(in, lb, err);
	if (r == 0)
		r = get_destinations(in, lb, err);
	if (r == 0)
		r = get_source_ranges(in, lb, err);
	if (r == 0)
		r = get_check(in->check, &lb->check, err);
	if (r == 0)
		*ret_lb = TAKE(lb);
	return r;
}

static int get_lbs(const Ilb__V1__Desired *in, struct desired *desired, struct error *err)
{
	desired->lbs = calloc(in->n_load_balancers + 1, sizeof(struct desired_lb *));
	if (!desired->lbs)
		return -ENOMEM;
	for (; desired->n_lbs < in->n_load_balancers; desired->n_lbs++) {
		size_t i = desired->n_lbs;
		int r = get_lb(in->load_balancers[i], &desired->lbs[i], err);

		if (r < 0)
			return error_prefix(err, r, "load_balancers[%zu]", i);
	}
	return 0;
}

static int get_removed(const Ilb__V1__Desired *in, struct desired *desired, struct error *err)
{
	desired->removed = calloc(in->n_removed + 1, sizeof(*desired->removed));
	if (!desired->removed)
		return -ENOMEM;
	for (; desired->n_removed < in->n_removed; desired->n_removed++) {
		size_t i = desired->n_removed;
		int r = wire_read_uuid(in->removed[i], "removed", &desired->removed[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int get_desired_header(const Ilb__V1__Desired *in, struct desired *desired,
			      struct error *err)
{
	int r = wire_read_token(in->net, "net", &desired->net, err);

	if (r == 0)
		r = wire_read_uuid(in->epoch, "epoch", &desired->epoch, err);
	if (r == 0)
		r = wire_read_number(in->previous, 0, in->snapshot ? 0 : in->revision, "previous",
				     err);
	if (r == 0)
		r = wire_read_number(in->n_parts, 1, in->snapshot ? UINT32_MAX : 1, "n_parts", err);
	if (r == 0)
		r = wire_read_number(in->part, 1, in->n_parts, "part", err);
	desired->revision = in->revision;
	desired->previous = in->previous;
	desired->snapshot = in->snapshot;
	desired->resync = in->resync;
	desired->part = in->part;
	desired->n_parts = in->n_parts;
	return r;
}

int desired_unpack(const void *bytes, size_t len, struct desired **ret_desired, struct error *err)
{
	auto_call(arena_deinit) struct arena arena = {};
	auto_call(desired_freep) struct desired *desired = calloc(1, sizeof(*desired));
	Ilb__V1__Desired *in;
	int r;

	if (!desired)
		return -ENOMEM;
	r = wire_unpack(&ilb__v1__desired__descriptor, bytes, len, &arena, &in, err);
	if (r == 0)
		r = get_desired_header(in, desired, err);
	if (r == 0)
		r = get_lbs(in, desired, err);
	if (r == 0)
		r = get_removed(in, desired, err);
	if (r == 0)
		*ret_desired = TAKE(desired);
	return r;
}
