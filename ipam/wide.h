/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/address.h"

/* Addresses as numbers of 128 bits, for arithmetic. IPv4's are 0..2^32-1. */
__extension__ typedef unsigned __int128 wide;

#define WIDE_TEXT_MAX 48

wide wide_from_address(const struct address *address);
struct address wide_to_address(wide value, enum family family);

/* 2^exponent; 0 for 128, which is what wraps. */
static inline wide wide_power(unsigned exponent)
{
	return exponent < 128 ? (wide)1 << exponent : 0;
}

/* value << n and value >> n, also for n = 128. */
static inline wide wide_left(wide value, unsigned n)
{
	return n < 128 ? value << n : 0;
}

static inline wide wide_right(wide value, unsigned n)
{
	return n < 128 ? value >> n : 0;
}

/* Decimal. Gives `text` back. */
const char *wide_format(wide value, char text[static WIDE_TEXT_MAX]);
