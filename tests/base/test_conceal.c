/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "base/conceal.h"
#include "tests/support/cmocka.h"

static const struct {
	const char *before, *after;
} cases[] = {
	{"", ""},
	{"nats://host:4222", "nats://host:4222"},
	{"nats://user:password@host:4222", "nats://***@host:4222"},
	{"user:password@host", "***@host"},
	{"nats://token@host", "nats://***@host"},
	{"nats://a@host", "nats://*@host"},
	{"nats://@host", "nats://@host"},
	{"nats://user:p@ss@host", "nats://***@host"},
	{"nats://u:secret@[::1]:4222,tls://host,nats://v:other@b",
	 "nats://***@[::1]:4222,tls://host,nats://***@b"},
	{",,a:secret@b,", ",,***@b,"},
	{"--server=nats://user:password@host", "--server=nats://***@host"},
	{"@", "@"},
};

static void test_passwords(void **state)
{
	(void)state;
	conceal_passwords(NULL);
	ARRAY_FOREACH(row, cases, ARRAY_SIZE(cases)) {
		char text[128] = "";
		size_t len = strlen(row->before);

		memcpy(text, row->before, len);
		conceal_passwords(text);
		assert_string_equal(text, row->after);
		for (size_t i = strlen(text); i <= len; i++)
			assert_int_equal(text[i], '\0'); /* nothing of it is left behind the end */
	}
}

static void test_arguments(void **state)
{
	char server[] = "nats://user:password@host", *argv[] = {(char[]){"ilb"}, server, NULL};
	auto_free char **copy = conceal_arguments(2, argv);

	(void)state;
	assert_non_null(copy);
	assert_string_equal(copy[0], "ilb");
	assert_string_equal(copy[1], "nats://user:password@host");
	assert_null(copy[2]);
	assert_string_equal(argv[1], "nats://***@host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
