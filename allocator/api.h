/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "allocator/world.h"
#include "base/error.h"
#include "messages/subjects.h"

/*
 * Requests of people and tools: taken from the bus, put in a queue, decided one after the other on
 * the catalog, answered when the store has confirmed what they were decided on. docs/api.md.
 *
 * An answer comes within API_PATIENCE_MS in any case, and says truthfully what was stored.
 */

#define API_PATIENCE_MS 3500
#define API_WAITING_MAX 4096         /* requests */
#define API_BYTES_MAX   (256U << 20) /* of requests that wait */

struct api;

/* @wake: called whenever a request has come that api_work() can decide. */
must_check int api_new(struct world *world, void (*wake)(void *user), void *user,
		       struct api **ret_api, struct error *err);
void api_free(struct api *api); /* after the store, before bus_close() */

/* Requests wait to be decided. */
bool api_has_work(const struct api *api);
/*
 * Decides requests for a bounded time, while the store takes changes.
 * Return: true when it could go on.
 */
bool api_work(struct api *api);
void api_tick(struct api *api); /* every 100 ms or so */

/* What an answer's code can be; the last stands for any other. */
#define API_CODES                                 \
	{                                         \
		200, 400, 404, 409, 422, 503, 500 \
	}
#define API_N_CODES 7

struct api_counters {
	uint64_t n_requests, n_errors, processing_ns;
	uint64_t n_codes[API_N_CODES];
	char last_error[256];
};
const struct api_counters *api_counters(const struct api *api, enum api_verb verb);
