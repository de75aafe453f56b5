/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/array.h"
#include "base/uuid.h"
#include "tests/support/cmocka.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{"00000000-0000-0000-0000-000000000000", 0},
		{"0123abcd-4567-489a-8bcd-ef0123456789", 0},
		{"", -EINVAL},
		{"0123abcd-4567-489a-8bcd-ef012345678", -EINVAL},
		{"0123abcd-4567-489a-8bcd-ef01234567890", -EINVAL},
		{"0123ABCD-4567-489a-8bcd-ef0123456789", -EINVAL},
		{"0123abcd-4567-489a-8bcd-ef012345678g", -EINVAL},
		{"0123abcd4-567-489a-8bcd-ef0123456789", -EINVAL},
		{"0123abcd04567-489a-8bcd-ef0123456789", -EINVAL},
		{"------------------------------------", -EINVAL},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct uuid uuid = {.bytes = {47}};
		char text[UUID_TEXT_MAX];

		if (uuid_parse(row->text, &uuid) != row->r)
			fail_msg("'%s'", row->text);
		if (row->r == 0)
			assert_string_equal(uuid_format(&uuid, text), row->text);
		else
			assert_int_equal(uuid.bytes[0], 47);
	}
}

static void test_random_ids_are_distinct_and_marked(void **state)
{
	struct uuid a, b, again;
	char text[UUID_TEXT_MAX];

	(void)state;
	uuid_random(&a);
	uuid_random(&b);
	assert_int_not_equal(uuid_compare(&a, &b), 0);
	(void)uuid_format(&a, text);
	assert_int_equal(text[14], '4');
	assert_non_null(strchr("89ab", text[19]));
	assert_int_equal(uuid_parse(text, &again), 0);
	assert_int_equal(uuid_compare(&a, &again), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_random_ids_are_distinct_and_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
