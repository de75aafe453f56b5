/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "allocator/say.h"
#include "base/array.h"
#include "base/text.h"

#define NAME "ilb-allocator"

struct service {
	struct world *world;
	const struct api *api;
	const struct publisher *publisher;
	struct bus_subscription *subscriptions[3];
	char started[32];
};

static json_t *identity(const struct service *service, const char *type)
{
	char full[64];

	(void)snprintf(full, sizeof(full), "io.nats.micro.v1.%s_response", type);
	return json_pack("{s:s, s:s, s:s, s:s, s:{}}", "type", full, "name", NAME, "id",
			 service->world->id, "version", ILB_VERSION, "metadata");
}

static json_t *endpoint(enum api_verb verb)
{
	char subject[SUBJECT_MAX];

	return json_pack("{s:s, s:s, s:s, s:{}}", "name", api_verb_name(verb), "subject",
			 subject_api(subject, verb, "*"), "queue_group", SUBJECT_QUEUE, "metadata");
}

static json_t *endpoint_stats(const struct service *service, enum api_verb verb)
{
	const struct api_counters *counters = api_counters(service->api, verb);
	uint64_t n = counters->n_requests ? counters->n_requests : 1;
	json_t *json = endpoint(verb);

	(void)json_object_del(json, "metadata");
	(void)json_object_set_new(json, "num_requests",
				  json_integer((json_int_t)counters->n_requests));
	(void)json_object_set_new(json, "num_errors", json_integer((json_int_t)counters->n_errors));
	(void)json_object_set_new(json, "last_error", json_string(counters->last_error));
	(void)json_object_set_new(json, "processing_time",
				  json_integer((json_int_t)counters->processing_ns));
	(void)json_object_set_new(json, "average_processing_time",
				  json_integer((json_int_t)(counters->processing_ns / n)));
	return json;
}

/* ADR-32 leaves "data" to the service: how this replica is. */
static json_t *data(const struct service *service)
{
	static const char *const states[] = {"Starting", "Loading", "Ready", "Failing"};
	const struct publisher_counters *published = publisher_counters(service->publisher);
	struct world *world = service->world;
	size_t n_objects = 0;

	for (unsigned kind = 0; kind < KIND_N_KINDS; kind++)
		n_objects += catalog_count(world->catalog, (enum kind)kind);
	return json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "state",
		states[store_state(world->store)], "sequence",
		(json_int_t)pipeline_sequence(store_pipeline(world->store)), "objects",
		(json_int_t)n_objects, "nodes", (json_int_t)roster_count_alive(world->roster),
		"unreadable", (json_int_t)store_n_unreadable(world->store), "conflicts",
		(json_int_t)catalog_n_conflicts(world->catalog), "deltas",
		(json_int_t)published->deltas, "snapshots", (json_int_t)published->snapshots,
		"malformed", (json_int_t)published->malformed);
}

static json_t *respond(const struct service *service, const char *verb)
{
	json_t *endpoints = json_array(), *json;
	bool is_stats = strcmp(verb, "STATS") == 0;

	for (unsigned v = 0; v < API_N_VERBS; v++)
		(void)json_array_append_new(endpoints,
					    is_stats ? endpoint_stats(service, (enum api_verb)v)
						     : endpoint((enum api_verb)v));
	json = identity(service, is_stats ? "stats" : "info");
	(void)json_object_set_new(json, "endpoints", endpoints);
	if (is_stats) {
		(void)json_object_set_new(json, "started", json_string(service->started));
		(void)json_object_set_new(json, "data", data(service));
	} else {
		(void)json_object_set_new(json, "description",
					  json_string("ILB central allocator"));
	}
	return json;
}

static void on_message(void *user, const struct bus_message *message)
{
	struct service *service = user;
	const char *verb = message->subject + strlen("$SRV.");
	auto_free char *text = NULL;
	json_t *json = NULL;

	if (!message->reply)
		return;
	if (text_starts(verb, "PING"))
		json = identity(service, "ping");
	else if (text_starts(verb, "INFO"))
		json = respond(service, "INFO");
	else if (text_starts(verb, "STATS"))
		json = respond(service, "STATS");
	text = json_dumps(json, JSON_COMPACT); /* NULL of NULL: other verbs have no answer */
	json_decref(json);
	if (text)
		(void)say(service->world->bus, message->reply, NULL, 0, text, strlen(text));
}

static int subscribe(struct service *service, struct error *err)
{
	char own[64];
	const char *const subjects[] = {"$SRV.*", "$SRV.*." NAME, own};
	int r = 0;

	(void)snprintf(own, sizeof(own), "$SRV.*." NAME ".%s", service->world->id);
	for (size_t i = 0; i < ARRAY_SIZE(subjects) && r == 0; i++)
		r = bus_subscribe(service->world->bus, subjects[i], NULL, on_message, service,
				  &service->subscriptions[i], err);
	return r;
}

int service_new(struct world *world, const struct api *api, const struct publisher *publisher,
		struct service **ret_service, struct error *err)
{
	struct service *service = calloc(1, sizeof(*service));
	time_t now = time(NULL);
	struct tm tm;
	int r;

	if (!service)
		return error_set(err, -ENOMEM, "out of memory");
	*service = (struct service){.world = world, .api = api, .publisher = publisher};
	(void)strftime(service->started, sizeof(service->started), "%Y-%m-%dT%H:%M:%SZ",
		       gmtime_r(&now, &tm));
	r = subscribe(service, err);
	if (r < 0) {
		service_free(service);
		return r;
	}
	*ret_service = service;
	return 0;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(service->subscriptions); i++)
		bus_unsubscribe(service->subscriptions[i]);
	free(service);
}
