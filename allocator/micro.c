/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/micro.h"

#include <inttypes.h>
#include <stdio.h>

static size_t endpoints(void *user, struct service_endpoint ret[static SERVICE_ENDPOINTS_MAX])
{
	const struct micro *micro = user;
	char subject[SUBJECT_MAX];

	for (unsigned verb = 0; verb < API_N_VERBS; verb++) {
		const struct api_counters *counters = api_counters(micro->api, (enum api_verb)verb);

		ret[verb] = (struct service_endpoint){
			.name = api_verb_name((enum api_verb)verb),
			.queue_group = SUBJECT_QUEUE,
			.n_requests = counters->n_requests,
			.n_errors = counters->n_errors,
			.processing_ns = counters->processing_ns,
			.last_error = counters->last_error,
		};
		(void)snprintf(ret[verb].subject, sizeof(ret[verb].subject), "%s",
			       subject_api(subject, (enum api_verb)verb, "*"));
	}
	return API_N_VERBS;
}

static void data(void *user, struct text *text)
{
	static const char *const states[] = {"Starting", "Loading", "Ready", "Failing"};
	const struct micro *micro = user;
	const struct publisher_counters *published = publisher_counters(micro->publisher);
	const struct world *world = micro->world;
	size_t n_objects = 0;

	for (unsigned kind = 0; kind < KIND_N_KINDS; kind++)
		n_objects += catalog_count(world->catalog, (enum kind)kind);
	text_addf(text,
		  "{\"state\":\"%s\",\"sequence\":%" PRIu64 ",\"objects\":%zu,\"nodes\":%zu,"
		  "\"unreadable\":%" PRIu64 ",\"conflicts\":%zu,\"deltas\":%" PRIu64
		  ",\"snapshots\":%" PRIu64 ",\"malformed\":%" PRIu64 "}",
		  states[store_state(world->store)],
		  pipeline_sequence(store_pipeline(world->store)), n_objects,
		  roster_count_alive(world->roster), store_n_unreadable(world->store),
		  catalog_n_conflicts(world->catalog), published->deltas, published->snapshots,
		  published->malformed);
}

int micro_init(struct micro *micro, struct world *world, const struct api *api,
	       const struct publisher *publisher, struct error *err)
{
	const struct service_options options = {
		.bus = world->bus,
		.name = "ilb-allocator",
		.id = world->id,
		.description = "ILB central allocator",
		.endpoints = endpoints,
		.data = data,
		.user = micro,
	};

	*micro = (struct micro){.world = world, .api = api, .publisher = publisher};
	return service_new(&options, &micro->service, err);
}

void micro_deinit(struct micro *micro)
{
	service_free(TAKE(micro->service));
}
