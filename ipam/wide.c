/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/wide.h"

#include <string.h>

wide wide_from_address(const struct address *address)
{
	wide value = 0;

	for (size_t i = 0; i < address_len(address); i++)
		value = value << 8 | address->bytes[i];
	return value;
}

struct address wide_to_address(wide value, enum family family)
{
	struct address address = {.family = (uint8_t)family};

	for (size_t i = address_len(&address); i-- > 0; value >>= 8)
		address.bytes[i] = (uint8_t)value;
	return address;
}

const char *wide_format(wide value, char text[static WIDE_TEXT_MAX])
{
	char digits[WIDE_TEXT_MAX];
	size_t n = sizeof(digits);

	digits[--n] = '\0';
	do {
		digits[--n] = (char)('0' + (unsigned)(value % 10));
		value /= 10;
	} while (value);
	return memcpy(text, digits + n, sizeof(digits) - n);
}
