/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/uuid.h"
#include "dataplane/slots.h"
#include "messages/desired.h"

/*
 * What one node has to hold for one LoadBalancer: desired state made definite, with classes chosen
 * and slots filled. An agent keeps one for each LoadBalancer that is in the kernel, and a change is
 * the difference of two (dataplane/plan.h); so it is small: about 1 KB with 16 destinations.
 *
 * A LoadBalancer is known to the rules by its mark, 32 bits of conntrack mark, one per family:
 *	number << 8 | class
 * The number is the allocator's. The class says which of the constant chains serves it:
 *	bits 0-3  size of the slot table: index into SLOTS_SIZES, or CLASS_REFUSE
 *	bit  4    some port is translated (targetPort)
 *	bit  5    affinity ClientIP: only the source address is hashed
 *	bit  6    restricted: only clients in sourceRanges
 * The class may change while connections live; they keep the mark they were born with. What must
 * survive that (accounting, clean-up of conntrack entries) looks at the number alone:
 * mark & MARK_NUMBER_MASK.
 */

#define CLASS_SIZE_MASK  0x0fU
#define CLASS_REFUSE     0x0fU /* no destination that takes new flows: RST or port unreachable */
#define CLASS_TRANSLATED 0x10U
#define CLASS_AFFINITY   0x20U
#define CLASS_RESTRICTED 0x40U
#define MARK_CLASS_MASK  0xffU
#define MARK_NUMBER_MASK 0xffffff00U

/* Ranges of up to this many ports are single ports to the kernel: cheaper to look up and change. */
#define FORWARDING_EXPAND_MAX 16

struct forwarding_member {
	struct address address;
	bool local;      /* may be on this node: it may reach itself through the VIP */
	bool dead;       /* its connections are cut; its weight is 0 */
	uint16_t weight; /* 0: keeps what it has, gets nothing new */
};

struct forwarding_port {
	uint16_t first, last;
	uint16_t target; /* equal to `first` where not translated */
	uint8_t protocol;
};

/* Everything is read-only once made. Arrays are sorted as in struct desired_lb. */
struct forwarding {
	struct uuid uid;
	uint32_t number;
	uint16_t drain_s;
	uint8_t size_index;
	bool wide;              /* slots are uint16_t, not uint8_t */
	uint8_t classes[2];     /* IPv4, IPv6 */
	struct address vips[2]; /* IPv4, IPv6; family none where it has no such VIP */
	struct forwarding_port *ports;
	size_t n_ports;
	struct forwarding_member *members; /* IPv4 first: n_members4 of n_members */
	size_t n_members, n_members4;
	struct cidr *sources;
	size_t n_sources;
	void *slots[2]; /* NULL where the class refuses; use forwarding_slot() */
};

/*
 * Makes a LoadBalancer definite.
 * @node: our name. Destinations with this node, or with none, may be local.
 * Return: 0, -ENOMEM, -ENOTSUP (slot algorithm of a newer version: the sentence says so),
 *         -EINVAL (number or size index out of range, two VIPs of one family).
 */
must_check int forwarding_new(const struct desired_lb *lb, const char *node,
			      struct forwarding **ret_forwarding, struct error *err);
void forwarding_free(struct forwarding *forwarding);
AUTO_DEFINE(struct forwarding, forwarding_free);

/* Index into the arrays of two above: 0 for IPv4, 1 for IPv6. */
static inline unsigned family_index(enum family family)
{
	return family == FAMILY_IPV6;
}

static inline uint32_t forwarding_mark(const struct forwarding *forwarding, enum family family)
{
	return forwarding->number << 8 | forwarding->classes[family_index(family)];
}

/* Slots in the family's table: 0 where it has no VIP of the family or its class refuses. */
size_t forwarding_n_slots(const struct forwarding *forwarding, enum family family);

/* The destination in a slot. slot < forwarding_n_slots() (required). Never NULL. */
const struct forwarding_member *forwarding_slot(const struct forwarding *forwarding,
						enum family family, size_t slot);

/* NULL when the address is none of its destinations: for drains that end after it came back. */
const struct forwarding_member *forwarding_find_member(const struct forwarding *forwarding,
						       const struct address *address);

/* The first entry of the protocol that ends at `port` or behind it, or NULL. */
const struct forwarding_port *forwarding_next_port(const struct forwarding *forwarding,
						   uint8_t protocol, uint16_t port);

/* The port entry that serves it, or NULL. */
const struct forwarding_port *forwarding_find_port(const struct forwarding *forwarding,
						   uint8_t protocol, uint16_t port);

/* Whether the entry goes into svc, port by port, and not into a range map. */
static inline bool forwarding_port_is_exact(const struct forwarding_port *port)
{
	return port->last - port->first < FORWARDING_EXPAND_MAX;
}

/* Bytes of memory that it takes, for metrics. */
size_t forwarding_size(const struct forwarding *forwarding);
