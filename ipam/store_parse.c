/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "ipam/document.h"
#include "ipam/node.h"
#include "ipam/rules.h"
#include "ipam/schema.h"

/*
 * A record of the store -> object. Whoever can write to the bucket can write anything, so that all
 * of it is checked: the declared part by the table and the rules, "ilb" here.
 */

#define LEASES_MAX     64 /* of one object: two in use, and some on their way back */
#define SIZE_INDEX_MAX 6  /* of SLOTS_SIZES, dataplane/slots.h */

static int bad(struct error *err, const char *what)
{
	return error_set(err, -EBADMSG, "record: %s", what);
}

static int decode_number(const json_t *json, const char *key, uint64_t max, uint64_t *ret_value)
{
	const json_t *member = json_object_get(json, key);
	json_int_t value = json_integer_value(member);

	if (!member)
		return 0;
	if (!json_is_integer(member) || value < 0 || (uint64_t)value > max)
		return -EBADMSG;
	*ret_value = (uint64_t)value;
	return 0;
}

static int decode_lease(const json_t *json, struct lease *lease, struct error *err)
{
	const char *block = json_string_value(json_object_get(json, "block"));
	const char *prefix = json_string_value(json_object_get(json, "prefix"));
	uint64_t index = 0;

	if (!block || cidr_parse(block, &lease->block) < 0 || cidr_has_host_bits(&lease->block))
		return bad(err, "a lease has no legal block");
	if (decode_number(json, "index", 1, &index) < 0)
		return bad(err, "a lease has an index beyond spec.ips");
	lease->index = index;
	lease->releasing = json_is_true(json_object_get(json, "releasing"));
	if (!prefix)
		return 0;
	if (why_not_dns_subdomain(prefix))
		return bad(err, "a lease names an illegal Prefix");
	lease->prefix = strdup(prefix);
	return lease->prefix ? 0 : -ENOMEM;
}

static int decode_leases(const json_t *list, struct object *object, struct error *err)
{
	if (list && (!json_is_array(list) || json_array_size(list) > LEASES_MAX))
		return bad(err, "leases are no list of a reasonable length");
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct lease *lease = ARRAY_ADD(object->leases, object->n_leases);
		int r = lease ? decode_lease(json_array_get(list, i), lease, err) : -ENOMEM;

		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_decided(const json_t *json, struct object *object, struct error *err)
{
	const char *uid = json_string_value(json_object_get(json, "uid"));
	uint64_t created = 0, deleting = 0, number = 0, size = 0;

	if (!json_is_object(json) || !uid || uuid_parse(uid, &object->meta.uid) < 0)
		return bad(err, "the member \"ilb\" has no uid");
	if (decode_number(json, "generation", INT64_MAX, &object->meta.generation) < 0 ||
	    decode_number(json, "createdMs", INT64_MAX, &created) < 0 ||
	    decode_number(json, "deletingMs", INT64_MAX, &deleting) < 0 ||
	    decode_number(json, "number", DESIRED_NUMBER_MAX, &number) < 0 ||
	    decode_number(json, "size", SIZE_INDEX_MAX, &size) < 0)
		return bad(err, "a number of the member \"ilb\" is out of range");
	object->meta.created_ms = (int64_t)created;
	object->meta.deleting_ms = (int64_t)deleting;
	object->lb_number = (uint32_t)number;
	object->lb_size_index = (uint8_t)size;
	return decode_leases(json_object_get(json, "leases"), object, err);
}

static int decode_kind(const json_t *json, enum kind *ret_kind, struct error *err)
{
	const char *name = json_string_value(json_object_get(json, "kind"));
	const char *version = json_string_value(json_object_get(json, "apiVersion"));

	if (!name || kind_parse(name, ret_kind) < 0 || strcmp(name, kind_name(*ret_kind)) != 0)
		return bad(err, "its kind is unknown");
	if (!version || strcmp(version, kind_api_version(*ret_kind)) != 0)
		return bad(err, "its apiVersion is not its kind's");
	return 0;
}

static int first_problem(const struct problems *problems, struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	struct problems first = {.items = problems->items, .n_items = problems->n_items ? 1 : 0};

	if (!problems_any(problems))
		return 0;
	problems_format(&first, &text);
	text_cut(&text, text.len ? text.len - 1 : 0);
	return bad(err, text.len ? text.bytes : "it breaks more than one rule");
}

static int read_declared(const struct node *root, struct object *object, struct error *err)
{
	auto_call(problems_deinit) struct problems problems = {};
	struct judge judge = {.problems = &problems, .kind = object->kind, .root = root};
	int r = schema_read(schema_of(object->kind), root, object, &problems);

	judge.n_read = problems.n_items;
	if (r == 0)
		r = defaults_fill(object);
	if (r < 0)
		return r;
	rules_check(&judge, object);
	return first_problem(&problems, err);
}

/* Takes "ilb" out of `json`, so that it is no unknown field to the table. */
static int decode(json_t *json, struct object **ret_object, struct error *err)
{
	auto_call(object_freep) struct object *object = calloc(1, sizeof(*object));
	auto_call(node_deinit) struct node root = {};
	int r = object ? decode_kind(json, &object->kind, err) : -ENOMEM;

	if (r == 0)
		r = decode_decided(json_object_get(json, "ilb"), object, err);
	if (r < 0)
		return r;
	(void)json_object_del(json, "ilb"); /* it was there */
	r = node_from_json(json, &root);
	if (r == -E2BIG)
		return bad(err, "it is nested too deeply");
	if (r == 0)
		r = read_declared(&root, object, err);
	if (r == 0)
		*ret_object = TAKE(object);
	return r;
}

int object_store_parse(const char *bytes, size_t len, struct object **ret_object, struct error *err)
{
	json_error_t problem;
	json_t *json;
	int r;

	if (len > 2 * MANIFEST_DOCUMENT_MAX)
		return bad(err, "it is too long");
	json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &problem);
	if (!json)
		return error_set(err, -EBADMSG, "record: not JSON: %s", problem.text);
	r = json_is_object(json) ? decode(json, ret_object, err) : bad(err, "it is no object");
	json_decref(json);
	return r == -ENOMEM ? error_errno(err, r, "record") : r;
}
