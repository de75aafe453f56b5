/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conceal.h"

#include <stdlib.h>
#include <string.h>

static const char stars[] = "***";

/* One address, which ends where `len` says; gives its new length. */
static size_t conceal_one(char *address, size_t len)
{
	const char *scheme = memmem(address, len, "://", 3);
	char *start = scheme ? address + (scheme - address) + 3 : address;
	char *at = memrchr(start, '@', len - (size_t)(start - address));
	size_t n = at ? (size_t)(at - start) : 0, n_stars = strlen(stars);

	if (n > n_stars) {
		memmove(start + n_stars, at, strlen(at) + 1);
		len -= n - n_stars;
		n = n_stars;
	}
	memcpy(start, stars, n);
	return len;
}

void conceal_passwords(char *text)
{
	size_t all = text ? strlen(text) : 0;
	char *next = text;

	if (!text)
		return;
	while (*next) {
		next += conceal_one(next, strcspn(next, ","));
		next += *next == ',';
	}
	explicit_bzero(next, all - (size_t)(next - text));
}

char **conceal_arguments(int argc, char **argv)
{
	size_t n = (size_t)argc, len = 0;
	char **copy, *end;

	for (size_t i = 0; i < n; i++)
		len += strlen(argv[i]) + 1;
	copy = malloc((n + 1) * sizeof(*copy) + len);
	if (!copy)
		return NULL;
	end = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		copy[i] = end;
		end = stpcpy(end, argv[i]) + 1;
		conceal_passwords(argv[i]);
	}
	copy[n] = NULL;
	return copy;
}
