/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ipam/manifest.h"
#include "ipam/rules.h"
#include "ipam/schema.h"

/* Manifest bytes -> documents: parts, lists, and then one object at a time. */

static void document_deinit(struct document *document)
{
	free(document->title);
	object_free(document->object);
	problems_deinit(&document->problems);
}

void documents_deinit(struct documents *documents)
{
	ARRAY_FOREACH(document, documents->items, documents->n_items)
		document_deinit(document);
	free(documents->items);
	*documents = (struct documents){};
}

static struct document *documents_add(struct documents *documents, unsigned line)
{
	struct document *document = ARRAY_ADD(documents->items, documents->n_items);

	if (!document)
		return NULL;
	document->line = line;
	if (asprintf(&document->title, "document %zu", documents->n_items) < 0) {
		document->title = NULL;
		documents->n_items--;
		return NULL;
	}
	return document;
}

/* "loadbalancer/my-lb", from a name that need not be legal; else the title stays. */
static int set_title(struct document *document, enum kind kind, const struct node *root)
{
	const char *name = node_find_string(node_find(root, "metadata"), "name");
	char *title;

	if (asprintf(&title, "%s/%.253s", kind_token(kind), name && *name ? name : "?") < 0)
		return -ENOMEM;
	for (char *p = title; *p; p++) {
		if ((unsigned char)*p < 0x20)
			*p = '?';
	}
	free(document->title);
	document->title = title;
	return 0;
}

static void refuse_at(struct document *document, const struct node *node, unsigned line,
		      enum problem_type type, const char *path, const char *detail)
{
	auto_call(text_deinit) struct text value = {};

	if (node && type == PROBLEM_UNSUPPORTED)
		node_show(node, &value);
	problems_add(&document->problems, type, node ? node->line : line, path,
		     value.len ? value.bytes : NULL, "%s", detail);
}

#define SERVED                                                  \
	"supported values: \"Network\", \"NetworkInterface\", " \
	"\"LoadBalancer\", \"LoadBalancerRouting\", \"Prefix\""

/* Kinds of ironcore's that somebody will try, and why they are not served. */
static const char *why_not_kind(const char *name)
{
	static const struct {
		const char *name, *why;
	} table[] = {
		{"VirtualIP", "public addresses are no part of ilb: only addresses inside a "
			      "Network are served"},
		{"NATGateway", "ways out of a Network are no part of ilb"},
		{"PrefixAllocation", "an allocation is part of the object that holds the address: "
				     "write a Prefix with prefixRef"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(name, table[i].name) == 0)
			return table[i].why;
	}
	return SERVED;
}

