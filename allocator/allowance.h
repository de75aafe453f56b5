/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* So much at once, and so much a second after that. Pure: time is handed in. */
struct allowance {
	uint32_t burst, per_s;   /* both > 0 */
	uint64_t spent_until_us; /* of the burst; 0 in the beginning */
};

static inline bool allowance_take(struct allowance *allowance, uint64_t now_ms)
{
	uint64_t now_us = now_ms * 1000, each_us = 1000000 / allowance->per_s;

	if (allowance->spent_until_us < now_us)
		allowance->spent_until_us = now_us;
	if (allowance->spent_until_us + each_us > now_us + allowance->burst * each_us)
		return false;
	allowance->spent_until_us += each_us;
	return true;
}
