/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/scrape.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/require.h"
#include "base/text.h"
#include "monitor/exposition.h"

/* After its limit of connections it listens again only when it is run: nothing wakes it for that. */
#define RUN_MS 250

/* A request from its first header to the end of its answer. */
struct request {
	struct MHD_Connection *connection;
	bool suspended;
	bool answered; /* it was woken up to be answered */
	struct request *prev, *next;
};

struct scrape {
	uv_loop_t *loop;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned n_handles;
	scrape_collect_fn *collect;
	void *user;
	struct request *requests;      /* that are suspended */
	size_t n_owed;                 /* that were woken up, and not answered yet */
	struct MHD_Response *response; /* for them; NULL: there is no text */
	bool wanted;                   /* somebody waits, and nobody collects yet */
	bool collecting;
	bool resumed; /* since libmicrohttpd ran last */
};

int scrape_parse(const char *text, struct scrape_place *ret_place, struct error *err)
{
	struct scrape_place place = {};
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[ADDRESS_TEXT_MAX] = "";
	uint64_t port;

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (colon && memchr(text, ':', len)) {
		len = 0; /* an IPv6 address without brackets: where does it end? */
	}
	if (len > 0 && len < sizeof(host))
		memcpy(host, text, len);
	if (!colon || address_parse(host, &place.address) < 0 ||
	    text_parse_u64(colon + 1, UINT16_MAX, &port) < 0)
		return error_set(err, -EINVAL,
				 "must be an address and a port, such as 127.0.0.1:9640 or "
				 "[::1]:9640");
	place.port = (uint16_t)port;
	*ret_place = place;
	return 0;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code,
			      struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_sentence(struct MHD_Connection *connection, unsigned code,
				       const char *sentence)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(sentence), (char *)sentence, MHD_RESPMEM_PERSISTENT);

	if (response && code == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return answer(connection, code, response);
}

static void suspend(struct scrape *scrape, struct request *request)
{
	request->suspended = true;
	DL_APPEND(scrape->requests, request);
	MHD_suspend_connection(request->connection);
	scrape->wanted = !scrape->collecting;
}

/* libmicrohttpd calls it when the headers are there, for each piece of a body, and at the end. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **context)
{
	struct scrape *scrape = user;
	struct request *request = *context;

	(void)version;
	(void)body;
	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		request->connection = connection;
		*context = request;
		return MHD_YES;
	}
	if (*body_len > 0) { /* nobody wants it */
		*body_len = 0;
		return MHD_YES;
	}
	if (request->answered && scrape->response)
		return MHD_queue_response(connection, MHD_HTTP_OK, scrape->response);
	if (request->answered)
		return answer_sentence(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "not now\n");
	if (!text_equal(method, "GET") && !text_equal(method, "HEAD"))
		return answer_sentence(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				       "only GET and HEAD\n");
	if (!text_equal(url, "/metrics"))
		return answer_sentence(connection, MHD_HTTP_NOT_FOUND,
				       "there is only /metrics here\n");
	suspend(scrape, request);
	return MHD_YES;
}

static void drop_response(struct scrape *scrape)
{
	if (scrape->response)
		MHD_destroy_response(TAKE(scrape->response));
}

static void on_completed(void *user, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct scrape *scrape = user;
	struct request *request = *context;

	(void)connection;
	(void)why;
	if (!request)
		return;
	if (request->suspended)
		DL_DELETE(scrape->requests, request);
	if (request->answered && --scrape->n_owed == 0)
		drop_response(scrape); /* it may be megabytes */
	free(request);
	*context = NULL;
}

static void on_timer(uv_timer_t *timer);

/* Lets libmicrohttpd do what is due, and collects what it asks for. */
static void pump(struct scrape *scrape)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (!scrape->daemon)
		return;
	(void)MHD_run(scrape->daemon);
	if (TAKE(scrape->wanted)) {
		scrape->collecting = true;
		scrape->collect(scrape->user);
	}
	if (TAKE(scrape->resumed))
		timeout_ms = 0; /* it is not noticed by itself */
	else if (MHD_get_timeout(scrape->daemon, &timeout_ms) != MHD_YES || timeout_ms > RUN_MS)
		timeout_ms = RUN_MS;
	require(uv_timer_start(&scrape->timer, on_timer, timeout_ms ? timeout_ms : 1, 0) == 0);
}

