/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/require.h"
#include "base/text.h"

const char *family_name(enum family family)
{
	switch (family) {
	case FAMILY_NONE:
		return "none";
	case FAMILY_IPV4:
		return "IPv4";
	case FAMILY_IPV6:
		return "IPv6";
	}
	return "none";
}

int address_parse(const char *string, struct address *ret_address)
{
	struct address address = {};

	if (inet_pton(AF_INET, string, address.bytes) == 1)
		address.family = FAMILY_IPV4;
	else if (inet_pton(AF_INET6, string, address.bytes) == 1)
		address.family = FAMILY_IPV6;
	else
		return -EINVAL;
	*ret_address = address;
	return 0;
}

int address_from_bytes(const void *bytes, size_t len, struct address *ret_address)
{
	struct address address = {};

	if (len != 4 && len != 16)
		return -EINVAL;
	address.family = len == 4 ? FAMILY_IPV4 : FAMILY_IPV6;
	memcpy(address.bytes, bytes, len);
	*ret_address = address;
	return 0;
}

const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
	if (address->family == FAMILY_NONE)
		return memcpy(text, "none", sizeof("none"));
	require(inet_ntop(address->family == FAMILY_IPV4 ? AF_INET : AF_INET6, address->bytes, text,
			  ADDRESS_TEXT_MAX));
	return text;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool address_equal(const struct address *a, const struct address *b)
{
	return address_compare(a, b) == 0;
}

static bool within(const struct address *address, const char *prefix)
{
	struct cidr cidr;

	require(cidr_parse(prefix, &cidr) == 0);
	return cidr_contains(&cidr, address);
}

const char *address_why_not_host(const struct address *address)
{
	static const struct {
		const char *prefix, *why;
	} table[] = {
		{"0.0.0.0/8", "unspecified"},        {"::/128", "unspecified"},
		{"127.0.0.0/8", "loopback"},         {"::1/128", "loopback"},
		{"224.0.0.0/4", "multicast"},        {"ff00::/8", "multicast"},
		{"255.255.255.255/32", "broadcast"}, {"169.254.0.0/16", "link-local"},
		{"fe80::/10", "link-local"},         {"::ffff:0:0/96", "IPv4-mapped"},
		{"240.0.0.0/4", "reserved"},
	};

	if (address->family == FAMILY_NONE)
		return "unspecified";
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (within(address, table[i].prefix))
			return table[i].why;
	}
	return NULL;
}

int cidr_parse(const char *string, struct cidr *ret_cidr)
{
	char text[ADDRESS_TEXT_MAX];
	const char *slash = strchr(string, '/');
	struct cidr cidr = {};
	uint64_t len;

	if (!slash || (size_t)(slash - string) >= sizeof(text))
		return -EINVAL;
	memcpy(text, string, (size_t)(slash - string));
	text[slash - string] = '\0';
	if (address_parse(text, &cidr.address) < 0)
		return -EINVAL;
	if (text_parse_u64(slash + 1, family_bits(cidr.address.family), &len) < 0)
		return -EINVAL;
	cidr.len = (uint8_t)len;
	*ret_cidr = cidr;
	return 0;
}

const char *cidr_format(const struct cidr *cidr, char text[static CIDR_TEXT_MAX])
{
	char address[ADDRESS_TEXT_MAX];

	(void)snprintf(text, CIDR_TEXT_MAX, "%s/%u", address_format(&cidr->address, address),
		       cidr->len);
	return text;
}

void cidr_mask(struct cidr *cidr)
{
	size_t whole = cidr->len / 8;

	if (whole >= sizeof(cidr->address.bytes))
		return;
	cidr->address.bytes[whole] &= (uint8_t)(0xff00 >> (cidr->len % 8));
	memset(cidr->address.bytes + whole + 1, 0, sizeof(cidr->address.bytes) - whole - 1);
}

bool cidr_has_host_bits(const struct cidr *cidr)
{
	struct cidr masked = *cidr;

	cidr_mask(&masked);
	return !address_equal(&masked.address, &cidr->address);
}

bool cidr_contains(const struct cidr *cidr, const struct address *address)
{
	struct cidr a = *cidr, b = {*address, cidr->len};

	if (a.address.family != address->family)
		return false;
	cidr_mask(&a);
	cidr_mask(&b);
	return address_equal(&a.address, &b.address);
}

bool cidr_covers(const struct cidr *outer, const struct cidr *inner)
{
	return outer->len <= inner->len && cidr_contains(outer, &inner->address);
}

bool cidr_overlaps(const struct cidr *a, const struct cidr *b)
{
	return cidr_covers(a, b) || cidr_covers(b, a);
}

bool cidr_equal(const struct cidr *a, const struct cidr *b)
{
	return a->len == b->len && address_equal(&a->address, &b->address);
}
