/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/schema.h"

#include <string.h>

#include "base/array.h"

#define API_VERSION_FIELD                                                   \
	{                                                                   \
		.name = "apiVersion", .type = FIELD_IGNORED,                \
		.doc = "The API that the kind belongs to, and its version." \
	}
#define KIND_FIELD                                                                           \
	{                                                                                    \
		.name = "kind", .type = FIELD_IGNORED, .doc = "What the document describes." \
	}
#define METADATA_FIELD                                                                   \
	{                                                                                \
		.name = "metadata", .type = FIELD_OBJECT, FIELD_AT(struct object, meta), \
		.fields = schema_metadata, .always = true,                               \
		.doc = "Name, namespace, labels and annotations."                        \
	}
#define STATUS_FIELD                                                                         \
	{                                                                                    \
		.name = "status", .type = FIELD_IGNORED,                                     \
		.doc = "What became of it; the allocator's. Read and ignored in a manifest." \
	}
#define SPEC_FIELD(member, table)                                                      \
	{                                                                              \
		.name = "spec", .type = FIELD_OBJECT, FIELD_AT(struct object, member), \
		.fields = (table), .always = true, .doc = "What is wanted."            \
	}

static const struct field network_document[] = {
	API_VERSION_FIELD, KIND_FIELD, METADATA_FIELD, SPEC_FIELD(network, schema_network_spec),
	STATUS_FIELD,      {},
};

static const struct field nic_document[] = {
	API_VERSION_FIELD, KIND_FIELD, METADATA_FIELD, SPEC_FIELD(nic, schema_nic_spec),
	STATUS_FIELD,      {},
};

static const struct field lb_document[] = {
	API_VERSION_FIELD, KIND_FIELD, METADATA_FIELD, SPEC_FIELD(lb, schema_lb_spec),
	STATUS_FIELD,      {},
};

static const struct field prefix_document[] = {
	API_VERSION_FIELD, KIND_FIELD, METADATA_FIELD, SPEC_FIELD(prefix, schema_prefix_spec),
	STATUS_FIELD,      {},
};

const struct field *schema_of(enum kind kind)
{
	static const struct field *const documents[KIND_N_KINDS] = {
		[KIND_NETWORK] = network_document,  [KIND_NETWORK_INTERFACE] = nic_document,
		[KIND_LOAD_BALANCER] = lb_document, [KIND_LOAD_BALANCER_ROUTING] = schema_routing,
		[KIND_PREFIX] = prefix_document,
	};

	return documents[kind];
}

const char *schema_kind_doc(enum kind kind)
{
	static const char *const docs[KIND_N_KINDS] = {
		[KIND_NETWORK] =
			"An isolated network of a tenant. It has no address range of its own; on "
			"a node it is one network namespace.",
		[KIND_NETWORK_INTERFACE] = "An interface of a machine in a Network, and its "
					   "addresses: what LoadBalancers select as destinations.",
		[KIND_LOAD_BALANCER] =
			"One or two addresses inside a Network whose connections are spread over "
			"the destinations behind it.",
		[KIND_LOAD_BALANCER_ROUTING] =
			"The destinations of the LoadBalancer of the same name, for one without "
			"networkInterfaceSelector. It has no spec: its fields stand at the top.",
		[KIND_PREFIX] =
			"A block of addresses: a root, given as it is, or a child, cut "
			"out of a parent. Addresses and further children are cut out of it.",
	};

	return docs[kind];
}

const struct field *schema_find(const struct field *fields, const char *name)
{
	for (; fields->name; fields++) {
		if (strcmp(fields->name, name) == 0 ||
		    (fields->alias && strcmp(fields->alias, name) == 0))
			return fields;
	}
	return NULL;
}

const char *schema_nearest(const struct field *fields, const char *name)
{
	size_t nearest = strlen(name) / 3 + 1; /* farther is another word */
	const char *found = NULL;

	for (; fields->name; fields++) {
		size_t distance = text_distance(name, fields->name);

		if (distance >= nearest)
			continue;
		nearest = distance;
		found = fields->name;
	}
	return found;
}
