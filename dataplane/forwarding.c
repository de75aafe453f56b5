/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/forwarding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"

void forwarding_free(struct forwarding *forwarding)
{
	if (!forwarding)
		return;
	free(forwarding->ports);
	free(forwarding->members);
	free(forwarding->sources);
	free(forwarding->slots[0]);
	free(forwarding->slots[1]);
	free(forwarding);
}

static int copy_vips(struct forwarding *f, const struct desired_lb *lb, struct error *err)
{
	for (size_t i = 0; i < lb->n_vips; i++) {
		struct address *vip = &f->vips[family_index(lb->vips[i].family)];

		if (vip->family != FAMILY_NONE)
			return error_set(err, -EINVAL, "two addresses of one family");
		*vip = lb->vips[i];
	}
	return 0;
}

static int copy_ports(struct forwarding *f, const struct desired_lb *lb)
{
	f->ports = calloc(lb->n_ports + 1, sizeof(*f->ports));
	if (!f->ports)
		return -ENOMEM;
	for (; f->n_ports < lb->n_ports; f->n_ports++) {
		const struct desired_port *port = &lb->ports[f->n_ports];

		f->ports[f->n_ports] = (struct forwarding_port){
			.first = port->first,
			.last = port->last,
			.target = port->target,
			.protocol = (uint8_t)port->protocol,
		};
	}
	return 0;
}

/* `destinations` are sorted, so IPv4 comes first. */
static int copy_members(struct forwarding *f, const struct desired_lb *lb, const char *node)
{
	f->members = calloc(lb->n_destinations + 1, sizeof(*f->members));
	if (!f->members)
		return -ENOMEM;
	ARRAY_FOREACH(from, lb->destinations, lb->n_destinations) {
		f->members[f->n_members++] = (struct forwarding_member){
			.address = from->address,
			.local = !from->node || text_equal(from->node, node),
			.dead = from->dead,
			.weight = from->dead ? 0 : from->weight,
		};
		f->n_members4 += from->address.family == FAMILY_IPV4;
	}
	return 0;
}

/*
 * Prefixes either nest or are apart. One that lies in another is left out: the kernel refuses
 * overlapping intervals.
 */
static void add_source(struct forwarding *f, struct cidr source)
{
	size_t n = 0;

	cidr_mask(&source);
	for (size_t i = 0; i < f->n_sources; i++)
		if (cidr_covers(&f->sources[i], &source))
			return;
	for (size_t i = 0; i < f->n_sources; i++)
		if (!cidr_covers(&source, &f->sources[i]))
			f->sources[n++] = f->sources[i];
	f->sources[n++] = source;
	f->n_sources = n;
}

static int source_compare(const void *a, const void *b)
{
	const struct cidr *x = a, *y = b;
	int order = address_compare(&x->address, &y->address);

	return order ? order : x->len - y->len;
}

static int copy_sources(struct forwarding *f, const struct desired_lb *lb)
{
	f->sources = calloc(lb->n_source_ranges + 1, sizeof(*f->sources));
	if (!f->sources)
		return -ENOMEM;
	for (size_t i = 0; i < lb->n_source_ranges; i++)
		add_source(f, lb->source_ranges[i]);
	qsort(f->sources, f->n_sources, sizeof(*f->sources), source_compare);
	return 0;
}

static const struct forwarding_member *family_members(const struct forwarding *f,
						      enum family family, size_t *ret_n)
{
	*ret_n = family == FAMILY_IPV4 ? f->n_members4 : f->n_members - f->n_members4;
	return f->members + (family == FAMILY_IPV4 ? 0 : f->n_members4);
}

static bool takes_flows(const struct forwarding *f, enum family family)
{
	size_t n;
	const struct forwarding_member *members = family_members(f, family, &n);

	if (f->vips[family_index(family)].family == FAMILY_NONE)
		return false;
	ARRAY_FOREACH(member, members, n)
		if (member->weight)
			return true;
	return false;
}

static uint8_t choose_class(const struct forwarding *f, const struct desired_lb *lb,
			    enum family family)
{
	uint8_t class = f->size_index;

	if (!takes_flows(f, family))
		return CLASS_REFUSE;
	ARRAY_FOREACH(port, f->ports, f->n_ports)
		if (port->target != port->first)
			class |= CLASS_TRANSLATED;
	class |= lb->affinity == AFFINITY_CLIENT_IP ? CLASS_AFFINITY : 0;
	return class | (f->n_sources ? CLASS_RESTRICTED : 0);
}

/* Keeps what was assigned as small numbers: a table has 16 slots for a destination, or so. */
static int keep_slots(struct forwarding *f, enum family family, const uint16_t *slots)
{
	size_t n_slots = SLOTS_SIZES[f->size_index];
	uint8_t *narrow;

	f->slots[family_index(family)] = calloc(n_slots, f->wide ? 2 : 1);
	narrow = f->slots[family_index(family)];
	if (!narrow)
		return -ENOMEM;
	if (f->wide)
		memcpy(narrow, slots, n_slots * sizeof(*slots));
	for (size_t i = 0; i < n_slots && !f->wide; i++)
		narrow[i] = (uint8_t)slots[i];
	return 0;
}

