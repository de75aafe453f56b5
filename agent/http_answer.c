/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http_answer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Source: RFC 9112, 4: "HTTP/" DIGIT "." DIGIT SP 3DIGIT, then SP; some servers leave that out. */
static bool fits(size_t place, char c)
{
	static const char pattern[] = "HTTP/1.# ### ";

	if (place == sizeof(pattern) - 2)
		return c == ' ' || c == '\r' || c == '\n';
	return pattern[place] == '#' ? is_digit(c) : pattern[place] == c;
}

int http_answer_feed(struct http_answer *answer, const void *bytes, size_t len,
		     unsigned *ret_status)
{
	const char *from = bytes;

	for (size_t i = 0; i < len && answer->len < sizeof(answer->line); i++) {
		if (!fits(answer->len, from[i]))
			return -EBADMSG;
		answer->line[answer->len++] = from[i];
	}
	if (answer->len < sizeof(answer->line))
		return 0;
	*ret_status = (unsigned)(answer->line[9] - '0') * 100 +
		      (unsigned)(answer->line[10] - '0') * 10 + (unsigned)(answer->line[11] - '0');
	return *ret_status >= 100 && *ret_status <= 599 ? 1 : -EBADMSG;
}
