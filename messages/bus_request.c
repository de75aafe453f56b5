/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "base/uuid.h"
#include "messages/bus_private.h"

/*
 * All answers come through one subscription, "<inbox>.*"; the last token of a reply subject says
 * whose: the request's slot, and a number that is its own so that a late answer finds nobody.
 */

struct bus_request {
	uv_timer_t timer; /* first: the request is freed when it is closed */
	struct bus *bus;
	size_t slot;
	uint32_t number;
	uint64_t timeout_ms;
	int outcome; /* of the last call, when the timer runs out */
	bool ended;
	bus_reply_fn *on_reply;
	void *user;
};

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void end(struct bus_request *request)
{
	request->ended = true;
	request->bus->requests[request->slot] = NULL;
	uv_close((uv_handle_t *)&request->timer, on_timer_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct bus_request *request = timer->data;

	end(request);
	(void)request->on_reply(request->user, request->outcome, NULL); /* was the last call */
}

/* Later, from the loop: nobody expects to be called from inside of what failed. */
static void fail_soon(struct bus_request *request, int outcome)
{
	request->outcome = outcome;
	(void)uv_timer_start(&request->timer, on_timer, 0, 0); /* fails only while closing */
}

static struct bus_request *find_request(struct bus *bus, const char *subject)
{
	const char *token = strrchr(subject, '.');
	char slot_text[24];
	const char *dash = token ? strchr(token, '-') : NULL;
	uint64_t slot, number;

	if (!dash || (size_t)(dash - token) > sizeof(slot_text))
		return NULL;
	(void)snprintf(slot_text, sizeof(slot_text), "%.*s", (int)(dash - token - 1), token + 1);
	if (text_parse_u64(slot_text, UINT32_MAX, &slot) < 0 ||
	    text_parse_u64(dash + 1, UINT32_MAX, &number) < 0 || slot >= bus->n_requests ||
	    !bus->requests[slot] || bus->requests[slot]->number != number)
		return NULL;
	return bus->requests[slot];
}

static void on_answer(void *user, const struct bus_message *message)
{
	struct bus_request *request = find_request(user, message->subject);

	if (!request) /* late, or cancelled */
		return;
	if (natsMsg_IsNoResponders(message->native)) {
		end(request);
		(void)request->on_reply(request->user, -ENOENT, NULL);
		return;
	}
	if (request->on_reply(request->user, 0, message)) {
		if (!request->ended && request->outcome == -ETIMEDOUT)
			(void)uv_timer_start(&request->timer, on_timer, request->timeout_ms, 0);
	} else if (!request->ended) {
		end(request);
	}
}

static int find_slot(struct bus *bus, size_t *ret_slot)
{
	for (size_t i = 0; i < bus->n_requests; i++) {
		size_t slot = (bus->n_asked + i) % bus->n_requests;

		if (!bus->requests[slot]) {
			*ret_slot = slot;
			return 0;
		}
	}
	if (array_grow(&bus->requests, bus->n_requests, sizeof(void *)) < 0)
		return -ENOMEM;
	*ret_slot = bus->n_requests++; /* the caller fills it */
	return 0;
}

const char *bus_new_inbox(struct bus *bus, char subject[static SUBJECT_MAX])
{
	(void)snprintf(subject, SUBJECT_MAX, "%s-%u", bus->inbox, ++bus->n_asked);
	return subject;
}

static int subscribe_answers(struct bus *bus)
{
	char subject[SUBJECT_MAX];

	if (bus->answers)
		return 0;
	(void)snprintf(subject, sizeof(subject), "%s.*", bus->inbox);
	return bus_subscribe(bus, subject, NULL, on_answer, bus, &bus->answers, NULL);
}

int bus_ask(struct bus *bus, const char *subject, const struct bus_header *headers,
	    size_t n_headers, const void *data, size_t len, uint64_t timeout_ms,
	    bus_reply_fn *on_reply, void *user, struct bus_request **ret_request)
{
	struct bus_request *request;
	char reply[SUBJECT_MAX];
	size_t slot = 0;
	int r = subscribe_answers(bus);

	if (r == 0)
		r = find_slot(bus, &slot);
	if (r < 0)
		return r;
	request = calloc(1, sizeof(*request));
	bus->requests[slot] = request;
	if (!request)
		return -ENOMEM;
	*request = (struct bus_request){.bus = bus,
					.slot = slot,
					.number = ++bus->n_asked,
					.timeout_ms = timeout_ms,
					.outcome = -ETIMEDOUT,
					.on_reply = on_reply,
					.user = user};
	(void)uv_timer_init(bus->loop, &request->timer); /* cannot fail */
	request->timer.data = request;
	(void)snprintf(reply, sizeof(reply), "%s.%zu-%u", bus->inbox, slot, request->number);
	r = bus_publish(bus, subject, reply, headers, n_headers, data, len);
	if (r < 0)
		fail_soon(request, r);
	else
		(void)uv_timer_start(&request->timer, on_timer, timeout_ms, 0);
	if (ret_request)
		*ret_request = request;
	return 0;
}

void bus_cancel(struct bus_request *request)
{
	end(request);
}

void requests_lost(struct bus *bus)
{
	for (size_t i = 0; i < bus->n_requests; i++) {
		if (bus->requests[i])
			fail_soon(bus->requests[i], -ENOTCONN);
	}
}

void requests_free(struct bus *bus)
{
	for (size_t i = 0; i < bus->n_requests; i++) {
		if (bus->requests[i])
			end(bus->requests[i]);
	}
	free(bus->requests);
	bus->requests = NULL;
	bus->n_requests = 0;
}
