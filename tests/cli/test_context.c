/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/context.h"
#include "tests/support/cmocka.h"

static char home[] = "/tmp/ilb-test-context.XXXXXX";

static void write_file(const char *name, const char *text)
{
	struct error err;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", home, name);
	assert_int_equal(file_replace(path, text, strlen(text), &err), 0);
}

static int set_up(void **state)
{
	char path[256];

	(void)state;
	if (!mkdtemp(home) || setenv("XDG_CONFIG_HOME", home, 1) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/nats%s", home, i ? "/context" : "");
		if (mkdir(path, 0700) < 0)
			return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", home);
	return system(command);
}

static void assert_list(const char *wanted)
{
	auto_call(text_deinit) struct text names = {};

	assert_int_equal(context_list(&names), 0);
	assert_string_equal(names.bytes ?: "", wanted);
}

static void test_life(void **state)
{
	const struct bus_options prod = {.servers = "nats://prod:4222", .creds = "/c"};
	auto_call(context_deinit) struct context context = {};
	struct bus_options options = {.creds = "/mine"};
	struct error err = {};

	(void)state;
	assert_list("");
	assert_int_equal(context_load(NULL, &context, &err), -ENODATA);
	assert_int_equal(context_add("prod", &prod, &err), 0);
	assert_int_equal(context_add("prod", &prod, &err), -EEXIST);
	assert_list("prod\n");
	assert_int_equal(context_load(NULL, &context, &err), -ENODATA);
	assert_int_equal(context_select("other", &err), -ENOENT);
	assert_int_equal(context_select("prod", &err), 0);
	assert_int_equal(context_load(NULL, &context, &err), 0);
	assert_int_equal(context_apply(&context, &options, &err), 0);
	assert_string_equal(options.servers, "nats://prod:4222");
	assert_string_equal(options.creds, "/mine"); /* what is given goes first */
	assert_null(options.nkey);
	assert_int_equal(context_remove("prod", &err), 0);
	assert_int_equal(context_remove("prod", &err), -ENOENT);
	assert_list("");
	context_deinit(&context);
	assert_int_equal(context_load(NULL, &context, &err), -ENODATA);
}

static void test_natscli(void **state)
{
	auto_call(context_deinit) struct context context = {};
	struct bus_options options = {};
	struct error err = {};

	(void)state;
	write_file("nats/context/theirs.json",
		   "{\"description\": \"d\", \"url\": \"nats://a,nats://b\", \"token\": \"\","
		   " \"nkey\": \"/k\", \"cert\": \"/cert\", \"key\": \"/key\", \"ca\": \"/ca\","
		   " \"inbox_prefix\": \"_I\", \"creds\": \"\"}");
	write_file("nats/context.txt", "theirs\n");
	assert_list("theirs\n");
	assert_int_equal(context_load(NULL, &context, &err), 0);
	assert_int_equal(context_apply(&context, &options, &err), 0);
	assert_string_equal(options.servers, "nats://a,nats://b");
	assert_string_equal(options.nkey, "/k");
	assert_string_equal(options.tlscert, "/cert");
	assert_string_equal(options.tlskey, "/key");
	assert_string_equal(options.tlsca, "/ca");
	assert_string_equal(options.inbox_prefix, "_I");
	assert_null(options.creds);
	assert_int_equal(context_remove("theirs", &err), -EPERM);
	assert_non_null(strstr(err.text, "nats context rm theirs"));
}

static void test_ours_go_first(void **state)
{
	const struct bus_options ours = {.servers = "nats://ours"};
	auto_call(context_deinit) struct context context = {};
	struct error err = {};

	(void)state;
	write_file("nats/context/both.json", "{\"url\": \"nats://theirs\"}");
	assert_int_equal(context_add("both", &ours, &err), 0);
	assert_list("both\ntheirs\n");
	assert_int_equal(context_load("both", &context, &err), 0);
	assert_string_equal(json_string_value(json_object_get(context.json, "url")), "nats://ours");
}

static void test_refuses(void **state)
{
	static const char *const names[] = {
		"",
		".",
		"../x",
		"a/b",
		"a b",
		"a\nb",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const files[] = {"", "[]", "nonsense", "{\"url\": "};
	auto_call(context_deinit) struct context context = {};
	struct bus_options options = {};
	struct error err = {};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(context_load(names[i], &context, &err), -EINVAL);
		assert_int_equal(context_add(names[i], &options, &err), -EINVAL);
		assert_int_equal(context_remove(names[i], &err), -EINVAL);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_file("nats/context/bad.json", files[i]);
		assert_int_equal(context_load("bad", &context, &err), -EBADMSG);
	}
	write_file("nats/context/bad.json", "{\"password\": \"secret\", \"url\": 7}");
	assert_int_equal(context_load("bad", &context, &err), 0);
	assert_int_equal(context_apply(&context, &options, &err), -EINVAL);
	assert_null(strstr(err.text, "secret"));
	assert_null(options.servers);
	options.nkey = "/k"; /* then no password is needed */
	assert_int_equal(context_apply(&context, &options, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_natscli),
		cmocka_unit_test(test_ours_go_first),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
