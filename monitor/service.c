/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"

struct service {
	struct service_options options;
	struct bus_subscription *subscriptions[9];
	size_t n_subscriptions;
	char started[32];
};

static void write_identity(const struct service_options *options, const char *type,
			   struct text *text)
{
	text_addf(text, "{\"type\":\"io.nats.micro.v1.%s_response\",\"name\":", type);
	text_add_quoted(text, options->name);
	text_add(text, ",\"id\":");
	text_add_quoted(text, options->id);
	text_add(text, ",\"version\":\"" ILB_VERSION "\",\"metadata\":{}");
}

static void write_endpoint(const struct service_endpoint *endpoint, struct text *text)
{
	text_add(text, "{\"name\":");
	text_add_quoted(text, endpoint->name);
	text_add(text, ",\"subject\":");
	text_add_quoted(text, endpoint->subject);
	text_add(text, ",\"queue_group\":");
	text_add_quoted(text, endpoint->queue_group ?: "");
}

static void write_stats(const struct service_endpoint *endpoint, struct text *text)
{
	uint64_t n = endpoint->n_requests ? endpoint->n_requests : 1;

	text_addf(text,
		  ",\"num_requests\":%" PRIu64 ",\"num_errors\":%" PRIu64
		  ",\"processing_time\":%" PRIu64 ",\"average_processing_time\":%" PRIu64
		  ",\"last_error\":",
		  endpoint->n_requests, endpoint->n_errors, endpoint->processing_ns,
		  endpoint->processing_ns / n);
	text_add_quoted(text, endpoint->last_error ?: "");
}

static void write_endpoints(const struct service_options *options, bool is_stats, struct text *text)
{
	struct service_endpoint endpoints[SERVICE_ENDPOINTS_MAX] = {};
	size_t n = options->endpoints(options->user, endpoints);

	text_add(text, ",\"endpoints\":[");
	for (size_t i = 0; i < n; i++) {
		text_add(text, i ? "," : "");
		write_endpoint(&endpoints[i], text);
		if (is_stats)
			write_stats(&endpoints[i], text);
		else
			text_add(text, ",\"metadata\":{}");
		text_add(text, "}");
	}
	text_add(text, "]");
}

bool service_write(const struct service_options *options, const char *started, const char *verb,
		   struct text *text)
{
	if (text_equal(verb, "PING")) {
		write_identity(options, "ping", text);
	} else if (text_equal(verb, "INFO")) {
		write_identity(options, "info", text);
		text_add(text, ",\"description\":");
		text_add_quoted(text, options->description);
		write_endpoints(options, false, text);
	} else if (text_equal(verb, "STATS")) {
		write_identity(options, "stats", text);
		text_addf(text, ",\"started\":\"%s\",\"data\":", started);
		options->data(options->user, text);
		write_endpoints(options, true, text);
	} else {
		return false;
	}
	text_add(text, "}");
	return true;
}

/* "$SRV.STATS", "$SRV.STATS.<name>", "$SRV.STATS.<name>.<id>" */
static void on_message(void *user, const struct bus_message *message)
{
	const struct service *service = user;
	const char *verb = message->subject + strlen("$SRV.");
	auto_call(text_deinit) struct text text = {};
	char word[16];

	if (!message->reply || strcspn(verb, ".") >= sizeof(word))
		return;
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(verb, "."), verb);
	if (!service_write(&service->options, service->started, word, &text) || text.failed)
		return;
	if (bus_publish(service->options.bus, message->reply, NULL, NULL, 0, text.bytes, text.len) <
	    0)
		return; /* who asked is no longer there, or we are not: it asks again */
}

static int subscribe_to(struct service *service, const char *verb, struct error *err)
{
	const struct service_options *options = &service->options;
	char bare[32], all[256], own[512];
	const char *const subjects[] = {bare, all, own};
	int r = 0;

	(void)snprintf(bare, sizeof(bare), "$SRV.%s", verb);
	(void)snprintf(all, sizeof(all), "$SRV.%s.%s", verb, options->name);
	(void)snprintf(own, sizeof(own), "$SRV.%s.%s.%s", verb, options->name, options->id);
	for (size_t i = 0; i < ARRAY_SIZE(subjects) && r == 0; i++)
		r = bus_subscribe(options->bus, subjects[i], NULL, on_message, service,
				  &service->subscriptions[service->n_subscriptions++], err);
	return r;
}

/* One by one: who may subscribe to "$SRV.*" may subscribe to "$SRV.>", too. */
static int subscribe(struct service *service, struct error *err)
{
	int r = subscribe_to(service, "PING", err);

	if (r == 0)
		r = subscribe_to(service, "INFO", err);
	return r < 0 ? r : subscribe_to(service, "STATS", err);
}

int service_new(const struct service_options *options, struct service **ret_service,
		struct error *err)
{
	struct service *service = calloc(1, sizeof(*service));
	time_t now = time(NULL);
	struct tm tm;
	int r;

	if (!service)
		return error_set(err, -ENOMEM, "out of memory");
	service->options = *options;
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
	for (size_t i = 0; i < service->n_subscriptions; i++)
		bus_unsubscribe(service->subscriptions[i]);
	free(service);
}
