/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

/*
 * IPv4 and IPv6 addresses and prefixes, as values. All-zero is "none".
 */

enum family {
	FAMILY_NONE = 0,
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

struct address {
	uint8_t family; /* enum family */
	uint8_t bytes
		[16]; /* network byte order; an IPv4 address uses the first four, the rest is 0 */
};

/* A prefix. Bits behind `len` may be set after cidr_parse(): cidr_has_host_bits() tells. */
struct cidr {
	struct address address;
	uint8_t len; /* 0..32 or 0..128 */
};

#define ADDRESS_TEXT_MAX 46 /* with the terminator; INET6_ADDRSTRLEN */
#define CIDR_TEXT_MAX    50

static inline size_t address_len(const struct address *address) /* bytes: 4, 16, or 0 for none */
{
	return address->family == FAMILY_IPV4 ? 4 : address->family == FAMILY_IPV6 ? 16 : 0;
}

static inline unsigned family_bits(enum family family) /* 32 or 128 */
{
	return family == FAMILY_IPV4 ? 32 : 128;
}

const char *family_name(enum family family); /* "IPv4", "IPv6", "none" */

/*
 * Reads an address in its usual text forms. No zone, no prefix length, no leading zeros in IPv4.
 * Return: 0, -EINVAL.
 */
must_check int address_parse(const char *string, struct address *ret_address);

/* Makes one from 4 or 16 bytes in network order. Return: 0, -EINVAL for every other length. */
must_check int address_from_bytes(const void *bytes, size_t len, struct address *ret_address);

/* Writes the canonical text (RFC 5952) into `text` and gives it back. */
const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_MAX]);

/* IPv4 before IPv6, then by value. Return: <0, 0, >0. */
int address_compare(const struct address *a, const struct address *b);
bool address_equal(const struct address *a, const struct address *b);

/*
 * Says why an address cannot be a host's: "unspecified", "loopback", "multicast", "broadcast",
 * "link-local", "IPv4-mapped", or NULL where it can.
 */
const char *address_why_not_host(const struct address *address);

/* Reads "10.0.0.0/8". The length is mandatory. Return: 0, -EINVAL. */
must_check int cidr_parse(const char *string, struct cidr *ret_cidr);
const char *cidr_format(const struct cidr *cidr, char text[static CIDR_TEXT_MAX]);

bool cidr_has_host_bits(const struct cidr *cidr);
void cidr_mask(struct cidr *cidr); /* clears the host bits */
bool cidr_contains(const struct cidr *cidr, const struct address *address);
bool cidr_covers(const struct cidr *outer, const struct cidr *inner); /* also when equal */
bool cidr_overlaps(const struct cidr *a, const struct cidr *b);
bool cidr_equal(const struct cidr *a, const struct cidr *b);
