/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cli/arguments.h"
#include "tests/support/cmocka.h"

#define WORDS_MAX 10

static int parse(const char *const *words, const char *accepts, struct arguments *ret_arguments,
		 struct error *err)
{
	static char *argv[WORDS_MAX + 1];
	int argc = 0;

	for (; argc < WORDS_MAX && words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	argv[argc] = NULL;
	optind = 0; /* glibc: start anew */
	return arguments_parse(argc, argv, accepts, ret_arguments, err);
}

static void test_reads_what_the_command_takes(void **state)
{
	const char *const words[] = {"get",  "-n", "team",     "lb",         "web", "-o",
				     "json", "-w", "--server", "nats://h:1", NULL};
	struct arguments arguments;
	struct error err;

	(void)state;
	assert_int_equal(parse(words, "snlow", &arguments, &err), 0);
	assert_string_equal(arguments.name_space, "team");
	assert_int_equal(arguments.output, OUTPUT_JSON);
	assert_true(arguments.watch);
	assert_string_equal(arguments.bus.servers, "nats://h:1");
	assert_int_equal(arguments.n_words, 2);
	assert_string_equal(arguments.words[0], "lb");
	assert_string_equal(arguments.words[1], "web");
}

static void test_refuses_with_a_sentence(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *sentence;
	} rows[] = {
		{{"delete", "-w"}, "option '-w' is not one of this command's"},
		{{"delete", "--dry-run"}, "option '--dry-run' is not one of this command's"},
		{{"delete", "--nonsense"}, "option '--nonsense' is not one of this command's"},
		{{"delete", "-n"}, "option '-n' needs a value"},
		{{"delete", "-o", "xml"},
		 "--output 'xml': must be table, wide, json, yaml or name"},
		{{"delete", "--timeout", "5"},
		 "--timeout '5': must be a number with ms, s, m or h, as 30s"},
		{{"delete", "--timeout", "0s"},
		 "--timeout '0s': must be a number with ms, s, m or h, as 30s"},
		{{"delete", "--timeout", "-1s"},
		 "--timeout '-1s': must be a number with ms, s, m or h, as 30s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arguments arguments;
		struct error err = {};

		if (parse(rows[i].words, "snot", &arguments, &err) != -EINVAL ||
		    strcmp(err.text, rows[i].sentence) != 0)
			fail_msg("row %zu: '%s'", i, err.text);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} rows[] = {{"500ms", 500}, {"30s", 30000}, {"5m", 300000}, {"1h", 3600000}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *words[] = {"wait", "--timeout", rows[i].text, NULL};
		struct arguments arguments;
		struct error err;

		assert_int_equal(parse(words, "t", &arguments, &err), 0);
		assert_int_equal(arguments.timeout_ms, rows[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_the_command_takes),
		cmocka_unit_test(test_refuses_with_a_sentence),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
