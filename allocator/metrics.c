/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "monitor/exposition.h"
#include "monitor/process.h"

struct metrics {
	struct metrics_options options;
	struct scrape *scrape;
};

static void write_info(const struct world *world, struct text *text)
{
	const struct exposition_label labels[] = {{"version", ILB_VERSION}, {"id", world->id}};

	exposition_metric(text, EXPOSITION_GAUGE, "ilb_allocator_info",
			  "What runs here; always 1.");
	exposition_count(text, "ilb_allocator_info", labels, ARRAY_SIZE(labels), 1);
	exposition_single(text, EXPOSITION_GAUGE, "ilb_allocator_nats_connected",
			  "1 while there is a connection to NATS.", bus_is_connected(world->bus));
}

/* ---- the store ---- */

static void write_state(const struct store *store, struct text *text)
{
	static const char name[] = "ilb_allocator_store_state";
	static const char *const states[] = {
		[STORE_STARTING] = "Starting",
		[STORE_LOADING] = "Loading",
		[STORE_READY] = "Ready",
		[STORE_FAILING] = "Failing",
	};

	exposition_metric(text, EXPOSITION_GAUGE, name,
			  "1 for the state of the store, as this replica sees it.");
	for (unsigned i = 0; i < ARRAY_SIZE(states); i++)
		exposition_count(text, name, &(struct exposition_label){"state", states[i]}, 1,
				 store_state(store) == i);
}

static void write_store(const struct world *world, struct text *text)
{
	struct pipeline *pipeline = store_pipeline(world->store);

	write_state(world->store, text);
	exposition_single(text, EXPOSITION_GAUGE, "ilb_allocator_log_sequence",
			  "How far this replica has read the log.", pipeline_sequence(pipeline));
	exposition_single(text, EXPOSITION_GAUGE, "ilb_allocator_log_pending_records",
			  "Records that were behind the last one when it was read.",
			  store_n_pending(world->store));
	exposition_single(text, EXPOSITION_GAUGE, "ilb_allocator_unreadable_records",
			  "Records that this version does not understand.",
			  store_n_unreadable(world->store));
	exposition_single(text, EXPOSITION_GAUGE, "ilb_allocator_conflicting_records",
			  "Records whose addresses others hold.",
			  catalog_n_conflicts(world->catalog));
	exposition_single(text, EXPOSITION_COUNTER, "ilb_allocator_commit_conflicts_total",
			  "Commits decided anew because another replica was first.",
			  pipeline_n_conflicts(pipeline));
	exposition_histogram(text, "ilb_allocator_commit_seconds",
			     "From a write to the log until it is confirmed.",
			     pipeline_committed(pipeline));
}

/* ---- objects ---- */

static void write_objects(const struct world *world, struct text *text)
{
	static const char name[] = "ilb_allocator_objects";

	exposition_metric(text, EXPOSITION_GAUGE, name, "Objects that are stored, by kind.");
	for (unsigned kind = 0; kind < KIND_N_KINDS; kind++)
		exposition_count(text, name,
				 &(struct exposition_label){"kind", kind_token((enum kind)kind)}, 1,
				 catalog_count(world->catalog, (enum kind)kind));
}

struct prefixes {
	const struct catalog *catalog;
	struct text *text;
	enum { PREFIX_ADDRESSES, PREFIX_WAITERS } what;
	unsigned n;
};

/* Up to 2^128 addresses: as they are, in decimal, which Prometheus reads as a float. */
static void write_addresses(const struct object *prefix, const struct prefix_usage *usage,
			    struct text *text)
{
	text_addf(text,
		  "ilb_allocator_prefix_addresses{namespace=\"%s\",prefix=\"%s\",state=\"used\"} "
		  "%s\n",
		  prefix->meta.name_space, prefix->meta.name, usage->used);
	text_addf(text,
		  "ilb_allocator_prefix_addresses{namespace=\"%s\",prefix=\"%s\",state=\"free\"} "
		  "%s\n",
		  prefix->meta.name_space, prefix->meta.name, usage->free);
}

static bool write_prefix(void *user, const struct object *prefix)
{
	struct prefixes *prefixes = user;
	const struct exposition_label labels[] = {{"namespace", prefix->meta.name_space},
						  {"prefix", prefix->meta.name}};
	struct prefix_usage usage;

	if (prefixes->n++ == METRICS_PREFIXES_MAX)
		return false;
	if (catalog_prefix_usage(prefixes->catalog, prefix->meta.name_space, prefix->meta.name,
				 &usage) < 0)
		return true;
	if (prefixes->what == PREFIX_WAITERS)
		exposition_count(prefixes->text, "ilb_allocator_prefix_waiters", labels,
				 ARRAY_SIZE(labels), usage.n_waiters);
	else if (usage.block.address.family != FAMILY_NONE)
		write_addresses(prefix, &usage, prefixes->text);
	return true;
}

