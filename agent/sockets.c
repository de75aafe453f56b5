/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "agent/sockets.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <uthash.h>

#include "base/handoff.h"
#include "base/require.h"
#include "dataplane/netns.h"
#include "messages/subjects.h"

enum {
	PATH_ROOM = 4096,
	GIVEN_MAX = 65536, /* those that were cancelled, too, while the loop is busy elsewhere */
};

struct sockets_request {
	char net[SUBJECT_TOKEN_MAX + 1];
	enum family family;
	int fd;                /* or a negative errno */
	sockets_fn *on_socket; /* NULL: cancelled. The loop's */
	void *user;
};

/* A Network's own addresses. Only the thread sees these. */
struct place {
	char net[SUBJECT_TOKEN_MAX + 1];
	uint64_t looked_ms;
	struct sockaddr_in source4; /* family AF_UNSPEC: none */
	struct sockaddr_in6 source6;
	UT_hash_handle hh;
};

struct sockets {
	const char *netns_dir;
	struct handoff *wanted, *given;
	uv_async_t async;
	pthread_t thread;
	bool started;
	struct place *places;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void request_free(void *item)
{
	struct sockets_request *request = item;

	if (request->fd >= 0)
		(void)close(request->fd);
	free(request);
}

/* ---- the thread ---- */

static void consider(struct place *place, const struct sockaddr *address)
{
	const struct sockaddr_in *in4 = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address->sa_family == AF_INET && place->source4.sin_family == AF_UNSPEC &&
	    (ntohl(in4->sin_addr.s_addr) >> 24) != IN_LOOPBACKNET &&
	    (ntohl(in4->sin_addr.s_addr) >> 16) != 0xa9fe)
		place->source4 = *in4;
	if (address->sa_family == AF_INET6 && place->source6.sin6_family == AF_UNSPEC &&
	    !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		place->source6 = *in6;
}

/* In the namespace. */
static void look(struct place *place)
{
	struct ifaddrs *all = NULL;

	place->looked_ms = now_ms();
	place->source4 = (struct sockaddr_in){};
	place->source6 = (struct sockaddr_in6){};
	if (getifaddrs(&all) < 0)
		return; /* then the kernel chooses */
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		/* VIPs are routes and no addresses, so they are not among these. */
		if (one->ifa_addr && (one->ifa_flags & IFF_LOOPBACK))
			consider(place, one->ifa_addr);
	}
	freeifaddrs(all);
}

/* NULL without memory: then the kernel chooses. */
static const struct place *find_place(struct sockets *sockets, const char *net)
{
	struct place *place;

	HASH_FIND_STR(sockets->places, net, place);
	if (!place) {
		place = calloc(1, sizeof(*place));
		if (!place)
			return NULL;
		memcpy(place->net, net, strlen(net) + 1);
		HASH_ADD_STR(sockets->places, net, place);
		if (!place->hh.tbl) {
			free(place);
			return NULL;
		}
	}
	if (place->looked_ms == 0 || now_ms() - place->looked_ms > SOCKETS_SOURCE_MS)
		look(place);
	return place;
}

/* Without a source of our choice the kernel's is as good as any: failures do not matter. */
static void bind_source(const struct place *place, enum family family, int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (family == FAMILY_IPV4 && place->source4.sin_family == AF_INET)
		(void)bind(fd, (const struct sockaddr *)&place->source4, sizeof(place->source4));
	if (family == FAMILY_IPV6 && place->source6.sin6_family == AF_INET6)
		(void)bind(fd, (const struct sockaddr *)&place->source6, sizeof(place->source6));
}

static int open_socket(struct sockets *sockets, const struct sockets_request *request)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	auto_close int namespace = -1;
	const struct place *place;
	char path[PATH_ROOM];
	struct error err = {};
	int fd, r;

	if (snprintf(path, sizeof(path), "%s/%s", sockets->netns_dir, request->net) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	r = netns_open(path, &namespace, &err);
	if (r == 0)
		r = netns_visit(namespace, &visit, &err);
	if (r < 0)
		return r;
	fd = socket(request->family == FAMILY_IPV4 ? AF_INET : AF_INET6,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	place = find_place(sockets, request->net);
	if (place)
		bind_source(place, request->family, fd);
	return fd;
}

static void *run(void *user)
{
	struct sockets *sockets = user;
	struct sockets_request *request;

	while ((request = handoff_wait(sockets->wanted))) {
		request->fd = open_socket(sockets, request);
		/* The loop empties it at each turn, and cannot ask for so many in one. */
		require(handoff_put(sockets->given, request) == 0);
	}
	return NULL;
}

/* ---- the loop ---- */

static void wake(void *user)
{
	struct sockets *sockets = user;

	(void)uv_async_send(&sockets->async); /* fails for a closing handle only */
}

static void on_given(uv_async_t *async)
{
	struct sockets *sockets = async->data;
	struct sockets_request *request;

	while ((request = handoff_take(sockets->given))) {
		int fd = request->fd;

		if (request->on_socket) {
			request->fd = -1;
			request->on_socket(request->user, fd);
		}
		request_free(request);
	}
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void sockets_close(struct sockets *sockets)
{
	struct place *place, *next;

	if (!sockets)
		return;
	if (sockets->wanted)
		handoff_close(sockets->wanted);
	if (sockets->started)
		require(pthread_join(sockets->thread, NULL) == 0);
	handoff_free(sockets->wanted, request_free);
	handoff_free(sockets->given, request_free);
	HASH_ITER(hh, sockets->places, place, next)
	{
		HASH_DEL(sockets->places, place);
		free(place);
	}
	uv_close((uv_handle_t *)&sockets->async, on_closed);
}

static int start(struct sockets *sockets, struct error *err)
{
	int r;

	if (handoff_new(SOCKETS_MAX, NULL, NULL, &sockets->wanted) < 0 ||
	    handoff_new(GIVEN_MAX, wake, sockets, &sockets->given) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	r = pthread_create(&sockets->thread, NULL, run, sockets);
	if (r != 0)
		return error_errno(err, -r, "thread for sockets");
	(void)pthread_setname_np(sockets->thread, "ilb-sockets"); /* for ps */
	sockets->started = true;
	return 0;
}

int sockets_new(uv_loop_t *loop, const char *netns_dir, struct sockets **ret_sockets,
		struct error *err)
{
	struct sockets *sockets = calloc(1, sizeof(*sockets));
	int r;

	if (!sockets)
		return error_set(err, -ENOMEM, "out of memory");
	sockets->netns_dir = netns_dir;
	sockets->async.data = sockets;
	r = uv_async_init(loop, &sockets->async, on_given);
	if (r < 0) {
		free(sockets);
		return error_errno(err, r, "event loop");
	}
	r = start(sockets, err);
	if (r < 0) {
		sockets_close(sockets);
		return r;
	}
	*ret_sockets = sockets;
	return 0;
}

int sockets_ask(struct sockets *sockets, const char *net, enum family family, sockets_fn *on_socket,
		void *user, struct sockets_request **ret_request)
{
	struct sockets_request *request = calloc(1, sizeof(*request));
	int r;

	if (!request)
		return -ENOMEM;
	(void)snprintf(request->net, sizeof(request->net), "%s", net);
	request->family = family;
	request->fd = -1;
	request->on_socket = on_socket;
	request->user = user;
	r = handoff_put(sockets->wanted, request);
	if (r < 0) {
		free(request);
		return r;
	}
	*ret_request = request;
	return 0;
}

void sockets_cancel(struct sockets_request *request)
{
	request->on_socket = NULL;
}
