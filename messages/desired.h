/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/uuid.h"

/*
 * Desired state: what the allocator wants every node that hosts a Network to forward. It is all
 * that ipam/ and dataplane/ share. Plain data, open structs; whoever built one frees it.
 *
 * The limits are checked where bytes from outside become one of these structs (codec) and where
 * objects become one (ipam), so that a struct that exists is within them.
 */

#define DESIRED_NAME_MAX         253  /* bytes of a Kubernetes DNS subdomain */
#define DESIRED_PORTS_MAX        1024 /* entries of one LoadBalancer */
#define DESIRED_DESTINATIONS_MAX 4096 /* addresses of one LoadBalancer, both families together */
#define DESIRED_SOURCES_MAX      256  /* sourceRanges of one LoadBalancer */
#define DESIRED_WEIGHT_MAX       256
#define DESIRED_NUMBER_MAX       0xffffffU /* 24 bits of the ct mark; 0 is never used */
#define DESIRED_SIZE_INDEX_MAX   6
#define DESIRED_DRAIN_MAX        3600 /* seconds */
#define DESIRED_PATH_MAX         1024 /* bytes of a health check's path, visible ASCII */

/*
 * Sizes of slot tables, in slots: what `size_index` counts. dataplane/slots.h builds them, with as
 * many slots for each unit of weight as fit; ipam/ chooses the size.
 */
#define DESIRED_SIZES                             \
	{                                         \
		1, 16, 64, 256, 1024, 4096, 16384 \
	}
#define DESIRED_N_SIZES          7
#define DESIRED_SLOTS_PER_WEIGHT 8
#define DESIRED_ALGORITHM        1 /* SLOTS_ALGORITHM that new LoadBalancers get */

enum protocol { /* IANA numbers */
		PROTOCOL_TCP = 6,
		PROTOCOL_UDP = 17,
		PROTOCOL_SCTP = 132,
};

const char *protocol_name(enum protocol protocol); /* "TCP" ...; "?" for none of them */
/* Return: 0, -EINVAL. Upper case only, as in Kubernetes. */
must_check int protocol_parse(const char *name, enum protocol *ret_protocol);

enum affinity { AFFINITY_NONE, AFFINITY_CLIENT_IP };
enum check_protocol { CHECK_PROTOCOL_TCP, CHECK_PROTOCOL_HTTP };
enum all_unhealthy { ALL_UNHEALTHY_REJECT, ALL_UNHEALTHY_FAIL_OPEN };

/* A listener: every VIP of the LoadBalancer has it. */
struct desired_port {
	enum protocol protocol;
	uint16_t first, last; /* 1..65535, first <= last */
	uint16_t target; /* destination port; equal to `first`, or a single port's translation */
};

struct desired_destination {
	struct address address;
	uint16_t weight; /* 0..256; 0 drains: no new flow, established ones go on */
	char *node;      /* hosting node, or NULL where nobody said */
	/*
	 * Not on the wire: found out about its health, messages/overlay.h. It gets nothing, and what it
	 * had is cut at once, as nobody there would end it.
	 */
	bool dead;
};

/* An absent check has interval_s 0. */
struct desired_check {
	enum check_protocol protocol;
	uint16_t port;
	char *path; /* HTTP only, else NULL */
	uint16_t interval_s, timeout_s;
	uint8_t healthy_threshold, unhealthy_threshold;
};

/*
 * One LoadBalancer. `ports` are sorted by protocol and first port and do not overlap;
 * `destinations` are sorted by address_compare() and distinct.
 */
struct desired_lb {
	struct uuid uid;
	char *name;          /* "namespace/name", for people */
	uint64_t generation; /* of the object's spec; what a node reports as applied */
	uint32_t number;     /* 1..DESIRED_NUMBER_MAX, unique in the Network, reused late */
	uint8_t size_index; /* slot table size: index into SLOTS_SIZES of dataplane/slots.h, 0..6 */
	uint8_t algorithm;  /* version of the slot assignment; SLOTS_ALGORITHM of the same header */
	struct address vips[2]; /* at most one per family, in spec order */
	size_t n_vips;
	struct desired_port *ports;
	size_t n_ports;
	struct desired_destination *destinations;
	size_t n_destinations;
	struct cidr *source_ranges; /* none: the whole Network */
	size_t n_source_ranges;
	enum affinity affinity;
	struct desired_check check;
	enum all_unhealthy when_all_unhealthy;
	uint16_t drain_s; /* 0..DESIRED_DRAIN_MAX */
};

void desired_lb_deinit(struct desired_lb *lb);
void desired_lb_free(struct desired_lb *lb);
AUTO_DEFINE(struct desired_lb, desired_lb_free);

/*
 * A change of a Network's desired state, or all of it (a snapshot).
 * A change carries the whole of each LoadBalancer it names, so it is idempotent.
 */
struct desired {
	char *net;              /* the Network's id token, messages/subjects.h */
	struct uuid epoch;      /* of the store; revisions of different epochs do not compare */
	uint64_t revision;      /* log sequence this brings the receiver to */
	uint64_t previous;      /* log sequence of the change before it; 0 in a snapshot */
	bool snapshot;          /* `lbs` is everything as of `revision`, in parts */
	bool resync;            /* the change was too large to send: ask for a snapshot */
	uint32_t part, n_parts; /* of a snapshot, 1..n_parts; 1 of 1 in a change */
	struct desired_lb **lbs;
	size_t n_lbs;
	struct uuid *removed; /* LoadBalancers that are gone */
	size_t n_removed;
};

void desired_free(struct desired *desired);
AUTO_DEFINE(struct desired, desired_free);
