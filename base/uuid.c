/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/require.h"

void uuid_random(struct uuid *ret_uuid)
{
	/* Up to 256 bytes are never cut short once the pool is ready: getrandom(2). */
	require(getrandom(ret_uuid->bytes, sizeof(ret_uuid->bytes), 0) == 16);
	ret_uuid->bytes[6] = (ret_uuid->bytes[6] & 0x0f) | 0x40;
	ret_uuid->bytes[8] = (ret_uuid->bytes[8] & 0x3f) | 0x80;
}

static bool is_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uuid_parse(const char *string, struct uuid *ret_uuid)
{
	struct uuid uuid = {};
	size_t n_digits = 0;

	if (strlen(string) != UUID_TEXT_MAX - 1)
		return -EINVAL;
	for (size_t i = 0; string[i]; i++) {
		int digit = hex_digit(string[i]);

		if (is_dash_at(i) != (string[i] == '-') || (digit < 0 && string[i] != '-'))
			return -EINVAL;
		if (digit < 0)
			continue;
		uuid.bytes[n_digits / 2] |= (uint8_t)(n_digits % 2 ? digit : digit << 4);
		n_digits++;
	}
	*ret_uuid = uuid;
	return 0;
}

const char *uuid_format(const struct uuid *uuid, char text[static UUID_TEXT_MAX])
{
	const uint8_t *b = uuid->bytes;

	(void)snprintf(text, UUID_TEXT_MAX,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		       b[13], b[14], b[15]);
	return text;
}
