/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "messages/bus.h"

/*
 * The NATS services protocol, so that `nats micro ls | info | stats` find a daemon. Source: NATS
 * ADR-32.
 */
struct service;

#define SERVICE_ENDPOINTS_MAX 16
#define SERVICE_SUBJECT_MAX   128

struct service_endpoint {
	const char *name;
	char subject[SERVICE_SUBJECT_MAX];
	const char *queue_group; /* NULL: everybody answers */
	uint64_t n_requests, n_errors, processing_ns;
	const char *last_error;
};

/* Borrowed, all of it. */
struct service_options {
	struct bus *bus;
	const char *name, *id, *description;
	/* Return: how many were filled in. */
	size_t (*endpoints)(void *user,
			    struct service_endpoint ret_endpoints[static SERVICE_ENDPOINTS_MAX]);
	/* Writes a JSON object: how this instance is. */
	void (*data)(void *user, struct text *text);
	void *user;
};

must_check int service_new(const struct service_options *options, struct service **ret_service,
			   struct error *err);
void service_free(struct service *service); /* before bus_close(); NULL is fine */

/* The answer to "PING", "INFO" or "STATS". Return: whether it is one. For tests. */
bool service_write(const struct service_options *options, const char *started, const char *verb,
		   struct text *text);
