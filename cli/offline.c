/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/offline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "ipam/decide.h"
#include "ipam/order.h"
#include "ipam/resolve.h"
#include "messages/subjects.h"

struct uuid offline_uuid(const char *text)
{
	char salted[OBJECT_KEY_MAX + 8];
	uint64_t halves[2];
	struct uuid uuid;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(salted, sizeof(salted), "%zu:%s", i, text);
		halves[i] = hash_bytes(salted, strlen(salted));
	}
	memcpy(uuid.bytes, halves, sizeof(uuid.bytes));
	uuid.bytes[6] = (uint8_t)(0x80 | (uuid.bytes[6] & 0x0f)); /* RFC 9562: version 8 */
	uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3f));
	return uuid;
}

static void add_problems(struct text *text, const char *title, const struct problems *problems)
{
	auto_call(text_deinit) struct text lines = {};
	char *rest, *line;

	problems_format(problems, &lines);
	rest = lines.bytes;
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			text_addf(text, "%s: %s\n", title, line);
	}
}

/* Each stored version has a number of its own, as in the log. */
static int put(struct catalog *catalog, struct verdict *verdict, uint64_t *sequence)
{
	struct object *old = NULL;
	int r;

	if (verdict->outcome == VERDICT_DELETED || verdict->outcome == VERDICT_UNCHANGED)
		return 0;
	verdict->object->meta.resource_version = ++*sequence;
	r = catalog_put(catalog, verdict->object, &old);
	if (r < 0)
		return r;
	verdict->object = NULL; /* the catalog's */
	object_free(old);
	return 0;
}

static int apply_one(struct catalog *catalog, const struct document *document, uint64_t *sequence,
		     struct text *problems)
{
	const struct object *wanted = document->object;
	char key[OBJECT_KEY_MAX];
	struct moment moment = {.now_ms = (int64_t)*sequence + 1,
				.fresh_uid = offline_uuid(object_key(wanted, key))};
	struct verdict verdict = {};
	int r = decide_apply(catalog, wanted, &moment, &verdict);

	if (r < 0)
		return r;
	if (verdict.outcome == VERDICT_REFUSED)
		add_problems(problems, document->title, &verdict.problems);
	else
		r = put(catalog, &verdict, sequence);
	verdict_deinit(&verdict);
	return r;
}

static uint64_t everywhere(void *user, const char *name_space, const char *network)
{
	(void)user;
	(void)name_space;
	(void)network;
	return UINT64_MAX; /* no node hosts it */
}

static int serve_waiters(struct catalog *catalog, uint64_t *sequence)
{
	int r;

	do {
		struct moment moment = {.now_ms = (int64_t)*sequence + 1};
		struct verdict verdict = {};

		r = decide_next(catalog, everywhere, NULL, &moment, &verdict);
		if (r > 0 && put(catalog, &verdict, sequence) < 0)
			r = -ENOMEM;
		verdict_deinit(&verdict);
	} while (r > 0);
	return r;
}

static bool find_newest(void *user, const struct object *object)
{
	uint64_t *sequence = user;

	if (object->meta.resource_version > *sequence)
		*sequence = object->meta.resource_version;
	return true;
}

int offline_apply(struct catalog *catalog, const struct documents *documents, struct text *problems)
{
	auto_free size_t *order = NULL;
	uint64_t sequence = 0;
	int r;

	ARRAY_FOREACH(document, documents->items, documents->n_items)
		add_problems(problems, document->title, &document->problems);
	if (problems->len)
		return -EBADMSG;
	for (size_t kind = 0; kind < KIND_N_KINDS; kind++)
		catalog_list(catalog, (enum kind)kind, NULL, NULL, NULL, find_newest, &sequence);
	r = order_documents(documents, &order);
	for (size_t i = 0; i < documents->n_items && r == 0; i++)
		r = apply_one(catalog, &documents->items[order[i]], &sequence, problems);
	if (r == 0)
		r = serve_waiters(catalog, &sequence);
	if (r == 0 && problems->len)
		r = -EBADMSG;
	return r;
}

struct collection {
	const struct catalog *catalog;
	const char *network;
	struct desired *desired;
	struct text *waiting;
	int outcome;
};

static bool collect(void *user, const struct object *object)
{
	struct collection *collection = user;
	struct desired *desired = collection->desired;
	struct resolution resolution = {};
	struct desired_lb **lb;

	if (strcmp(object_network(object), collection->network) != 0)
		return true;
	collection->outcome = resolve_lb(collection->catalog, object, &resolution);
	if (collection->outcome < 0)
		return false;
	if (resolution.lb && (lb = ARRAY_ADD(desired->lbs, desired->n_lbs)))
		*lb = TAKE(resolution.lb);
	else if (resolution.lb)
		collection->outcome = -ENOMEM;
	else
		text_addf(collection->waiting, "loadbalancer/%s: %s\n", object->meta.name,
			  resolution.network_missing ? "there is no Network of that name"
						     : "has no address yet");
	resolution_deinit(&resolution);
	return collection->outcome == 0;
}

int offline_desired(const struct catalog *catalog, const char *name_space, const char *network,
		    struct desired **ret_desired, struct text *waiting, struct error *err)
{
	auto_call(desired_freep) struct desired *desired = calloc(1, sizeof(*desired));
	struct collection collection = {catalog, network, desired, waiting, 0};
	char token[SUBJECT_TOKEN_MAX + 1];

	if (subject_net_token(name_space, network, token) < 0)
		return error_set(err, -EINVAL, "'%s' is not the name of a Network", network);
	if (!desired || !(desired->net = strdup(token)))
		return error_set(err, -ENOMEM, "out of memory");
	catalog_list(catalog, KIND_LOAD_BALANCER, name_space, NULL, NULL, collect, &collection);
	if (collection.outcome < 0)
		return error_set(err, collection.outcome, "out of memory");
	desired->part = desired->n_parts = 1;
	*ret_desired = TAKE(desired);
	return 0;
}
