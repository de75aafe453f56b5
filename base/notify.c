/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

/* A path, or "@name" for the abstract namespace. Return: its length, 0 when it is neither. */
static socklen_t notify_address(struct sockaddr_un *ret_address)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(ret_address->sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret_address->sun_path, path, len);
	if (path[0] == '@')
		ret_address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void notify_send(const char *format, ...)
{
	struct sockaddr_un address;
	socklen_t len = notify_address(&address);
	auto_close int fd = -1;
	char lines[1024];
	va_list ap;

	if (len == 0)
		return;
	va_start(ap, format);
	(void)vsnprintf(lines, sizeof(lines), format, ap); /* cut, as said */
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) /* nobody to tell when it fails */
		(void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *)&address,
			     len);
}

uint64_t notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t value;

	if (!usec || text_parse_u64(usec, UINT64_MAX, &value) < 0)
		return 0;
	if (pid) {
		uint64_t who;

		if (text_parse_u64(pid, INT32_MAX, &who) < 0 || who != (uint64_t)getpid())
			return 0;
	}
	return value / 1000;
}
