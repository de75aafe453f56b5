/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/schema.h"

/* A routing has no spec: its fields stand at the top. Their offsets are from struct object. */

static const struct field network_ref[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		FIELD_AT(struct object, routing.network),
		.required = "name the Network",
		.doc = "A Network of the same namespace.",
	},
	{.name = "uid", .type = FIELD_IGNORED, .doc = "Read and ignored: names decide."},
	{},
};

static const struct field target_ref[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		FIELD_AT(struct routing_destination, target),
		.required = "name the NetworkInterface",
		.doc = "A NetworkInterface of the same namespace.",
	},
	{
		.name = "uid",
		.type = FIELD_STRING,
		FIELD_AT(struct routing_destination, target_uid),
		.doc = "Kept, and of no consequence.",
	},
	{.name = "providerID", .type = FIELD_IGNORED, .doc = "Read and ignored."},
	{},
};

static const struct field destination_fields[] = {
	{
		.name = "ip",
		.type = FIELD_ADDRESS,
		FIELD_AT(struct routing_destination, address),
		.required = "give the destination's address",
		.doc = "The destination's address.",
	},
	{
		.name = "weight",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct routing_destination, weight),
		.max = DESIRED_WEIGHT_MAX,
		.fallback = "1",
		.doc = "Its share of new connections; 0 drains it.",
	},
	{
		.name = "targetRef",
		.type = FIELD_OBJECT,
		.fields = target_ref,
		.doc = "The NetworkInterface that has the address. Where it names a node, the "
		       "destination takes part while that is alive.",
	},
	{},
};

static const struct field destination_item[] = {
	{.name = "", .type = FIELD_OBJECT, .fields = destination_fields, .doc = ""},
};

const struct field schema_routing[] = {
	{
		.name = "apiVersion",
		.type = FIELD_IGNORED,
		.doc = "The API that the kind belongs to, and its version.",
	},
	{.name = "kind", .type = FIELD_IGNORED, .doc = "What the document describes."},
	{
		.name = "metadata",
		.type = FIELD_OBJECT,
		FIELD_AT(struct object, meta),
		.fields = schema_metadata,
		.always = true,
		.doc = "Name, namespace, labels and annotations. The name is the LoadBalancer's.",
	},
	{
		.name = "networkRef",
		.type = FIELD_OBJECT,
		.fields = network_ref,
		.required = "name the Network",
		.doc = "The Network of the destinations.",
	},
	{
		.name = "destinations",
		.type = FIELD_LIST,
		FIELD_WITHIN(struct object, routing, destinations),
		.item = destination_item,
		.max = DESIRED_DESTINATIONS_MAX,
		.doc = "Where connections go. None: nowhere.",
	},
	{
		.name = "status",
		.type = FIELD_IGNORED,
		.doc = "What became of it; the allocator's. Read and ignored in a manifest.",
	},
	{},
};
