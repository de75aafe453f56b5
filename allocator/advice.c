/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/advice.h"

#include <stdbool.h>
#include <stdio.h>

static bool is_before_2_10(const char *version)
{
	int major, minor; /* NOLINTNEXTLINE(cert-err34-c): anything else is no version */

	if (sscanf(version, "%9d.%9d.", &major, &minor) != 2)
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
