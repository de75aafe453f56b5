/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "ipam/rules.h"

/* Rules of metadata (L1), which all kinds share, and of references to other objects. */

static void name_has_the_format_of_its_kind(struct judge *judge, const struct object *object)
{
	const char *name = object->meta.name;
	const char *why;

	if (!name)
		return; /* the table requires it */
	why = object->kind == KIND_LOAD_BALANCER ? why_not_dns_label(name)
						 : why_not_dns_subdomain(name);
	if (why)
		judge_refuse(judge, PROBLEM_INVALID, "metadata.name", "%s", why);
}

static void namespace_is_a_dns_label(struct judge *judge, const struct object *object)
{
	const char *why = why_not_dns_label(object->meta.name_space);

	if (why)
		judge_refuse(judge, PROBLEM_INVALID, "metadata.namespace", "%s", why);
}

/*
 * Bytes of "<namespace>_<network>". Source: SUBJECT_TOKEN_MAX of messages/subjects.h, NAME_MAX
 * of a file name; tests/ipam/test_rules.c checks that they agree.
 */
#define TOKEN_MAX 255

/* A Network's names make the name of its network namespace on the nodes, a file name. */
static void network_names_fit_a_token(struct judge *judge, const struct object *object,
				      const char *network, const char *path)
{
	size_t taken = strlen(object->meta.name_space) + 1;

	if (network && taken < TOKEN_MAX && taken + strlen(network) > TOKEN_MAX)
		judge_refuse(judge, PROBLEM_INVALID, path,
			     "must be no more than %zu bytes in namespace \"%s\": both make one "
			     "name of at most %d bytes on the nodes; shorten it",
			     TOKEN_MAX - taken, object->meta.name_space, TOKEN_MAX);
}

static void weight_annotation_is_a_weight(struct judge *judge, const struct object *object)
{
	const char *text = labels_find(&object->meta.annotations, WEIGHT_ANNOTATION);
	uint64_t weight;

	if (object->kind == KIND_NETWORK_INTERFACE && text &&
	    text_parse_u64(text, DESIRED_WEIGHT_MAX, &weight) < 0)
		judge_refuse(judge, PROBLEM_INVALID, "metadata.annotations[" WEIGHT_ANNOTATION "]",
			     "must be a whole number between 0 and %d, in quotes",
			     DESIRED_WEIGHT_MAX);
}

void rules_check_labels(struct judge *judge, const char *path, const struct labels *labels)
{
	ARRAY_FOREACH(label, labels->items, labels->n_items) {
		const char *why = why_not_label_key(label->key);

		if (why)
			judge_refuse(judge, PROBLEM_INVALID, path, "key \"%.80s\": %s", label->key,
				     why);
		why = why_not_label_value(label->value);
		if (why)
			judge_refuse(judge, PROBLEM_INVALID,
				     path_at("%s[%s]", path, label->key).text, "%s", why);
	}
}

void rules_check_annotations(struct judge *judge, const char *path, const struct labels *labels)
{
	ARRAY_FOREACH(label, labels->items, labels->n_items) {
		const char *why = why_not_label_key(label->key);

		if (why)
			judge_refuse(judge, PROBLEM_INVALID, path, "key \"%.80s\": %s", label->key,
				     why);
	}
}

/* L18, N2 and their like */
void rules_check_reference(struct judge *judge, const char *path, const char *name)
{
	const char *why = name ? why_not_dns_subdomain(name) : NULL;

	if (why)
		judge_refuse(judge, PROBLEM_INVALID, path, "%s", why);
}

void rules_check_meta(struct judge *judge, const struct object *object)
{
	bool routing = object->kind == KIND_LOAD_BALANCER_ROUTING;

	name_has_the_format_of_its_kind(judge, object);
	namespace_is_a_dns_label(judge, object);
	rules_check_labels(judge, "metadata.labels", &object->meta.labels);
	rules_check_annotations(judge, "metadata.annotations", &object->meta.annotations);
	weight_annotation_is_a_weight(judge, object);
	if (object->kind == KIND_NETWORK)
		network_names_fit_a_token(judge, object, object->meta.name, "metadata.name");
	network_names_fit_a_token(judge, object, object_network(object),
				  routing ? "networkRef.name" : "spec.networkRef.name");
}
