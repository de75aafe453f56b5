/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/advice.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool is_before_2_10(const char *version)
{
	size_t len = strcspn(version, ".");
	size_t len_minor = version[len] ? strcspn(version + len + 1, ".") : 0;
	char text[2][8];
	uint64_t major, minor;

	if (len >= sizeof(text[0]) || len_minor >= sizeof(text[1]))
		return false;
	(void)snprintf(text[0], sizeof(text[0]), "%.*s", (int)len, version);
	(void)snprintf(text[1], sizeof(text[1]), "%.*s", (int)len_minor,
		       version + len + (len_minor > 0));
	if (text_parse_u64(text[0], 1000, &major) < 0 || text_parse_u64(text[1], 1000, &minor) < 0)
		return false;
	return major < 2 || (major == 2 && minor < 10);
}

const char *advice_for(const char *version, unsigned copies)
{
	if (copies > 1 && is_before_2_10(version))
		return "before 2.10 the copies of a replicated stream can come apart when servers "
		       "are stopped or cut off, and addresses be given twice: use a newer "
		       "nats-server, or one copy";
	if (is_before_2_10(version))
		return "what is acknowledged is on disk within 2 minutes: 'chattr +S' its store_dir, "
		       "or use 2.10 with 'sync_interval: always'";
	return "what is acknowledged is on disk within 2 minutes, unless 'sync_interval: always' is "
	       "set";
}
