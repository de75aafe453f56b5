/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/http_answer.h"
#include "base/array.h"
#include "tests/support/cmocka.h"

static const struct {
	const char *bytes;
	int result;
	unsigned status;
} rows[] = {
	{"HTTP/1.1 200 OK\r\n\r\n", 1, 200},
	{"HTTP/1.0 204\r\n", 1, 204},
	{"HTTP/1.1 599\n", 1, 599},
	{"HTTP/1.1 100 Continue\r\n", 1, 100},
	{"HTTP/2.0 301 ", -EBADMSG, 0},
	{"", 0, 0},
	{"HTTP/1.1 20", 0, 0},
	{"HTTP/1.1 200", 0, 0}, /* a digit may follow */
	{"HTTP/1.1 2000 ", -EBADMSG, 0},
	{"HTTP/1.1 099 ", -EBADMSG, 0},
	{"HTTP/1.1 600 ", -EBADMSG, 0},
	{"HTTP/1.1  200 ", -EBADMSG, 0},
	{"HTTP/11 200 OK", -EBADMSG, 0},
	{"http/1.1 200 OK", -EBADMSG, 0},
	{"SSH-2.0-OpenSSH", -EBADMSG, 0},
	{"\r\n", -EBADMSG, 0},
};

/* In pieces of `step` bytes. */
static void read_one(size_t row, size_t step)
{
	struct http_answer answer = {};
	size_t len = strlen(rows[row].bytes);
	unsigned status = 0;
	int r = 0;

	for (size_t at = 0; at < len && r == 0; at += step)
		r = http_answer_feed(&answer, rows[row].bytes + at,
				     len - at < step ? len - at : step, &status);
	if (r != rows[row].result || (r == 1 && status != rows[row].status))
		fail_msg("'%s' by %zu: %d, status %u", rows[row].bytes, step, r, status);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		read_one(row, 1);
		read_one(row, 5);
		read_one(row, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