static int fill_slots(struct forwarding *f, const struct desired_lb *lb, enum family family,
		      struct error *err)
{
	auto_free struct slots_member *choices = NULL;
	uint16_t slots[SLOTS_SIZE_MAX];
	size_t n;
	const struct forwarding_member *members = family_members(f, family, &n);
	int r;

	f->classes[family_index(family)] = choose_class(f, lb, family);
	if (!forwarding_n_slots(f, family))
		return 0;
	choices = calloc(n, sizeof(*choices));
	if (!choices)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		choices[i] = (struct slots_member){members[i].address, members[i].weight};
	r = slots_assign(choices, n, lb->size_index, lb->algorithm, slots);
	if (r == -ENOTSUP)
		return error_set(err, r,
				 "slot algorithm %u is unknown to this version of ilb-agent: "
				 "upgrade it",
				 lb->algorithm);
	return r < 0 ? r : keep_slots(f, family, slots);
}

int forwarding_new(const struct desired_lb *lb, const char *node,
		   struct forwarding **ret_forwarding, struct error *err)
{
	auto_call(forwarding_freep) struct forwarding *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	if (lb->number < 1 || lb->number > DESIRED_NUMBER_MAX)
		return error_set(err, -EINVAL, "number %u: not from 1 to %u", lb->number,
				 DESIRED_NUMBER_MAX);
	if (lb->size_index >= SLOTS_N_SIZES)
		return error_set(err, -EINVAL, "slot table size %u: not from 0 to %u",
				 lb->size_index, SLOTS_N_SIZES - 1);
	f->uid = lb->uid;
	f->number = lb->number;
	f->drain_s = lb->drain_s;
	f->size_index = lb->size_index;
	if ((r = copy_vips(f, lb, err)) < 0 || (r = copy_ports(f, lb)) < 0 ||
	    (r = copy_members(f, lb, node)) < 0 || (r = copy_sources(f, lb)) < 0)
		return r;
	f->wide = f->n_members > UINT8_MAX + 1;
	if ((r = fill_slots(f, lb, FAMILY_IPV4, err)) < 0 ||
	    (r = fill_slots(f, lb, FAMILY_IPV6, err)) < 0)
		return r;
	*ret_forwarding = TAKE(f);
	return 0;
}

size_t forwarding_n_slots(const struct forwarding *forwarding, enum family family)
{
	uint8_t class = forwarding->classes[family_index(family)];

	return (class & CLASS_SIZE_MASK) == CLASS_REFUSE ? 0 : SLOTS_SIZES[class & CLASS_SIZE_MASK];
}

const struct forwarding_member *forwarding_slot(const struct forwarding *forwarding,
						enum family family, size_t slot)
{
	const void *slots = forwarding->slots[family_index(family)];
	size_t n, index;
	const struct forwarding_member *members = family_members(forwarding, family, &n);

	require(slot < forwarding_n_slots(forwarding, family));
	index = forwarding->wide ? ((const uint16_t *)slots)[slot] : ((const uint8_t *)slots)[slot];
	return &members[index];
}

static int member_compare(const void *key, const void *member)
{
	return address_compare(key, &((const struct forwarding_member *)member)->address);
}

const struct forwarding_member *forwarding_find_member(const struct forwarding *forwarding,
						       const struct address *address)
{
	return bsearch(address, forwarding->members, forwarding->n_members,
		       sizeof(*forwarding->members), member_compare);
}

const struct forwarding_port *forwarding_next_port(const struct forwarding *forwarding,
						   uint8_t protocol, uint16_t port)
{
	size_t low = 0, high = forwarding->n_ports;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct forwarding_port *entry = &forwarding->ports[middle];

		if (entry->protocol < protocol ||
		    (entry->protocol == protocol && entry->last < port))
			low = middle + 1;
		else
			high = middle;
	}
	return low < forwarding->n_ports && forwarding->ports[low].protocol == protocol
		       ? &forwarding->ports[low]
		       : NULL;
}

const struct forwarding_port *forwarding_find_port(const struct forwarding *forwarding,
						   uint8_t protocol, uint16_t port)
{
	const struct forwarding_port *entry = forwarding_next_port(forwarding, protocol, port);

	return entry && entry->first <= port ? entry : NULL;
}

size_t forwarding_size(const struct forwarding *forwarding)
{
	size_t n_slots = forwarding_n_slots(forwarding, FAMILY_IPV4) +
			 forwarding_n_slots(forwarding, FAMILY_IPV6);

	return sizeof(*forwarding) + forwarding->n_ports * sizeof(*forwarding->ports) +
	       forwarding->n_members * sizeof(*forwarding->members) +
	       forwarding->n_sources * sizeof(*forwarding->sources) +
	       n_slots * (forwarding->wide ? sizeof(uint16_t) : sizeof(uint8_t));
}
