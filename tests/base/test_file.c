/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/support/cmocka.h"

struct place {
	char dir[32];
	char file[64];
};

static int setup(void **state)
{
	static struct place place;

	place = (struct place){.dir = "/tmp/ilb-file.XXXXXX"};
	if (!mkdtemp(place.dir))
		return -1;
	(void)snprintf(place.file, sizeof(place.file), "%s/state", place.dir);
	*state = &place;
	return 0;
}

static int teardown(void **state)
{
	const struct place *place = *state;

	(void)unlink(place->file); /* not every test makes it */
	return rmdir(place->dir);  /* fails when something else was left behind */
}

static void test_what_is_written_is_read(void **state)
{
	const struct place *place = *state;
	static const char bytes[] = "one\0two\n";
	auto_free char *read = NULL;
	struct stat status;
	size_t len;

	assert_int_equal(file_replace(place->file, bytes, sizeof(bytes), NULL), 0);
	assert_int_equal(file_read(place->file, sizeof(bytes), &read, &len, NULL), 0);
	assert_int_equal(len, sizeof(bytes));
	assert_memory_equal(read, bytes, sizeof(bytes));
	assert_int_equal(read[len], '\0');
	assert_int_equal(stat(place->file, &status), 0);
	assert_int_equal(status.st_mode & 077, 0);
}

static void test_limit_counts_to_the_byte(void **state)
{
	const struct place *place = *state;
	auto_free char *read = NULL;
	struct error err = {};
	size_t len;

	assert_int_equal(file_replace(place->file, "12345", 5, NULL), 0);
	assert_int_equal(file_read(place->file, 4, &read, &len, &err), -EFBIG);
	assert_null(read);
	assert_non_null(strstr(err.text, "larger than 4 bytes"));
	assert_int_equal(file_read(place->file, 5, &read, &len, &err), 0);
}

static void test_empty_file(void **state)
{
	const struct place *place = *state;
	auto_free char *read = NULL;
	size_t len = 1;

	assert_int_equal(file_replace(place->file, "", 0, NULL), 0);
	assert_int_equal(file_read(place->file, 0, &read, &len, NULL), 0);
	assert_int_equal(len, 0);
	assert_string_equal(read, "");
}

static void test_failures_name_the_file(void **state)
{
	const struct place *place = *state;
	char *read = NULL;
	struct error err = {};
	char missing[96];

	assert_int_equal(file_read(place->file, 9, &read, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, place->file));
	(void)snprintf(missing, sizeof(missing), "%s/none/state", place->dir);
	assert_int_equal(file_replace(missing, "x", 1, &err), -ENOENT);
	assert_non_null(strstr(err.text, missing));
}

static void test_failed_replacement_leaves_the_old_and_nothing_else(void **state)
{
	const struct place *place = *state;
	struct error err = {};

	/* A directory cannot be replaced by a file: rename fails after all has been written. */
	assert_int_equal(mkdir(place->file, 0700), 0);
	assert_int_equal(file_replace(place->file, "x", 1, &err), -EISDIR);
	assert_int_equal(rmdir(place->file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit_counts_to_the_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures_name_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_failed_replacement_leaves_the_old_and_nothing_else, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
