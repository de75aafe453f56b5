/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "tests/support/cmocka.h"

static void test_sentence_and_code(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, -EINVAL, "port %d is too large", 65536), -EINVAL);
	assert_string_equal(err.text, "port 65536 is too large");
	assert_int_equal(error_errno(&err, -ENOENT, "cannot open '%s'", "x"), -ENOENT);
	assert_string_equal(err.text, "cannot open 'x': No such file or directory");
	assert_int_equal(error_errno(&err, -99999, "odd"), -99999);
	assert_string_equal(err.text, "odd: unknown error");
}

static void test_prefixes_read_from_the_outside_in(void **state)
{
	struct error err;

	(void)state;
	(void)error_set(&err, -EINVAL, "is empty");
	assert_int_equal(error_prefix(&err, -EINVAL, "name"), -EINVAL);
	assert_int_equal(error_prefix(&err, -EPERM, "document %d", 2), -EPERM);
	assert_string_equal(err.text, "document 2: name: is empty");
}

static void test_nobody_reads(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -EINVAL, "a"), -EINVAL);
	assert_int_equal(error_errno(NULL, -EINVAL, "a"), -EINVAL);
	assert_int_equal(error_prefix(NULL, -EINVAL, "a"), -EINVAL);
}

static void test_long_sentences_are_cut(void **state)
{
	char text[2 * sizeof(struct error)];
	struct error err;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)error_errno(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)error_prefix(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)error_prefix(&err, -EINVAL, "where");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strncmp(err.text, "where: xx", 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentence_and_code),
		cmocka_unit_test(test_prefixes_read_from_the_outside_in),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_long_sentences_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
