/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/http_answer.h"
#include "base/require.h"
#include "tests/fuzz/fuzz.h"

/* What a destination answers, read at once and byte by byte: the same. */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct http_answer whole = {}, pieces = {};
	unsigned status = 0, again = 0;
	int r = http_answer_feed(&whole, bytes, len, &status), s = 0;

	for (size_t i = 0; i < len && s == 0; i++)
		s = http_answer_feed(&pieces, bytes + i, 1, &again);
	require(r == s && status == again);
	require(r == 1 || r == 0 || r == -EBADMSG);
	require(r != 1 || (status >= 100 && status <= 599));
	return 0;
}
