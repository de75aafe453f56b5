/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ipam/cloud.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"
#include "ipam/resolve.h"
#include "ipam/state.h"
#include "tests/ipam/build.h"
#include "tests/support/cmocka.h"

void cloud_init(struct cloud *cloud)
{
	*cloud = (struct cloud){};
	require(catalog_new(&cloud->catalog) == 0);
}

void cloud_deinit(struct cloud *cloud)
{
	catalog_free(cloud->catalog);
}

void cloud_commit(struct cloud *cloud, struct verdict *verdict)
{
	char key[OBJECT_KEY_MAX];
	struct object *old = NULL;

	cloud->sequence++;
	switch (verdict->outcome) {
	case VERDICT_CREATED:
	case VERDICT_CONFIGURED:
	case VERDICT_DELETING:
		verdict->object->meta.resource_version = cloud->sequence;
		require(catalog_put(cloud->catalog, TAKE(verdict->object), &old) == 0);
		break;
	case VERDICT_DELETED:
		old = catalog_remove(cloud->catalog, object_key(verdict->object, key));
		require(old);
		break;
	case VERDICT_UNCHANGED:
	case VERDICT_REFUSED:
		cloud->sequence--;
		break;
	}
	object_free(old);
	verdict_deinit(verdict);
}

static struct moment moment_of(const struct cloud *cloud)
{
	struct moment moment = {
		.now_ms = 1700000000000 + (int64_t)cloud->sequence,
		.sequence = cloud->sequence + 1,
	};

	for (size_t i = 0; i < 8; i++)
		moment.fresh_uid.bytes[i] = (uint8_t)(cloud->sequence >> (56 - 8 * i));
	moment.fresh_uid.bytes[15] = 1;
	return moment;
}

static void show_block(struct text *text, const struct cidr *block)
{
	char cidr[CIDR_TEXT_MAX], address[ADDRESS_TEXT_MAX];
	bool is_address = block->len == family_bits(block->address.family);

	text_add(text,
		 is_address ? address_format(&block->address, address) : cidr_format(block, cidr));
}

static void show_leases(struct text *text, const struct object *object)
{
	for (size_t i = 0; i < object_n_sources(object); i++) {
		const struct lease *lease = object_lease(object, i);

		if (object->kind == KIND_PREFIX && prefix_spec_is_root(&object->prefix))
			continue;
		text_add(text, " ");
		if (lease)
			show_block(text, &lease->block);
		else
			text_add(text, "-");
	}
	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		if (!lease->releasing)
			continue;
		text_add(text, " ~");
		show_block(text, &lease->block);
	}
}

static void show_verdict(struct text *text, const struct verdict *verdict, bool named)
{
	if (verdict->outcome == VERDICT_REFUSED) {
		text_addf(text, "%d ", verdict->code);
		problems_format(&verdict->problems, text);
		while (text->len && text->bytes[text->len - 1] == '\n')
			text_cut(text, text->len - 1);
		return;
	}
	text_add(text, verdict_outcome_name(verdict->outcome));
	if (named)
		text_addf(text, " %s", verdict->object->meta.name);
	show_leases(text, verdict->object);
}

static void do_apply(struct cloud *cloud, const char *line, struct text *text)
{
	auto_call(object_freep) struct object *object = build(line);
	struct moment moment = moment_of(cloud);
	struct verdict verdict = {};

	require(decide_apply(cloud->catalog, object, &moment, &verdict) == 0);
	show_verdict(text, &verdict, false);
	cloud_commit(cloud, &verdict);
}

static const struct object *find(struct cloud *cloud, const char *words)
{
	char kind_word[32], name[64];
	enum kind kind;

	require(sscanf(words, "%31s %63s", kind_word, name) == 2);
	require(kind_parse(kind_word, &kind) == 0);
	return catalog_find(cloud->catalog, kind, "default", name);
}

static void do_delete(struct cloud *cloud, const char *words, struct text *text)
{
	char kind_word[32], name[64];
	struct moment moment = moment_of(cloud);
	struct verdict verdict = {};
	enum kind kind;

	require(sscanf(words, "%31s %63s", kind_word, name) == 2);
	require(kind_parse(kind_word, &kind) == 0);
	require(decide_delete(cloud->catalog, kind, "default", name, 0, &moment, &verdict) == 0);
	show_verdict(text, &verdict, false);
	cloud_commit(cloud, &verdict);
}

static uint64_t confirmed(void *user, const char *name_space, const char *network)
{
	const struct cloud *cloud = user;

	require(name_space && network);
	return cloud->confirmed ? cloud->confirmed : UINT64_MAX;
}

static bool do_next(struct cloud *cloud, struct text *text)
{
	struct moment moment = moment_of(cloud);
	struct verdict verdict = {};
	int n = decide_next(cloud->catalog, confirmed, cloud, &moment, &verdict);

	require(n >= 0);
	if (n == 0) {
		text_add(text, "nothing");
		return false;
	}
	show_verdict(text, &verdict, true);
	cloud_commit(cloud, &verdict);
	return true;
}

