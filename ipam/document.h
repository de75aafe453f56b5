/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "ipam/object.h"
#include "ipam/problem.h"

/*
 * Between text and objects: manifests in (YAML or JSON, several documents), objects out and back.
 * The stages are manifest.c (bytes -> tree with line numbers), schema.c (one table of all fields,
 * which reads, writes and documents them), rules_<kind>.c (what the table cannot say).
 */

#define MANIFEST_DOCUMENT_MAX  (256U << 10) /* bytes of one document */
#define MANIFEST_DOCUMENTS_MAX 4096         /* of one manifest */
#define MANIFEST_DEPTH_MAX     32

/* One document of a manifest: an object, or what is wrong with it. */
struct document {
	unsigned line;         /* where it begins */
	char *title;           /* "loadbalancer/my-lb", as far as it could be read; "document 2" */
	struct object *object; /* NULL when `problems` holds any */
	struct problems problems;
};

struct documents {
	struct document *items;
	size_t n_items;
};

void documents_deinit(struct documents *documents);

/*
 * Reads a manifest: syntax, fields, types, defaults, and every rule that needs nothing but the
 * object itself. A `status` is ignored. Documents with a problem do not keep others from being read,
 * but for a syntax error, behind which nothing can be read: it is the last document's problem.
 * @name_space: of the request; a document that names another is a problem; NULL: any, and
 *              "default" for documents without one.
 * Return: 0 (problems are in the documents), -ENOMEM.
 */
must_check int documents_read(const char *bytes, size_t len, const char *name_space,
			      struct documents *ret_documents);

/*
 * Rules for an update that compare two versions of an object (immutable fields).
 * Adds to `problems`; both objects are of the same kind and key.
 */
void document_check_update(const struct object *old, const struct object *new,
			   struct problems *problems);

/* True when both say the same: labels, annotations and spec, whatever the allocator added. */
bool document_is_same(const struct object *a, const struct object *b);
bool document_is_same_spec(const struct object *a, const struct object *b);

/*
 * The object as its users see it, IEP-8's spelling: apiVersion, kind, metadata, spec; the caller
 * adds a "status". An allocated child Prefix shows the spec.prefix and spec.prefixRef it was given.
 * Return: a new reference, NULL without memory.
 */
json_t *object_to_json(const struct object *object);

/*
 * The object as it is stored: the same, and the member "ilb" with leases, number and size. One
 * line of JSON.
 * Return: 0, -ENOMEM.
 */
must_check int object_store_format(const struct object *object, char **ret_text, size_t *ret_len);

/* And back, checked as foreign bytes are. Return: 0, -EBADMSG with a sentence, -ENOMEM. */
must_check int object_store_parse(const char *bytes, size_t len, struct object **ret_object,
				  struct error *err);

/* Writes JSON as YAML in the field order of kubectl. Return: 0, -ENOMEM. */
must_check int yaml_from_json(const json_t *json, struct text *text);

/*
 * Documentation of a field for `ilb explain` and docs/api.md, from the same table.
 * @path: "loadbalancer.spec.ips", or a kind alone.
 * Return: 0, -ENOENT with a sentence that names the nearest fields.
 */
must_check int schema_explain(const char *path, struct text *text, struct error *err);
/* All of it, as the body of docs/api.md. */
void schema_document(struct text *text);
