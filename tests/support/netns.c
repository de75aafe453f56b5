/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/support/cmocka.h"

static int current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void netns_require_permission(void)
{
	int home = current();

	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: needs the right to make network namespaces: %s\n",
		       strerror(errno));
		exit(77);
	}
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(home);
}

void netns_enter(int netns)
{
	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
}

int netns_new(void)
{
	int home = current(), made;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	made = current();
	netns_enter(home);
	(void)close(home);
	netns_run(made, "ip link set lo up");
	return made;
}

static int run(int netns, const char *command)
{
	int home = current(), status;

	netns_enter(netns);
	status = system(command);
	netns_enter(home);
	(void)close(home);
	return status;
}

void netns_run(int netns, const char *format, ...)
{
	auto_free char *command = NULL;
	va_list args;

	va_start(args, format);
	assert_true(vasprintf(&command, format, args) > 0);
	va_end(args);
	if (run(netns, command) != 0)
		fail_msg("failed: %s", command);
}

/* Through temporary files: input and output may both be larger than a pipe. */
char *netns_pipe(int netns, const char *input, const char *command)
{
	auto_free char *line = NULL;
	auto_call(text_deinit) struct text text = {};
	FILE *in = tmpfile(), *out = tmpfile();
	char buffer[4096], *bytes = NULL;
	size_t n, len;

	assert_true(in && out);
	assert_int_equal(fwrite(input, 1, strlen(input), in), strlen(input));
	assert_int_equal(fflush(in), 0);
	rewind(in);
	assert_true(asprintf(&line, "%s </proc/%d/fd/%d >/proc/%d/fd/%d", command, (int)getpid(),
			     fileno(in), (int)getpid(), fileno(out)) > 0);
	if (run(netns, line) != 0)
		fail_msg("failed: %s, with input\n%s", command, input);
	rewind(out);
	while ((n = fread(buffer, 1, sizeof(buffer), out)) > 0)
		text_add_bytes(&text, buffer, n);
	(void)fclose(in);
	(void)fclose(out);
	assert_int_equal(text_take(&text, &bytes, &len), 0);
	return bytes;
}

void netns_join(int a, const char *a_device, int b, const char *b_device)
{
	netns_run(a, "ip link add %s type veth peer name %s netns /proc/%d/fd/%d", a_device,
		  b_device, (int)getpid(), b);
	netns_run(a, "ip link set %s up", a_device);
	netns_run(b, "ip link set %s up", b_device);
}