static void on_timer(uv_timer_t *timer)
{
	pump(timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	pump(poll->data);
}

static void resume_all(struct scrape *scrape)
{
	struct request *request, *next;

	DL_FOREACH_SAFE(scrape->requests, request, next)
	{
		DL_DELETE(scrape->requests, request);
		request->suspended = false;
		request->answered = true;
		scrape->n_owed++;
		MHD_resume_connection(request->connection);
	}
}

void scrape_finish(struct scrape *scrape, char *bytes, size_t len)
{
	drop_response(scrape); /* who did not come for it yet gets the new one */
	if (bytes)
		scrape->response =
			MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
	if (scrape->response)
		(void)MHD_add_response_header(scrape->response, MHD_HTTP_HEADER_CONTENT_TYPE,
					      EXPOSITION_CONTENT_TYPE);
	else
		free(bytes);
	scrape->collecting = false;
	resume_all(scrape);
	scrape->resumed = true;
	require(uv_timer_start(&scrape->timer, on_timer, 1, 0) == 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct scrape *scrape = handle->data;

	if (--scrape->n_handles == 0)
		free(scrape);
}

void scrape_close(struct scrape *scrape)
{
	if (!scrape)
		return;
	uv_close((uv_handle_t *)&scrape->timer, on_closed);
	uv_close((uv_handle_t *)&scrape->poll, on_closed);
	resume_all(scrape); /* libmicrohttpd wants none suspended at its end */
	MHD_stop_daemon(TAKE(scrape->daemon));
	drop_response(scrape);
}

static struct MHD_Daemon *start_daemon(struct scrape *scrape, const struct scrape_place *place)
{
	bool v6 = place->address.family == FAMILY_IPV6;
	struct sockaddr_in6 name6 = {.sin6_family = AF_INET6, .sin6_port = htons(place->port)};
	struct sockaddr_in name4 = {.sin_family = AF_INET, .sin_port = htons(place->port)};
	const struct sockaddr *name = v6 ? (struct sockaddr *)&name6 : (struct sockaddr *)&name4;

	memcpy(&name6.sin6_addr, place->address.bytes, sizeof(name6.sin6_addr));
	memcpy(&name4.sin_addr, place->address.bytes, sizeof(name4.sin_addr));
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (v6 ? MHD_USE_IPv6 : MHD_NO_FLAG), 0,
		NULL, NULL, on_request, scrape, MHD_OPTION_SOCK_ADDR, name,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, scrape, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)SCRAPE_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)SCRAPE_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)SCRAPE_REQUEST_MAX, MHD_OPTION_END);
}

uint16_t scrape_port(const struct scrape *scrape)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

static void start_handles(struct scrape *scrape)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	require(info && uv_poll_init(scrape->loop, &scrape->poll, info->epoll_fd) == 0 &&
		uv_timer_init(scrape->loop, &scrape->timer) == 0);
	scrape->poll.data = scrape->timer.data = scrape;
	scrape->n_handles = 2;
	require(uv_poll_start(&scrape->poll, UV_READABLE, on_ready) == 0);
}

int scrape_new(uv_loop_t *loop, const struct scrape_place *place, scrape_collect_fn *collect,
	       void *user, struct scrape **ret_scrape, struct error *err)
{
	struct scrape *scrape = calloc(1, sizeof(*scrape));
	char address[ADDRESS_TEXT_MAX];
	int r;

	if (!scrape)
		return error_set(err, -ENOMEM, "out of memory");
	scrape->loop = loop;
	scrape->collect = collect;
	scrape->user = user;
	errno = 0;
	scrape->daemon = start_daemon(scrape, place);
	if (!scrape->daemon) {
		r = errno ? -errno : -EIO;
		free(scrape);
		return error_errno(err, r, "no metrics at '%s' port %u",
				   address_format(&place->address, address), place->port);
	}
	start_handles(scrape);
	*ret_scrape = scrape;
	return 0;
}
