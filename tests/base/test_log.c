/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/require.h"
#include "tests/support/cmocka.h"

static int saved_stderr;
static FILE *captured;

static int capture(void **state)
{
	(void)state;
	captured = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	require(captured && saved_stderr >= 0);
	return dup2(fileno(captured), STDERR_FILENO) < 0 ? -1 : 0;
}

static int release(void **state)
{
	(void)state;
	(void)dup2(saved_stderr, STDERR_FILENO); /* cannot fail: both are open */
	(void)close(saved_stderr);
	return fclose(captured);
}

/* What was written to stderr since the last call. */
static const char *lines(void)
{
	static char text[8192];
	size_t n;

	rewind(captured);
	n = fread(text, 1, sizeof(text) - 1, captured);
	text[n] = '\0';
	require(ftruncate(fileno(captured), 0) == 0);
	rewind(captured);
	return text;
}

static void test_one_event_is_one_line(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_warning("network=%s: '%s'", "blue", "two\nlines\x1b[31m");
	assert_string_equal(lines(), "warning: network=blue: 'two lines [31m'\n");
}

static void test_levels(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_debug("a");
	assert_string_equal(lines(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("b");
	assert_string_equal(lines(), "debug: b\n");
	log_set_level(LOG_LEVEL_ERR);
	log_info("c");
	log_err("d");
	assert_string_equal(lines(), "error: d\n");
	log_set_level(LOG_LEVEL_INFO);
}

static void test_the_journal_gets_priorities(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_info("a");
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(lines(), "<6>a\n");
}

static void test_long_lines_are_cut(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);

	const char *line = lines();

	assert_true(strlen(line) < sizeof(text));
	assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_event_is_one_line, capture, release),
		cmocka_unit_test_setup_teardown(test_levels, capture, release),
		cmocka_unit_test_setup_teardown(test_the_journal_gets_priorities, capture, release),
		cmocka_unit_test_setup_teardown(test_long_lines_are_cut, capture, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
