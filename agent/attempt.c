/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/attempt.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "agent/http_answer.h"
#include "base/require.h"

enum { SOCKET_PAUSE_MS = 20 };

enum attempt_stage { ATTEMPT_WAITING, ATTEMPT_SOCKET, ATTEMPT_CONNECTING, ATTEMPT_ANSWER };

struct attempt {
	struct attempts *attempts;
	const char *net;
	struct address address;
	const struct desired_check *check;
	attempt_fn *on_done;
	void *user;

	enum attempt_stage stage;
	bool late; /* its time was over when we had not looked at what was there already */
	struct sockets_request *request;
	int fd;
	struct http_answer answer;
	struct attempt_result result;
	uv_timer_t timer;
	uv_poll_t poll; /* once there is a socket */
	unsigned n_handles;
	struct attempt *prev, *next; /* in line */
};

static void run_next(struct attempts *attempts);

static void on_closed(uv_handle_t *handle)
{
	struct attempt *attempt = handle->data;

	if (--attempt->n_handles > 0)
		return;
	if (attempt->fd >= 0)
		(void)close(attempt->fd);
	free(attempt);
}

/* Lets go of all that it holds; the next in line runs. */
static void end(struct attempt *attempt)
{
	struct attempts *attempts = attempt->attempts;
	bool has_poll = attempt->n_handles > 1;

	if (attempt->stage == ATTEMPT_WAITING)
		DL_DELETE(attempts->waiting, attempt);
	else
		attempts->n_running--;
	if (attempt->request)
		sockets_cancel(TAKE(attempt->request));
	if (has_poll)
		uv_close((uv_handle_t *)&attempt->poll, on_closed);
	uv_close((uv_handle_t *)&attempt->timer, on_closed);
}

void attempt_cancel(struct attempt *attempt)
{
	struct attempts *attempts;

	if (!attempt)
		return;
	attempts = attempt->attempts;
	end(attempt);
	run_next(attempts);
}

static void note_source(struct attempt *attempt)
{
	struct sockaddr_storage own = {};
	socklen_t len = sizeof(own);
	const struct sockaddr_in *in4 = (const void *)&own;
	const struct sockaddr_in6 *in6 = (const void *)&own;
	int r = -1;

	if (attempt->fd < 0 || getsockname(attempt->fd, (struct sockaddr *)&own, &len) < 0)
		return;
	if (own.ss_family == AF_INET)
		r = address_from_bytes(&in4->sin_addr, 4, &attempt->result.source);
	else if (own.ss_family == AF_INET6)
		r = address_from_bytes(&in6->sin6_addr, 16, &attempt->result.source);
	(void)r; /* not known then */
}

static void finish(struct attempt *attempt, enum attempt_outcome outcome, const char *reason)
{
	struct attempts *attempts = attempt->attempts;
	struct attempt_result result;
	attempt_fn *on_done = attempt->on_done;
	void *user = attempt->user;

	note_source(attempt);
	attempt->result.outcome = outcome;
	(void)snprintf(attempt->result.reason, sizeof(attempt->result.reason), "%s", reason);
	result = attempt->result;
	end(attempt);
	on_done(user, &result);
	run_next(attempts);
}

static void fail(struct attempt *attempt, int error)
{
	switch (error) {
	case ECONNREFUSED:
		finish(attempt, ATTEMPT_FAILED, "ConnectionRefused");
		break;
	case ECONNRESET:
	case EPIPE:
		finish(attempt, ATTEMPT_FAILED, "ConnectionReset");
		break;
	case ETIMEDOUT:
		finish(attempt, ATTEMPT_FAILED, "Timeout");
		break;
	case EADDRNOTAVAIL:
		finish(attempt, ATTEMPT_FAILED, "NoSourceAddress");
		break;
	default:
		finish(attempt, ATTEMPT_FAILED, "Unreachable");
		break;
	}
}

static void on_event(uv_poll_t *poll, int status, int events);
static void on_timeout(uv_timer_t *timer);

static void start_clock(struct attempt *attempt)
{
	uint64_t timeout_ms = attempt->check->timeout_s * UINT64_C(1000);

	require(uv_timer_start(&attempt->timer, on_timeout, timeout_ms, 0) == 0);
}

static bool is_ready(const struct attempt *attempt)
{
	short events = attempt->stage == ATTEMPT_CONNECTING ? POLLOUT : POLLIN;
	struct pollfd waiting = {.fd = attempt->fd, .events = events};

	return poll(&waiting, 1, 0) > 0;
}

/*
 * A process that had no processor for a while comes here before it looks at sockets: who has
 * answered meanwhile is not to blame.
 */
static void on_timeout(uv_timer_t *timer)
{
	struct attempt *attempt = timer->data;

	if (attempt->stage == ATTEMPT_SOCKET) {
		finish(attempt, ATTEMPT_VOID, ""); /* nothing was asked yet */
	} else if (!attempt->late && is_ready(attempt)) {
		attempt->late = true;
		start_clock(attempt);
		on_event(&attempt->poll, 0, 0);
	} else {
		fail(attempt, ETIMEDOUT);
	}
}

static void wait_for(struct attempt *attempt, int events)
{
	require(uv_poll_start(&attempt->poll, events, on_event) == 0);
}

