/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/schema.h"

const struct choice schema_families[] = {
	{"IPv4", FAMILY_IPV4, NULL},
	{"IPv6", FAMILY_IPV6, NULL},
	{},
};

/* Its offsets are from struct prefix_spec: the reference is a name there. */
static const struct field parent_ref[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		FIELD_AT(struct prefix_spec, parent),
		.required = "name the Prefix",
		.doc = "A Prefix of the same namespace.",
	},
	{},
};

const struct field schema_prefix_spec[] = {
	{
		.name = "ipFamily",
		.type = FIELD_CHOICE,
		FIELD_AT(struct prefix_spec, family),
		.choices = schema_families,
		.otherwise =
			"that of `prefix`, or of the entry of ipFamilies that a template is for",
		.doc = "The family of the block.",
	},
	{
		.name = "prefix",
		.type = FIELD_CIDR,
		FIELD_AT(struct prefix_spec, prefix),
		.doc = "The block itself. Of a Prefix without parent: what there is to give. With a "
		       "parent: this very block is wanted.",
	},
	{
		.name = "prefixLength",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct prefix_spec, length),
		.max = 128,
		.otherwise = "in a template, 32 or 128: a single address",
		.doc = "With a parent: any block of this length is wanted, the lowest of the "
		       "smallest free ones that it fits in.",
	},
	{
		.name = "prefixRef",
		.alias = "parentRef",
		.type = FIELD_OBJECT,
		.fields = parent_ref,
		.doc = "The Prefix that the block is cut from. Without it and without "
		       "`parentSelector` the Prefix is a root.",
	},
	{
		.name = "parentSelector",
		.type = FIELD_OPTIONAL,
		FIELD_POINTS(struct prefix_spec, parent_selector),
		.fields = schema_selector,
		.doc = "Instead of a name: among the Prefixes whose labels match and that have "
		       "room, the one with the most free addresses, the first by name of equals.",
	},
	{},
};

const struct field schema_prefix_template[] = {
	{
		.name = "metadata",
		.type = FIELD_OBJECT,
		.fields = schema_template_metadata,
		.doc = "Labels and annotations.",
	},
	{
		.name = "spec",
		.type = FIELD_OBJECT,
		FIELD_AT(struct prefix_template, spec),
		.fields = schema_prefix_spec,
		.always = true,
		.doc = "As of a Prefix; a single address.",
	},
	{},
};
