/* SPDX-License-Identifier: Apache-2.0 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/text.h"
#include "messages/bus_private.h"

/*
 * The server's version stands in the greeting of every connection, which libnats reads and keeps to
 * itself. So a second connection reads it, in libuv's thread pool, and closes.
 */
#define PATIENCE_S 2

struct version_probe {
	uv_work_t work;
	struct bus *bus; /* NULL once the bus closes; loop only */
	char host[256], port[8];
	char version[sizeof(((struct bus *)0)->version)];
};

/* "scheme://[user@]host:port"; an IPv6 host stands in brackets. */
static bool split_url(const char *url, struct version_probe *probe)
{
	const char *host = strstr(url, "://"), *at = strrchr(url, '@'), *colon = strrchr(url, ':');
	size_t len;

	if (!host || !colon || colon <= host)
		return false;
	host = at ? at + 1 : host + 3;
	len = (size_t)(colon - host);
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (colon < host || len >= sizeof(probe->host) || strlen(colon + 1) >= sizeof(probe->port))
		return false;
	(void)snprintf(probe->host, sizeof(probe->host), "%.*s", (int)len, host);
	(void)snprintf(probe->port, sizeof(probe->port), "%s", colon + 1);
	return true;
}

static void read_greeting(const struct addrinfo *address, struct version_probe *probe)
{
	static const char key[] = "\"version\":\"";
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	auto_close int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char greeting[1024];
	const char *found;
	ssize_t n;

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			 sizeof(patience)); /* and connect */
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		return;
	n = recv(fd, greeting, sizeof(greeting) - 1, 0);
	greeting[n > 0 ? n : 0] = '\0';
	found = strstr(greeting, key);
	if (found && text_starts(greeting, "INFO "))
		(void)sscanf(found + strlen(key), "%31[0-9A-Za-z.+-]", probe->version);
}

static void work(uv_work_t *request)
{
	struct version_probe *probe = request->data;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses = NULL;

	if (getaddrinfo(probe->host, probe->port, &hints, &addresses) != 0)
		return;
	for (const struct addrinfo *a = addresses; a && !probe->version[0]; a = a->ai_next)
		read_greeting(a, probe);
	freeaddrinfo(addresses);
}

static void after_work(uv_work_t *request, int status)
{
	struct version_probe *probe = request->data;

	if (probe->bus) {
		if (status == 0 && probe->version[0])
			memcpy(probe->bus->version, probe->version, sizeof(probe->version));
		probe->bus->probe = NULL;
	}
	free(probe);
}

void version_ask(struct bus *bus, const char *url)
{
	struct version_probe *probe;

	if (!bus->ask_version || bus->probe)
		return;
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return;
	probe->bus = bus;
	probe->work.data = probe;
	if (!split_url(url, probe) ||
	    uv_queue_work(bus->loop, &probe->work, work, after_work) != 0) {
		free(probe);
		return;
	}
	bus->probe = probe;
}

void version_forget(struct bus *bus)
{
	if (bus->probe)
		bus->probe->bus = NULL;
	bus->probe = NULL;
}

const char *bus_server_version(const struct bus *bus)
{
	return bus->version;
}
