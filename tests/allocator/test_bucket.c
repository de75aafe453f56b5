/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "allocator/bucket.h"
#include "base/array.h"
#include "tests/support/cmocka.h"

static void test_acks(void **state)
{
	static const struct {
		const char *answer;
		int r;
		uint64_t sequence;
		unsigned code;
	} rows[] = {
		{"{\"stream\":\"KV_ilb\", \"seq\":17}", 0, 17, 0},
		{"{\"stream\":\"KV_ilb\", \"seq\":17, \"duplicate\":true}", 0, 17, 0},
		{"{\"error\":{\"code\":400,\"err_code\":10071,\"description\":\"wrong last "
		 "sequence: 5\"},\"stream\":\"KV_ilb\",\"seq\":0}",
		 0, 0, BUCKET_WRONG_LAST_SEQUENCE},
		{"{\"error\":{}}", 0, 0, 0},
		{"{\"stream\":\"KV_ilb\"}", -EBADMSG, 0, 0},
		{"{\"seq\":-1}", -EBADMSG, 0, 0},
		{"{\"seq\":\"17\"}", -EBADMSG, 0, 0},
		{"", -EBADMSG, 0, 0},
		{"+OK", -EBADMSG, 0, 0},
		{"[]", -EBADMSG, 0, 0},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct bucket_ack ack = {};
		int r = bucket_ack_parse(row->answer, strlen(row->answer), &ack);

		if (r != row->r || ack.sequence != row->sequence || ack.code != row->code)
			fail_msg("'%s': %d, sequence %lu, code %u", row->answer, r,
				 (unsigned long)ack.sequence, ack.code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_acks)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
