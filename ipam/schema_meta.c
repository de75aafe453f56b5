/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/schema.h"

/* metadata, of objects and of templates; and label selectors, which speak of it. */

const struct field schema_metadata[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		FIELD_AT(struct meta, name),
		.required = "name the object",
		.doc = "Unique among the objects of its kind in the namespace. A DNS label (63 "
		       "characters) for a LoadBalancer, a DNS subdomain (253) for the others.",
	},
	{
		.name = "namespace",
		.type = FIELD_STRING,
		FIELD_AT(struct meta, name_space),
		.otherwise = "that of the request, or \"default\"",
		.doc = "Objects refer to each other within their namespace only.",
	},
	{
		.name = "labels",
		.type = FIELD_LABELS,
		FIELD_AT(struct meta, labels),
		.doc = "What selectors select by.",
	},
	{
		.name = "annotations",
		.type = FIELD_LABELS,
		FIELD_AT(struct meta, annotations),
		.doc = "Anything else worth keeping. `ilb/weight` of a NetworkInterface (0 to 256, "
		       "1 without it) is its share of new connections; 0 drains it.",
	},
	{
		.name = "resourceVersion",
		.type = FIELD_VERSION,
		FIELD_AT(struct meta, resource_version),
		.doc = "The version that was read. Given in a manifest, it must still be the "
		       "current one, or the change is refused as a conflict.",
	},
	{.name = "uid", .type = FIELD_IGNORED, .doc = "Given by the allocator."},
	{
		.name = "generation",
		.type = FIELD_IGNORED,
		.doc = "Counts changes of the spec; the allocator's.",
	},
	{.name = "creationTimestamp", .type = FIELD_IGNORED, .doc = "Set by the allocator."},
	{
		.name = "deletionTimestamp",
		.type = FIELD_IGNORED,
		.doc = "Set by the allocator while the object waits for nodes to let go of it.",
	},
	{
		.name = "deletionGracePeriodSeconds",
		.type = FIELD_IGNORED,
		.doc = "Kubernetes' own; ignored.",
	},
	{.name = "managedFields", .type = FIELD_IGNORED, .doc = "Kubernetes' own; ignored."},
	{.name = "selfLink", .type = FIELD_IGNORED, .doc = "Kubernetes' own; ignored."},
	{
		.name = "ownerReferences",
		.type = FIELD_IGNORED,
		.doc = "Kubernetes' own; ignored. Nothing is deleted because something else is.",
	},
	{
		.name = "finalizers",
		.type = FIELD_IGNORED,
		.doc = "Kubernetes' own; ignored. The allocator waits for the nodes by itself.",
	},
	{
		.name = "generateName",
		.type = FIELD_REFUSED,
		.doc = "an object is applied by its name: write metadata.name",
	},
	{},
};

#define TEMPLATE_REFUSED "cannot be set for an ephemeral prefix: it has no name of its own"

/* L12 */
const struct field schema_template_metadata[] = {
	{
		.name = "labels",
		.type = FIELD_LABELS,
		FIELD_AT(struct prefix_template, labels),
		.doc = "Kept with the template.",
	},
	{
		.name = "annotations",
		.type = FIELD_LABELS,
		FIELD_AT(struct prefix_template, annotations),
		.doc = "Kept with the template.",
	},
	{.name = "name", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "namespace", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "generateName", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "uid", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "resourceVersion", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "generation", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "creationTimestamp", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "deletionTimestamp", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "deletionGracePeriodSeconds", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "ownerReferences", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "finalizers", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "managedFields", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{.name = "selfLink", .type = FIELD_REFUSED, .doc = TEMPLATE_REFUSED},
	{},
};

static const struct choice operators[] = {
	{"In", OPERATOR_IN, NULL},
	{"NotIn", OPERATOR_NOT_IN, NULL},
	{"Exists", OPERATOR_EXISTS, NULL},
	{"DoesNotExist", OPERATOR_DOES_NOT_EXIST, NULL},
	{},
};

static const struct field value_item[] = {
	{.name = "", .type = FIELD_STRING, .size = sizeof(char *), .doc = ""},
};

static const struct field expression_fields[] = {
	{
		.name = "key",
		.type = FIELD_STRING,
		FIELD_AT(struct requirement, key),
		.required = "name the label",
		.doc = "The label's key.",
	},
	{
		.name = "operator",
		.type = FIELD_CHOICE,
		FIELD_AT(struct requirement, op),
		.choices = operators,
		.required = "one of In, NotIn, Exists, DoesNotExist",
		.doc = "In: the label is there with one of `values`. NotIn: it is absent, or has "
		       "none of them. Exists, DoesNotExist: whether it is there at all.",
	},
	{
		.name = "values",
		.type = FIELD_LIST,
		FIELD_ITEMS(struct requirement, values),
		.item = value_item,
		.max = SCHEMA_SELECTOR_MAX,
		.doc = "For In and NotIn, at least one; for the others, none.",
	},
	{},
};

static const struct field expression_item[] = {
	{.name = "", .type = FIELD_OBJECT, .fields = expression_fields, .doc = ""},
};

const struct field schema_selector[] = {
	{
		.name = "matchLabels",
		.type = FIELD_LABELS,
		FIELD_AT(struct selector, match_labels),
		.doc = "Labels that must all be there with these values.",
	},
	{
		.name = "matchExpressions",
		.type = FIELD_LIST,
		.offset = offsetof(struct selector, expressions),
		.count = offsetof(struct selector, n_expressions),
		.size = sizeof(struct requirement),
		.item = expression_item,
		.max = SCHEMA_SELECTOR_MAX,
		.doc = "Requirements that must all hold as well.",
	},
	{},
};
