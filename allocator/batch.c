/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/batch.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "ipam/document.h"

static void edit_deinit(struct edit *edit)
{
	free(edit->key);
	free(edit->bytes);
	object_free(edit->old);
	*edit = (struct edit){};
}

void batch_deinit(struct batch *batch)
{
	ARRAY_FOREACH(edit, batch->edits, batch->n_edits)
		edit_deinit(edit);
	free(batch->edits);
	*batch = (struct batch){};
}

/* A removal keeps a body, so that who reads the log knows what it was and which Network it concerned. */
static int removal_format(const struct object *object, char **ret_text, size_t *ret_len)
{
	const char *network = object_network(object);
	json_t *json = json_pack("{s:s, s:s, s:s}", "kind", kind_name(object->kind), "namespace",
				 object->meta.name_space, "name", object->meta.name);
	char *text;

	if (network && json)
		(void)json_object_set_new(json, "network", json_string(network));
	text = json_dumps(json, JSON_COMPACT); /* NULL of NULL */
	json_decref(json);
	if (!text)
		return -ENOMEM;
	*ret_len = strlen(text);
	*ret_text = text;
	return 0;
}

/* The last edit could not be completed. */
static int batch_drop_last(struct batch *batch)
{
	edit_deinit(&batch->edits[--batch->n_edits]);
	return -ENOMEM;
}

int batch_put(struct batch *batch, struct catalog *catalog, struct object *object,
	      uint64_t sequence)
{
	auto_call(object_freep) struct object *owned = object;
	struct edit *edit = ARRAY_ADD(batch->edits, batch->n_edits);
	char key[OBJECT_KEY_MAX];

	if (!edit)
		return -ENOMEM;
	owned->meta.resource_version = sequence;
	edit->key = strdup(object_key(owned, key));
	if (!edit->key || object_store_format(owned, &edit->bytes, &edit->len) < 0 ||
	    catalog_put(catalog, owned, &edit->old) < 0)
		return batch_drop_last(batch);
	owned = NULL; /* the catalog's */
	return 0;
}

int batch_remove(struct batch *batch, struct catalog *catalog, const char *key)
{
	const struct object *object = catalog_find_key(catalog, key);
	struct edit *edit;

	if (!object)
		return -ENOENT;
	edit = ARRAY_ADD(batch->edits, batch->n_edits);
	if (!edit)
		return -ENOMEM;
	edit->removes = true;
	edit->key = strdup(key);
	if (!edit->key || removal_format(object, &edit->bytes, &edit->len) < 0)
		return batch_drop_last(batch);
	edit->old = catalog_remove(catalog, key);
	return 0;
}

static void edit_undo(struct edit *edit, struct catalog *catalog)
{
	struct object *undone = NULL;

	if (!edit->old)
		undone = catalog_remove(catalog, edit->key);
	else /* Without memory for the way back there is only a restart: the store has it all. */
		require(catalog_put(catalog, TAKE(edit->old), &undone) == 0);
	object_free(undone);
}

void batch_undo(struct batch *batch, struct catalog *catalog, size_t n_keep)
{
	while (batch->n_edits > n_keep) {
		struct edit *edit = &batch->edits[--batch->n_edits];

		edit_undo(edit, catalog);
		edit_deinit(edit);
	}
}
