/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "allocator/advice.h"
#include "tests/support/cmocka.h"

static void test_what_is_said_of_servers(void **state)
{
	static const struct {
		const char *version;
		unsigned copies;
		const char *words;
	} rows[] = {
		{"2.9.10", 1, "chattr +S"},
		{"2.9.10", 3, "come apart"},
		{"1.4.0", 3, "come apart"},
		{"2.10.0", 3, "unless 'sync_interval: always' is set"},
		{"2.10.27-RC.1", 1, "unless"},
		{"3.0.0", 3, "unless"},
		{"", 3, "unless"},
		{"dev", 1, "unless"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!strstr(advice_for(rows[i].version, rows[i].copies), rows[i].words))
			fail_msg("'%s', %u copies", rows[i].version, rows[i].copies);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_said_of_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
