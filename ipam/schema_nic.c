/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/schema.h"

/* Network and NetworkInterface, and what a LoadBalancer has in common with the latter. */

const struct field schema_network_spec[] = {
	{
		.name = "providerID",
		.type = FIELD_STRING,
		FIELD_AT(struct network_spec, provider_id),
		.doc = "What another system calls the Network. Can be set once.",
	},
	{
		.name = "peerings",
		.type = FIELD_REFUSED,
		.doc = "Networks are isolated from each other: peering is not served",
	},
	{
		.name = "incomingPeerings",
		.type = FIELD_REFUSED,
		.doc = "Networks are isolated from each other: peering is not served",
	},
	{},
};

const struct field schema_network_ref[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		FIELD_AT(struct addressing, network),
		.required = "name the Network",
		.doc = "A Network of the same namespace.",
	},
	{.name = "uid", .type = FIELD_IGNORED, .doc = "Read and ignored: names decide."},
	{},
};

const struct field schema_family_item[] = {
	{
		.name = "",
		.type = FIELD_CHOICE,
		.size = sizeof(enum family),
		.choices = schema_families,
		.required = "IPv4 or IPv6",
		.doc = "",
	},
};

/* L11 */
static const struct field ephemeral_fields[] = {
	{
		.name = "prefixTemplate",
		.type = FIELD_OPTIONAL,
		FIELD_POINTS(struct ip_source, ephemeral),
		.fields = schema_prefix_template,
		.required = "say which Prefix the address is taken from",
		.doc = "The address to be had, described as a Prefix of a single address.",
	},
	{},
};

static const struct field ip_source_fields[] = {
	{
		.name = "ip",
		.alias = "value",
		.type = FIELD_ADDRESS,
		FIELD_AT(struct ip_source, literal),
		.doc = "This very address. One address of a Network has one holder.",
	},
	{
		.name = "ephemeral",
		.type = FIELD_OBJECT,
		.fields = ephemeral_fields,
		.doc = "An address out of a Prefix, kept as long as the entry is there.",
	},
	{},
};

const struct field schema_ip_source_item[] = {
	{.name = "", .type = FIELD_OBJECT, .fields = ip_source_fields, .doc = ""},
};

/* Their offsets are from struct nic_spec: a reference is a name there. */
static const struct field machine_ref[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		FIELD_AT(struct nic_spec, machine),
		.required = "name the machine",
		.doc = "The machine's name.",
	},
	{.name = "uid", .type = FIELD_IGNORED, .doc = "Read and ignored: names decide."},
	{},
};

static const struct field node_ref[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		FIELD_AT(struct nic_spec, node),
		.required = "name the node",
		.doc = "The node's name, as its agent calls itself.",
	},
	{.name = "uid", .type = FIELD_IGNORED, .doc = "Read and ignored: names decide."},
	{},
};

const struct field schema_nic_spec[] = {
	{
		.name = "networkRef",
		.type = FIELD_OBJECT,
		FIELD_AT(struct nic_spec, addressing),
		.fields = schema_network_ref,
		.doc = "The Network that the interface is in. Cannot be changed.",
	},
	{
		.name = "ipFamilies",
		.type = FIELD_ARRAY,
		FIELD_WITHIN(struct nic_spec, addressing, families),
		.item = schema_family_item,
		.max = 2,
		.distinct = true,
		.otherwise = "the families of `ips`",
		.doc = "IPv4, IPv6, in the order of `ips`. Cannot be changed.",
	},
	{
		.name = "ips",
		.type = FIELD_ARRAY,
		FIELD_WITHIN(struct nic_spec, addressing, ips),
		.item = schema_ip_source_item,
		.max = 2,
		.doc = "The interface's addresses, one for each of `ipFamilies`.",
	},
	{
		.name = "providerID",
		.type = FIELD_STRING,
		FIELD_AT(struct nic_spec, provider_id),
		.doc = "What another system calls the interface.",
	},
	{
		.name = "machineRef",
		.type = FIELD_OBJECT,
		.fields = machine_ref,
		.doc = "The machine that the interface belongs to; for people.",
	},
	{
		.name = "nodeRef",
		.type = FIELD_OBJECT,
		.fields = node_ref,
		.doc = "The node that hosts it. Of a node that is not alive no address takes part.",
	},
	{
		.name = "prefixes",
		.type = FIELD_REFUSED,
		.doc = "routing prefixes to an interface is not served: only its addresses take part",
	},
	{
		.name = "virtualIP",
		.type = FIELD_REFUSED,
		.doc = "public addresses are no part of ilb: only addresses inside a Network are "
		       "served",
	},
	{
		.name = "attributes",
		.type = FIELD_REFUSED,
		.doc = "attributes are for a provider of interfaces, and ilb is none: use "
		       "metadata.annotations",
	},
	{},
};
