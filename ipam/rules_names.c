/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "ipam/rules.h"

/*
 * The formats of names. Source: Kubernetes' apimachinery, pkg/util/validation; RFC 1123.
 */

#define LABEL_MAX     63
#define SUBDOMAIN_MAX 253

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alphanumeric(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

/* `len` bytes of lower case, digits and '-', neither end a '-'. */
static bool is_dns_part(const char *part, size_t len)
{
	if (len == 0 || !is_lower_or_digit(part[0]) || !is_lower_or_digit(part[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower_or_digit(part[i]) && part[i] != '-')
			return false;
	}
	return true;
}

const char *why_not_dns_label(const char *name)
{
	size_t len = strlen(name);

	if (len > LABEL_MAX)
		return "must be no more than 63 bytes";
	if (!is_dns_part(name, len))
		return "a lowercase RFC 1123 label must consist of lower case alphanumeric "
		       "characters or '-', and must start and end with an alphanumeric character";
	return NULL;
}

const char *why_not_dns_subdomain(const char *name)
{
	if (strlen(name) > SUBDOMAIN_MAX)
		return "must be no more than 253 bytes";
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, ".");

		if (!is_dns_part(part, len))
			return "a lowercase RFC 1123 subdomain must consist of lower case "
			       "alphanumeric characters, '-' or '.', and must start and end with "
			       "an alphanumeric character";
		part += len;
		if (!*part)
			return NULL;
	}
}

/* Letters of either case, digits, and "-_." within. */
static bool is_qualified_part(const char *part)
{
	size_t len = strlen(part);

	if (len == 0 || !is_alphanumeric(part[0]) || !is_alphanumeric(part[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alphanumeric(part[i]) && !strchr("-_.", part[i]))
			return false;
	}
	return true;
}

const char *why_not_label_key(const char *key)
{
	const char *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;
	char prefix[SUBDOMAIN_MAX + 1];

	if (slash) {
		if ((size_t)(slash - key) > SUBDOMAIN_MAX)
			return "the part before '/' must be no more than 253 bytes";
		memcpy(prefix, key, (size_t)(slash - key));
		prefix[slash - key] = '\0';
		if (why_not_dns_subdomain(prefix))
			return "the part before '/' must be a lowercase RFC 1123 subdomain";
	}
	if (strlen(name) > LABEL_MAX)
		return "name part must be no more than 63 bytes";
	if (!is_qualified_part(name))
		return "name part must consist of alphanumeric characters, '-', '_' or '.', and "
		       "must start and end with an alphanumeric character";
	return NULL;
}

const char *why_not_label_value(const char *value)
{
	if (strlen(value) > LABEL_MAX)
		return "must be no more than 63 bytes";
	if (*value && !is_qualified_part(value))
		return "a valid label must be an empty string or consist of alphanumeric "
		       "characters, '-', '_' or '.', and must start and end with an alphanumeric "
		       "character";
	return NULL;
}
