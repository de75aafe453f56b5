/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/auto.h"

/* Random ids of objects (RFC 9562, version 4), as values. All-zero is "none". */
struct uuid {
	uint8_t bytes[16];
};

#define UUID_TEXT_MAX 37 /* with the terminator */

void uuid_random(struct uuid *ret_uuid);                              /* an edge: asks the kernel */
must_check int uuid_parse(const char *string, struct uuid *ret_uuid); /* 0, -EINVAL */
const char *uuid_format(const struct uuid *uuid, char text[static UUID_TEXT_MAX]);

static inline int uuid_compare(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}
