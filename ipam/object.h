/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/uuid.h"
#include "messages/desired.h"

/*
 * The five kinds as typed values. An object that exists went through every rule that needs nothing
 * but itself (ipam/rules_*.c), with its defaults filled in. Strings are owned by the object; an
 * absent optional string is NULL. Names and meaning are docs/api.md's.
 */

enum kind {
	KIND_NETWORK,
	KIND_NETWORK_INTERFACE,
	KIND_LOAD_BALANCER,
	KIND_LOAD_BALANCER_ROUTING,
	KIND_PREFIX,
	KIND_N_KINDS,
};

struct label {
	char *key, *value;
};

struct labels { /* sorted by key, keys distinct */
	struct label *items;
	size_t n_items;
};

enum operator{
	OPERATOR_IN,
	OPERATOR_NOT_IN,
	OPERATOR_EXISTS,
	OPERATOR_DOES_NOT_EXIST,
};

struct requirement {
	char *key;
	enum operator op;
	char **values;
	size_t n_values;
};

/* All of it must hold; an empty selector matches everything, an absent one (NULL) nothing. */
struct selector {
	struct labels match_labels;
	struct requirement *expressions;
	size_t n_expressions;
};

struct prefix_spec {
	enum family family;
	struct cidr prefix; /* .address.family NONE: not given */
	uint8_t length;     /* prefixLength; 0: not given (a /0 is only ever given as `prefix`) */
	char *parent;       /* parentRef / prefixRef */
	struct selector *parent_selector;
};

static inline bool prefix_spec_is_root(const struct prefix_spec *spec)
{
	return !spec->parent && !spec->parent_selector;
}

/* prefixTemplate of an ephemeral address. */
struct prefix_template {
	struct labels labels, annotations;
	struct prefix_spec spec;
};

/* One of spec.ips: a literal, or a template. */
struct ip_source {
	struct address literal; /* .family NONE: ephemeral */
	struct prefix_template *ephemeral;
};

struct network_spec {
	char *provider_id;
};

/* What LoadBalancer and NetworkInterface say alike. */
struct addressing {
	char *network; /* networkRef.name */
	enum family families[2];
	size_t n_families;
	struct ip_source ips[2]; /* at most one per family */
	size_t n_ips;
};

struct nic_spec {
	struct addressing addressing;
	char *provider_id, *machine, *node; /* machineRef.name, nodeRef.name */
};

struct lb_spec {
	struct addressing addressing;
	struct selector *selector;  /* NULL: a LoadBalancerRouting of the same name decides */
	struct desired_port *ports; /* in manifest order; endPort and targetPort filled in */
	size_t n_ports;
	enum affinity affinity;
	struct desired_check check; /* .interval_s 0: none */
	uint16_t drain_s;
	enum all_unhealthy when_all_unhealthy;
	struct cidr *source_ranges;
	size_t n_source_ranges;
};

struct routing_destination {
	struct address address;
	uint16_t weight;
	char *target; /* targetRef.name, a NetworkInterface */
	char *target_uid;
};

struct routing_spec { /* its fields stand at the top level of the manifest */
	char *network;
	struct routing_destination *destinations;
	size_t n_destinations;
};

/*
 * An address or block that the object holds: decided by ipam/decide.c, stored with the object in
 * one write, so that nothing can leak and nothing can be given twice.
 */
struct lease {
	struct cidr block; /* /32 or /128 for addresses; for a child Prefix, its prefix */
	char *prefix;      /* name of the Prefix it was cut from; NULL for a literal */
	size_t index;      /* which entry of spec.ips it serves; 0 for a Prefix */
	bool releasing;    /* no entry wants it any more; given back once every live node says that
			      it is no longer programmed */
};

struct meta {
	char *name, *name_space;
	struct labels labels, annotations;
	struct uuid uid;
	uint64_t generation;       /* counts changes of the spec, from 1 */
	uint64_t resource_version; /* log sequence of the stored record; 0: not stored, not given */
	int64_t created_ms;        /* Unix time */
	int64_t deleting_ms;       /* deletionTimestamp; 0: not being deleted */
};

struct object {
	enum kind kind;
	struct meta meta;
	union {
		struct network_spec network;
		struct nic_spec nic;
		struct lb_spec lb;
		struct routing_spec routing;
		struct prefix_spec prefix;
	};
	struct lease *leases;
	size_t n_leases;
	uint32_t lb_number;    /* LoadBalancer: its number in the Network, messages/desired.h */
	uint8_t lb_size_index; /* LoadBalancer: size of its slot table; grows, shrinks rarely */
};

void object_free(struct object *object);
AUTO_DEFINE(struct object, object_free);
must_check int object_copy(const struct object *object, struct object **ret_copy); /* -ENOMEM */

/* "LoadBalancer", and the lower-case "loadbalancer" of keys and commands. */
const char *kind_name(enum kind kind);
const char *kind_token(enum kind kind);
const char *kind_api_version(enum kind kind);

/* Reads what people write: "LoadBalancer", "loadbalancer", "loadbalancers", "lb", "nic", "net"... */
must_check int kind_parse(const char *text, enum kind *ret_kind); /* -EINVAL */

const struct addressing *object_addressing(const struct object *object); /* NULL: has none */
const char *object_network(const struct object *object);                 /* networkRef, or NULL */

/* What the store calls an object: "<kind>.<namespace>.<name>", dots of the name written '_'. */
#define OBJECT_KEY_MAX 384
const char *object_key(const struct object *object, char key[static OBJECT_KEY_MAX]);
const char *object_key_of(enum kind kind, const char *name_space, const char *name,
			  char key[static OBJECT_KEY_MAX]);

/* The weight that the annotation ilb/weight of a NetworkInterface says; 1 without one. */
#define WEIGHT_ANNOTATION "ilb/weight"
uint16_t object_weight(const struct object *nic);

void labels_deinit(struct labels *labels);
const char *labels_find(const struct labels *labels, const char *key); /* value or NULL */
void selector_free(struct selector *selector);
void prefix_spec_deinit(struct prefix_spec *spec);
