/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "ipam/document.h"
#include "tests/fuzz/fuzz.h"

/*
 * Manifests, YAML and JSON. Whatever is accepted must survive being written, as YAML and for the
 * store, and read again; whatever is not has a complaint.
 */

static struct object *read_one(const char *bytes, size_t len)
{
	auto_call(documents_deinit) struct documents documents = {};

	require(documents_read(bytes, len, NULL, &documents) == 0);
	require(documents.n_items == 1 && documents.items[0].object);
	return TAKE(documents.items[0].object);
}

static void reads_back_as_yaml(const struct object *object)
{
	auto_call(object_freep) struct object *again = NULL;
	auto_call(text_deinit) struct text yaml = {};
	json_t *json = object_to_json(object);

	require(json && yaml_from_json(json, &yaml) == 0);
	json_decref(json);
	again = read_one(yaml.bytes, yaml.len);
	require(document_is_same(object, again));
}

static void reads_back_from_the_store(const struct object *object)
{
	auto_call(object_freep) struct object *again = NULL, *copy = NULL;
	auto_free char *text = NULL, *other = NULL;
	struct error err;
	size_t len;

	require(object_copy(object, &copy) == 0);
	require(object_store_format(copy, &text, &len) == 0);
	require(object_store_parse(text, len, &again, &err) == 0);
	require(object_store_format(again, &other, &len) == 0);
	require(strcmp(text, other) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	auto_call(documents_deinit) struct documents documents = {};

	require(documents_read((const char *)bytes, len, NULL, &documents) == 0);
	ARRAY_FOREACH(document, documents.items, documents.n_items) {
		auto_call(text_deinit) struct text text = {};

		require(!document->object == problems_any(&document->problems));
		problems_format(&document->problems, &text);
		if (!document->object)
			continue;
		reads_back_as_yaml(document->object);
		reads_back_from_the_store(document->object);
	}
	return 0;
}