static void do_settle(struct cloud *cloud, struct text *text)
{
	unsigned n = 0;

	while (do_next(cloud, text)) {
		require(++n < 100000);
		text_cut(text, 0);
	}
	text_cut(text, 0);
	text_addf(text, "%u", n);
}

static bool load(void *user, const struct object *object)
{
	struct catalog *catalog = user;
	struct object *copy, *old = NULL;

	require(object_copy(object, &copy) == 0 && catalog_put(catalog, copy, &old) == 0 && !old);
	return true;
}

static void do_restart(struct cloud *cloud)
{
	struct catalog *catalog;

	require(catalog_new(&catalog) == 0);
	for (enum kind kind = 0; kind < KIND_N_KINDS; kind++)
		catalog_list(cloud->catalog, kind, NULL, NULL, NULL, load, catalog);
	catalog_free(cloud->catalog);
	cloud->catalog = catalog;
}

static void do_usage(struct cloud *cloud, const char *name, struct text *text)
{
	struct prefix_usage usage;

	if (catalog_prefix_usage(cloud->catalog, "default", name, &usage) < 0) {
		text_add(text, "none");
		return;
	}
	text_addf(text, "%s/%s largest=/%u waiters=%zu", usage.used, usage.size, usage.largest_free,
		  usage.n_waiters);
}

static void do_destinations(struct cloud *cloud, const char *name, struct text *text)
{
	auto_call(resolution_deinit) struct resolution resolution = {};
	const struct object *lb = catalog_find(cloud->catalog, KIND_LOAD_BALANCER, "default", name);
	char address[ADDRESS_TEXT_MAX];

	require(lb && resolve_lb(cloud->catalog, lb, &resolution) == 0);
	text_addf(text, "%zu%s%s%s", resolution.n_destinations, resolution.lb ? "" : " off",
		  resolution.no_routing ? " no-routing" : "",
		  resolution.network_missing ? " no-network" : "");
	for (size_t i = 0; resolution.lb && i < resolution.lb->n_destinations; i++) {
		const struct desired_destination *d = &resolution.lb->destinations[i];

		text_addf(text, " %s*%u%s%s", address_format(&d->address, address), d->weight,
			  d->node ? "@" : "", d->node ? d->node : "");
	}
}

static void do_touched(struct cloud *cloud, struct text *text)
{
	char key[OBJECT_KEY_MAX];

	while (catalog_take_touched(cloud->catalog, key))
		text_addf(text, "%s%s", text->len ? " " : "",
			  key + strlen("loadbalancer.default."));
}

static void do_show(struct cloud *cloud, const char *words, struct text *text)
{
	const struct object *object = find(cloud, words);

	text_add(text, !object ? "gone" : object->meta.deleting_ms ? "deleting" : "is");
	if (object)
		show_leases(text, object);
}

const char *cloud_do(struct cloud *cloud, const char *command)
{
	const char *space = strchr(command, ' '), *rest = space ? space + 1 : "";
	auto_call(text_deinit) struct text text = {};
	uint64_t value;

	if (text_starts(command, "apply "))
		do_apply(cloud, rest, &text);
	else if (text_starts(command, "delete "))
		do_delete(cloud, rest, &text);
	else if (strcmp(command, "next") == 0)
		(void)do_next(cloud, &text);
	else if (strcmp(command, "settle") == 0)
		do_settle(cloud, &text);
	else if (strcmp(command, "restart") == 0)
		do_restart(cloud);
	else if (text_starts(command, "show "))
		do_show(cloud, rest, &text);
	else if (text_starts(command, "usage "))
		do_usage(cloud, rest, &text);
	else if (text_starts(command, "destinations "))
		do_destinations(cloud, rest, &text);
	else if (strcmp(command, "touched") == 0)
		do_touched(cloud, &text);
	else if (text_starts(command, "confirm ") && !text_parse_u64(rest, UINT64_MAX, &value))
		cloud->confirmed = value;
	else
		fail_msg("no such command: %s", command);
	(void)snprintf(cloud->answer, sizeof(cloud->answer), "%s", text.bytes ? text.bytes : "");
	return cloud->answer;
}

void cloud_run(const char *name, const struct cloud_step *steps)
{
	struct cloud cloud;

	cloud_init(&cloud);
	for (size_t i = 0; steps[i].command; i++) {
		const char *answer = cloud_do(&cloud, steps[i].command);

		if (strcmp(answer, steps[i].answer) != 0)
			fail_msg("%s, step %zu, %s:\n  '%s', expected\n  '%s'", name, i,
				 steps[i].command, answer, steps[i].answer);
	}
	assert_int_equal(catalog_n_conflicts(cloud.catalog), 0);
	cloud_deinit(&cloud);
}
