/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "ipam/document.h"
#include "ipam/node.h"
#include "ipam/rules.h"
#include "ipam/schema.h"

/*
 * Objects out, for people and for the store. A record of the store is the object as the user
 * declared it, and in "ilb" what the allocator decided, in exact figures.
 */

/* Seconds are Kubernetes' precision. */
static json_t *json_time(int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;
	char text[64];

	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *json_uuid(const struct uuid *uuid)
{
	char text[UUID_TEXT_MAX];

	return json_string(uuid_format(uuid, text));
}

static json_t *json_decimal(uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return json_string(text);
}

/* What the allocator adds to metadata; what it has not decided yet is left out. */
static int add_decided_meta(json_t *metadata, const struct meta *meta)
{
	static const struct uuid none;
	int r = 0;

	if (uuid_compare(&meta->uid, &none) != 0)
		r |= json_object_set_new(metadata, "uid", json_uuid(&meta->uid));
	if (meta->generation)
		r |= json_object_set_new(metadata, "generation",
					 json_integer((json_int_t)meta->generation));
	if (meta->resource_version)
		r |= json_object_set_new(metadata, "resourceVersion",
					 json_decimal(meta->resource_version));
	if (meta->created_ms)
		r |= json_object_set_new(metadata, "creationTimestamp",
					 json_time(meta->created_ms));
	if (meta->deleting_ms)
		r |= json_object_set_new(metadata, "deletionTimestamp",
					 json_time(meta->deleting_ms));
	return r;
}

/* apiVersion, kind, and what the user declared. */
static json_t *declared(const struct object *object)
{
	json_t *json = json_object(), *fields = schema_write(schema_of(object->kind), object);
	int r = json && fields ? 0 : -1;

	if (r == 0)
		r |= json_object_set_new(json, "apiVersion",
					 json_string(kind_api_version(object->kind)));
	if (r == 0)
		r |= json_object_set_new(json, "kind", json_string(kind_name(object->kind)));
	if (r == 0)
		r |= json_object_update(json, fields);
	if (r == 0 && object->kind != KIND_LOAD_BALANCER_ROUTING && !json_object_get(json, "spec"))
		r |= json_object_set_new(json, "spec", json_object());
	json_decref(fields);
	if (r == 0)
		return json;
	json_decref(json);
	return NULL;
}

/* A child Prefix that has its block shows it, and where it was cut from. */
static int show_block(json_t *json, const struct object *prefix)
{
	const struct lease *lease = prefix->leases;
	json_t *spec = json_object_get(json, "spec");
	char text[CIDR_TEXT_MAX];
	int r;

	if (prefix->kind != KIND_PREFIX || !prefix->n_leases || !lease->prefix)
		return 0;
	r = json_object_set_new(spec, "prefix", json_string(cidr_format(&lease->block, text)));
	return r | json_object_set_new(spec, "prefixRef", json_pack("{ss}", "name", lease->prefix));
}

json_t *object_to_json(const struct object *object)
{
	json_t *json = declared(object);

	if (!json)
		return NULL;
	if (add_decided_meta(json_object_get(json, "metadata"), &object->meta) == 0 &&
	    show_block(json, object) == 0)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *json_lease(const struct lease *lease)
{
	char text[CIDR_TEXT_MAX];
	json_t *json = json_pack("{sssI}", "block", cidr_format(&lease->block, text), "index",
				 (json_int_t)lease->index);
	int r = json ? 0 : -1;

	if (r == 0 && lease->prefix)
		r |= json_object_set_new(json, "prefix", json_string(lease->prefix));
	if (r == 0 && lease->releasing)
		r |= json_object_set_new(json, "releasing", json_true());
	if (r == 0)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *json_leases(const struct object *object)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < object->n_leases; i++) {
		if (json_array_append_new(list, json_lease(&object->leases[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *json_decided(const struct object *object)
{
	const struct meta *meta = &object->meta;
	json_t *json = json_object();
	int r = json ? 0 : -1;

	if (r == 0)
		r |= json_object_set_new(json, "uid", json_uuid(&meta->uid));
	if (r == 0)
		r |= json_object_set_new(json, "generation",
					 json_integer((json_int_t)meta->generation));
	if (r == 0)
		r |= json_object_set_new(json, "createdMs", json_integer(meta->created_ms));
	if (r == 0 && meta->deleting_ms)
		r |= json_object_set_new(json, "deletingMs", json_integer(meta->deleting_ms));
	if (r == 0 && object->n_leases)
		r |= json_object_set_new(json, "leases", json_leases(object));
	if (r == 0 && object->lb_number)
		r |= json_object_set_new(json, "number", json_integer(object->lb_number));
	if (r == 0 && object->lb_size_index)
		r |= json_object_set_new(json, "size", json_integer(object->lb_size_index));
	if (r == 0)
		return json;
	json_decref(json);
	return NULL;
}

int object_store_format(const struct object *object, char **ret_text, size_t *ret_len)
{
	json_t *json = declared(object);
	char *text = NULL;

	if (json && json_object_set_new(json, "ilb", json_decided(object)) == 0)
		text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	*ret_len = strlen(text);
	return 0;
}