static void write_prefixes(const struct world *world, struct text *text)
{
	struct prefixes prefixes = {.catalog = world->catalog, .text = text};

	exposition_metric(text, EXPOSITION_GAUGE, "ilb_allocator_prefix_addresses",
			  "Addresses of a Prefix that are used, or free.");
	prefixes.what = PREFIX_ADDRESSES;
	catalog_list(world->catalog, KIND_PREFIX, NULL, NULL, NULL, write_prefix, &prefixes);
	exposition_metric(text, EXPOSITION_GAUGE, "ilb_allocator_prefix_waiters",
			  "Objects that wait for an address or a block of a Prefix.");
	prefixes.what = PREFIX_WAITERS;
	prefixes.n = 0;
	catalog_list(world->catalog, KIND_PREFIX, NULL, NULL, NULL, write_prefix, &prefixes);
}

/* ---- requests ---- */

static void write_codes(const struct api *api, enum api_verb verb, struct text *text)
{
	static const unsigned codes[API_N_CODES] = API_CODES;
	const struct api_counters *counters = api_counters(api, verb);

	for (unsigned i = 0; i < API_N_CODES; i++) {
		char code[12];
		const struct exposition_label labels[] = {{"verb", api_verb_name(verb)},
							  {"code", code}};

		(void)snprintf(code, sizeof(code), "%u", codes[i]);
		exposition_count(text, "ilb_allocator_requests_total", labels, ARRAY_SIZE(labels),
				 counters->n_codes[i]);
	}
}

static void write_requests(const struct api *api, struct text *text)
{
	static const char name[] = "ilb_allocator_request_processing_seconds_total";

	exposition_metric(text, EXPOSITION_COUNTER, "ilb_allocator_requests_total",
			  "Requests of people that were answered, by verb and code.");
	for (unsigned verb = 0; verb < API_N_VERBS; verb++)
		write_codes(api, (enum api_verb)verb, text);
	exposition_metric(text, EXPOSITION_COUNTER, name,
			  "Time from requests until their answers, waiting included.");
	for (unsigned verb = 0; verb < API_N_VERBS; verb++)
		exposition_seconds(
			text, name,
			&(struct exposition_label){"verb", api_verb_name((enum api_verb)verb)}, 1,
			api_counters(api, (enum api_verb)verb)->processing_ns / 1000000);
}

/* ---- distribution ---- */

static void write_published(struct publisher *publisher, struct text *text)
{
	const struct publisher_counters *counters = publisher_counters(publisher);
	const struct {
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{"ilb_allocator_deltas_total", "Changes of Networks that were published.",
		 counters->deltas},
		{"ilb_allocator_deltas_taken_over_total",
		 "Those of them that another replica should have published.",
		 counters->held_published},
		{"ilb_allocator_snapshots_total", "Snapshots that agents were sent.",
		 counters->snapshots},
		{"ilb_allocator_syncs_total", "Comparisons that agents asked for.",
		 counters->syncs},
		{"ilb_allocator_stale_total", "Networks that these found out of date.",
		 counters->stale},
		{"ilb_allocator_agents_refused_total",
		 "Questions of agents answered with an error.", counters->refused},
	};

	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows))
		exposition_single(text, EXPOSITION_COUNTER, row->name, row->help, row->value);
	exposition_histogram(text, "ilb_allocator_publish_to_programmed_seconds",
			     "From publishing a change until a node says that its kernel has it.",
			     &publisher_latency(publisher)->histogram);
}

static void count_node(void *user, const struct roster_node *node)
{
	size_t *counts = user;

	counts[node->alive]++;
}

static void write_nodes(const struct world *world, struct text *text)
{
	static const char name[] = "ilb_allocator_nodes";
	size_t counts[2] = {};

	roster_visit(world->roster, count_node, counts);
	exposition_metric(text, EXPOSITION_GAUGE, name,
			  "Nodes that are heard, and those that fell silent within the last hour.");
	exposition_count(text, name, &(struct exposition_label){"state", "alive"}, 1, counts[1]);
	exposition_count(text, name, &(struct exposition_label){"state", "silent"}, 1, counts[0]);
}

static void collect(void *user)
{
	struct metrics *metrics = user;
	const struct metrics_options *options = &metrics->options;
	struct text text = {};
	char *bytes = NULL;
	size_t len = 0;

	write_info(options->world, &text);
	write_store(options->world, &text);
	write_objects(options->world, &text);
	write_prefixes(options->world, &text);
	write_requests(options->api, &text);
	write_published(options->publisher, &text);
	write_nodes(options->world, &text);
	exposition_single(&text, EXPOSITION_COUNTER, "ilb_allocator_messages_refused_total",
			  "Messages of agents that were malformed or not of their subject.",
			  *options->n_malformed +
				  publisher_counters(options->publisher)->malformed);
	process_write(&text);
	if (text_take(&text, &bytes, &len) < 0) /* no memory: "not now" */
		bytes = NULL;
	scrape_finish(metrics->scrape, bytes, len);
}

int metrics_new(const struct metrics_options *options, struct metrics **ret_metrics,
		struct error *err)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	int r;

	if (!metrics)
		return error_set(err, -ENOMEM, "out of memory");
	metrics->options = *options;
	r = scrape_new(options->world->loop, &options->place, collect, metrics, &metrics->scrape,
		       err);
	if (r < 0) {
		free(metrics);
		return r;
	}
	*ret_metrics = metrics;
	return 0;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	scrape_close(metrics->scrape);
	free(metrics);
}
