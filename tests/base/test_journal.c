/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/array.h"
#include "base/journal.h"
#include "tests/support/cmocka.h"

/* A journal that is ours. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_fields(void **state)
{
	static const struct {
		const char *line, *fields;
	} cases[] = {
		{"nothing to find", ""},
		{"net=default_a: its namespace is gone", "NETWORK=default_a\n"},
		{"net=default_a destination=10.0.0.1 port=80: healthy",
		 "NETWORK=default_a\nDESTINATION=10.0.0.1\n"},
		{"version=1 id=ab12cd34", "REPLICA=ab12cd34\n"},
		{"subnet=x inode=y net= node=:,", ""},
		{"node=fd00::1, silent", "NODE=fd00::1\n"},
	};
	char directory[] = "/tmp/ilb-journal.XXXXXX", path[64], text[1024], wanted[1024];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/socket", directory);
	fd = listen_at(path);
	ARRAY_FOREACH(row, cases, ARRAY_SIZE(cases)) {
		ssize_t n;

		assert_int_equal(journal_send(path, LOG_LEVEL_WARNING, row->line), 0);
		n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
		assert_true(n > 0);
		text[n] = '\0';
		(void)snprintf(wanted, sizeof(wanted),
			       "PRIORITY=4\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n%s",
			       program_invocation_short_name, row->line, row->fields);
		assert_string_equal(text, wanted);
	}
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(directory);
}

static void test_nobody_there(void **state)
{
	(void)state;
	assert_int_equal(journal_send("/nowhere/socket", LOG_LEVEL_INFO, "x"), -ENOENT);
}

static void test_is_stderr(void **state)
{
	char own[64];
	struct stat stat;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_false(journal_is_stderr());
	setenv("JOURNAL_STREAM", "1:2", 1);
	assert_false(journal_is_stderr());
	assert_int_equal(fstat(STDERR_FILENO, &stat), 0);
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)stat.st_dev, (uintmax_t)stat.st_ino);
	setenv("JOURNAL_STREAM", own, 1);
	assert_true(journal_is_stderr());
	unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_is_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
