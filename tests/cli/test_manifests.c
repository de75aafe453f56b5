/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/manifests.h"
#include "tests/support/cmocka.h"

static char folder[] = "/tmp/ilb-test-manifests.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s%s%s", folder, *name ? "/" : "", name);
	return path;
}

static int set_up(void **state)
{
	static const char *const names[] = {"b.yaml", "a.json",  "c.yml",
					    "README", ".d.yaml", "yaml"};
	struct error err;

	(void)state;
	if (!mkdtemp(folder) || mkdir(path_of("empty"), 0700) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (file_replace(path_of(names[i]), "", 0, &err) < 0)
			return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void test_folders_are_their_manifests(void **state)
{
	static const char *const wanted[] = {"a.json", "b.yaml", "c.yml"};
	auto_call(manifests_deinit) struct manifests owned = {};
	struct arguments arguments = {.files = {"-", folder, "/x.yaml"}, .n_files = 3};
	struct error err;

	(void)state;
	assert_int_equal(manifests_expand(&arguments, &owned, &err), 0);
	assert_int_equal(arguments.n_files, 5);
	assert_string_equal(arguments.files[0], "-");
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(arguments.files[i + 1], path_of(wanted[i]));
	assert_string_equal(arguments.files[4], "/x.yaml");
}

static void test_refuses(void **state)
{
	auto_call(manifests_deinit) struct manifests owned = {};
	char empty[256];
	struct arguments arguments = {.n_files = 1}, many = {.n_files = ARGUMENT_FILES_MAX};
	struct error err;

	(void)state;
	(void)snprintf(empty, sizeof(empty), "%s", path_of("empty"));
	arguments.files[0] = empty;
	assert_int_equal(manifests_expand(&arguments, &owned, &err), -ENOENT);
	assert_non_null(strstr(err.text, "has no file that ends in"));
	for (size_t i = 0; i < ARGUMENT_FILES_MAX; i++)
		many.files[i] = i ? "/x" : folder;
	assert_int_equal(manifests_expand(&many, &owned, &err), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders_are_their_manifests),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