/* Only the exact name is a kind in a manifest. */
static int kind_of(const char *name, enum kind *ret_kind)
{
	for (enum kind kind = 0; kind < KIND_N_KINDS; kind++) {
		if (strcmp(name, kind_name(kind)) == 0) {
			*ret_kind = kind;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_known_kind(struct document *document, const struct node *root, enum kind *ret_kind)
{
	const struct node *node = node_find(root, "kind");
	const char *name = node_find_string(root, "kind");

	if (root->type != NODE_MAP)
		refuse_at(document, root, 0, PROBLEM_SYNTAX, "",
			  "not an object: a document begins with apiVersion, kind, metadata");
	else if (!name || !*name)
		refuse_at(document, node, root->line, PROBLEM_REQUIRED, "kind", SERVED);
	else if (kind_of(name, ret_kind) == 0)
		return true;
	else
		refuse_at(document, node, 0, PROBLEM_UNSUPPORTED, "kind", why_not_kind(name));
	return false;
}

static void api_version_is_the_kinds(struct document *document, const struct node *root,
				     enum kind kind)
{
	const struct node *node = node_find(root, "apiVersion");
	const char *version = node_find_string(root, "apiVersion");
	auto_call(text_deinit) struct text detail = {};

	if (version && strcmp(version, kind_api_version(kind)) == 0)
		return;
	text_addf(&detail, "%s is of \"%s\"", kind_name(kind), kind_api_version(kind));
	refuse_at(document, node, root->line,
		  version && *version ? PROBLEM_UNSUPPORTED : PROBLEM_REQUIRED, "apiVersion",
		  detail.failed ? "" : detail.bytes);
}

/* The namespace of a request is that of all its objects. */
static int settle_namespace(struct judge *judge, struct object *object, const char *name_space)
{
	if (!name_space)
		return 0;
	if (!object->meta.name_space) {
		object->meta.name_space = strdup(name_space);
		return object->meta.name_space ? 0 : -ENOMEM;
	}
	if (strcmp(object->meta.name_space, name_space) != 0)
		judge_refuse(judge, PROBLEM_INVALID, "metadata.namespace",
			     "the request is for namespace \"%s\"; leave it out, or send it there",
			     name_space);
	return 0;
}

static int read_object(struct document *document, const struct node *root, enum kind kind,
		       const char *name_space)
{
	struct judge judge = {.problems = &document->problems, .kind = kind, .root = root};
	struct object *object = calloc(1, sizeof(*object));
	int r;

	if (!object)
		return -ENOMEM;
	document->object = object;
	object->kind = kind;
	r = schema_read(schema_of(kind), root, object, &document->problems);
	if (r < 0)
		return r;
	judge.n_read = document->problems.n_items;
	r = settle_namespace(&judge, object, name_space);
	if (r == 0)
		r = defaults_fill(object);
	if (r == 0)
		rules_check(&judge, object);
	return r;
}

static int read_document(struct document *document, const struct node *root, const char *name_space)
{
	enum kind kind;
	int r;

	if (root->size > MANIFEST_DOCUMENT_MAX) {
		problems_add(&document->problems, PROBLEM_SYNTAX, root->line, "", NULL,
			     "the document has %zu bytes; at most %u are taken", root->size,
			     MANIFEST_DOCUMENT_MAX);
		return 0;
	}
	manifest_check_duplicates(root, &document->problems);
	if (!is_known_kind(document, root, &kind))
		return 0;
	r = set_title(document, kind, root);
	if (r < 0)
		return r;
	api_version_is_the_kinds(document, root, kind);
	return read_object(document, root, kind, name_space);
}

/* From top to bottom, as an author reads; what stands in one line keeps its order. */
static void sort_problems(struct problems *problems)
{
	for (size_t i = 1; i < problems->n_items; i++) {
		struct problem problem = problems->items[i];
		size_t j = i;

		for (; j && problems->items[j - 1].line > problem.line; j--)
			problems->items[j] = problems->items[j - 1];
		problems->items[j] = problem;
	}
}

static int add_document(struct documents *documents, const struct node *root,
			const char *name_space)
{
	struct document *document;
	int r;

	if (documents->n_items > MANIFEST_DOCUMENTS_MAX)
		return 0;
	document = documents_add(documents, root->line);
	if (!document)
		return -ENOMEM;
	if (documents->n_items > MANIFEST_DOCUMENTS_MAX) {
		problems_add(&document->problems, PROBLEM_SYNTAX, root->line, "", NULL,
			     "a manifest has at most %d documents; send the rest in another",
			     MANIFEST_DOCUMENTS_MAX);
		return 0;
	}
	r = read_document(document, root, name_space);
	if (r < 0)
		return r;
	sort_problems(&document->problems);
	if (problems_any(&document->problems)) {
		object_free(document->object);
		document->object = NULL;
	}
	return 0;
}

static bool is_list(const struct node *root)
{
	const char *kind = node_find_string(root, "kind");

	return kind && strcmp(kind, "List") == 0;
}

/* A list is as many documents as it has items: `kind: List`, or an array of JSON. */
static int add_part(struct documents *documents, const struct node *root, const char *name_space)
{
	const struct node *list = is_list(root) ? node_find(root, "items") : root;

	if (!list || list->type != NODE_LIST)
		return is_list(root) ? 0 : add_document(documents, root, name_space);
	ARRAY_FOREACH(item, list->items, list->n_items) {
		int r = add_document(documents, item, name_space);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_part(struct documents *documents, const struct manifest_part *part,
		     const char *name_space)
{
	auto_call(problems_deinit) struct problems problems = {};
	auto_call(node_deinit) struct node root = {};
	struct document *document;
	int r = manifest_parse(part, &root, &problems);

	if (r == 0)
		return add_part(documents, &root, name_space);
	if (r != -EBADMSG)
		return r;
	document = documents_add(documents, part->line);
	if (!document)
		return -ENOMEM;
	document->problems = problems;
	problems = (struct problems){};
	return 0;
}

int documents_read(const char *bytes, size_t len, const char *name_space,
		   struct documents *ret_documents)
{
	auto_call(documents_deinit) struct documents documents = {};
	struct manifest_part rest = {.bytes = bytes, .len = len, .line = 1}, part;

	while (manifest_next(&rest, &part) && documents.n_items <= MANIFEST_DOCUMENTS_MAX) {
		int r = read_part(&documents, &part, name_space);

		if (r < 0)
			return r;
	}
	*ret_documents = documents;
	documents = (struct documents){};
	return 0;
}