static void send_request(struct attempt *attempt)
{
	char host[ADDRESS_TEXT_MAX], request[DESIRED_PATH_MAX + 256];
	bool is6 = attempt->address.family == FAMILY_IPV6;
	int len;

	len = snprintf(request, sizeof(request),
		       "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: ilb-agent\r\n"
		       "Accept: */*\r\nConnection: close\r\n\r\n",
		       attempt->check->path ? attempt->check->path : "/", is6 ? "[" : "",
		       address_format(&attempt->address, host), is6 ? "]" : "",
		       attempt->check->port);
	require(len > 0 && len < (int)sizeof(request));
	/* A new connection takes this at once. */
	if (send(attempt->fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
		fail(attempt, errno);
		return;
	}
	attempt->stage = ATTEMPT_ANSWER;
	wait_for(attempt, UV_READABLE);
}

/* A connection that was only a question is reset: neither side keeps anything of it. */
static void end_connection(struct attempt *attempt)
{
	struct linger none = {.l_onoff = 1};

	(void)setsockopt(attempt->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	finish(attempt, ATTEMPT_SUCCEEDED, "Connected");
}

static void on_connected(struct attempt *attempt)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error)
		fail(attempt, error);
	else if (attempt->check->protocol == CHECK_PROTOCOL_HTTP)
		send_request(attempt);
	else
		end_connection(attempt);
}

static void on_answer(struct attempt *attempt)
{
	char bytes[512], reason[32];
	unsigned status;
	ssize_t n = recv(attempt->fd, bytes, sizeof(bytes), 0);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(attempt, n < 0 ? errno : ECONNRESET);
		return;
	}
	r = http_answer_feed(&attempt->answer, bytes, (size_t)n, &status);
	if (r == 0)
		return;
	if (r < 0) {
		finish(attempt, ATTEMPT_FAILED, "NotHTTP");
		return;
	}
	(void)snprintf(reason, sizeof(reason), "HTTPStatus %u", status);
	finish(attempt, status >= 200 && status < 400 ? ATTEMPT_SUCCEEDED : ATTEMPT_FAILED, reason);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct attempt *attempt = poll->data;

	(void)events;
	(void)status; /* an error is met again by the next system call, which names it */
	if (attempt->stage == ATTEMPT_CONNECTING)
		on_connected(attempt);
	else
		on_answer(attempt);
}

static int connect_to(struct attempt *attempt)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(attempt->check->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(attempt->check->port)};
	int r;

	memcpy(&in4.sin_addr, attempt->address.bytes, sizeof(in4.sin_addr));
	memcpy(&in6.sin6_addr, attempt->address.bytes, sizeof(in6.sin6_addr));
	if (attempt->address.family == FAMILY_IPV4)
		r = connect(attempt->fd, (const struct sockaddr *)&in4, sizeof(in4));
	else
		r = connect(attempt->fd, (const struct sockaddr *)&in6, sizeof(in6));
	return r < 0 && errno != EINPROGRESS ? -errno : 0;
}

static void on_socket(void *user, int fd)
{
	struct attempt *attempt = user;
	int r;

	attempt->request = NULL;
	attempt->fd = fd;
	if (fd < 0) {
		finish(attempt, ATTEMPT_VOID, "");
		return;
	}
	attempt->stage = ATTEMPT_CONNECTING;
	r = connect_to(attempt);
	if (r < 0) {
		fail(attempt, -r);
		return;
	}
	if (uv_poll_init(attempt->attempts->loop, &attempt->poll, fd) < 0) {
		finish(attempt, ATTEMPT_VOID, "");
		return;
	}
	attempt->poll.data = attempt;
	attempt->n_handles++;
	start_clock(attempt); /* what the socket took is no fault of the destination */
	wait_for(attempt, UV_WRITABLE);
}

static void run_one(struct attempt *attempt);

static void on_pause(uv_timer_t *timer)
{
	run_one(timer->data);
}

static void run_one(struct attempt *attempt)
{
	struct attempts *attempts = attempt->attempts;

	if (sockets_ask(attempts->sockets, attempt->net, (enum family)attempt->address.family,
			on_socket, attempt, &attempt->request) < 0)
		require(uv_timer_start(&attempt->timer, on_pause, SOCKET_PAUSE_MS, 0) == 0);
	else
		start_clock(attempt);
}

static void run_next(struct attempts *attempts)
{
	struct attempt *attempt = attempts->waiting;

	if (!attempt || attempts->closing || attempts->n_running >= ATTEMPTS_MAX)
		return;
	DL_DELETE(attempts->waiting, attempt);
	attempts->n_running++;
	attempt->stage = ATTEMPT_SOCKET;
	run_one(attempt);
}

int attempt_start(struct attempts *attempts, const char *net, const struct address *address,
		  const struct desired_check *check, attempt_fn *on_done, void *user,
		  struct attempt **ret_attempt)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (!attempt)
		return -ENOMEM;
	attempt->attempts = attempts;
	attempt->net = net;
	attempt->address = *address;
	attempt->check = check;
	attempt->on_done = on_done;
	attempt->user = user;
	attempt->fd = -1;
	require(uv_timer_init(attempts->loop, &attempt->timer) == 0);
	attempt->timer.data = attempt;
	attempt->n_handles = 1;
	DL_APPEND(attempts->waiting, attempt);
	*ret_attempt = attempt;
	run_next(attempts);
	return 0;
}
