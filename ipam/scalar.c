/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/scalar.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"

static bool is_any(const char *plain, const char *const words[])
{
	for (; *words; words++) {
		if (strcmp(plain, *words) == 0)
			return true;
	}
	return false;
}

static bool is_null(const char *plain)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};

	return is_any(plain, words);
}

static bool is_boolean(const char *plain)
{
	static const char *const words[] = {
		"y", "Y",  "yes", "Yes", "YES", "true",  "True",  "TRUE",  "on",  "On",  "ON", "n",
		"N", "no", "No",  "NO",  "off", "false", "False", "FALSE", "Off", "OFF", NULL,
	};

	return is_any(plain, words);
}

/* Digits of `base` and underscores, to the end; at least one digit. */
static bool is_digits(const char *p, const char *digits)
{
	size_t n = 0;

	for (; *p; p++) {
		if (*p == '_')
			continue;
		if (!strchr(digits, *p))
			return false;
		n++;
	}
	return n > 0;
}

static bool is_integer(const char *p)
{
	if (!isdigit((unsigned char)*p))
		return false;
	if (text_starts(p, "0x") || text_starts(p, "0X"))
		return is_digits(p + 2, "0123456789abcdefABCDEF");
	if (text_starts(p, "0b") || text_starts(p, "0B"))
		return is_digits(p + 2, "01");
	if (text_starts(p, "0o") || text_starts(p, "0O"))
		return is_digits(p + 2, "01234567");
	return is_digits(p, "0123456789");
}

/* .5  1.  1.5e-3  1e3 */
static bool is_float(const char *p)
{
	size_t whole = strspn(p, "0123456789_"), fraction = 0;

	p += whole;
	if (*p == '.') {
		fraction = strspn(p + 1, "0123456789_");
		p += 1 + fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*p != 'e' && *p != 'E')
		return !*p;
	p++;
	p += *p == '-' || *p == '+';
	return *p && p[strspn(p, "0123456789")] == '\0';
}

static bool is_special_float(const char *p)
{
	static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};

	return is_any(p, words);
}

enum node_type scalar_resolve(const char *plain)
{
	const char *unsigned_part = plain + (*plain == '-' || *plain == '+');

	if (is_null(plain))
		return NODE_NULL;
	if (is_boolean(plain))
		return NODE_BOOLEAN;
	if (is_integer(unsigned_part) || is_special_float(unsigned_part) ||
	    (*unsigned_part != '_' && is_float(unsigned_part)))
		return NODE_NUMBER;
	return NODE_STRING;
}

/*
 * Safe to write without quotes: letters, digits and a little punctuation, no indicator at its
 * head, and neither of YAML's two troublemakers, ": " and " #", which need a blank.
 */
static bool is_plain(const char *string)
{
	size_t len = strlen(string);

	if (len == 0 || !(isalnum((unsigned char)string[0]) || strchr("/_.", string[0])))
		return false;
	if (string[len - 1] == ':' || scalar_resolve(string) != NODE_STRING)
		return false;
	if (isdigit((unsigned char)string[0]) && strchr(string, ':'))
		return false; /* other readers take 1:30 for a number of base 60 */
	if (strncmp(string, "---", 3) == 0 || strncmp(string, "...", 3) == 0)
		return false;
	for (const char *p = string; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("/_.-:@+%", *p))
			return false;
	}
	return true;
}

/* The line breaks of YAML 1.1 beyond ASCII, which a reader would fold: NEL, LS, PS; and a BOM. */
static const struct {
	const char *bytes, *escape;
} wide_breaks[] = {
	{"\xc2\x85", "\\u0085"},
	{"\xe2\x80\xa8", "\\u2028"},
	{"\xe2\x80\xa9", "\\u2029"},
	{"\xef\xbb\xbf", "\\ufeff"},
};

static void add_escaped_breaks(const char *quoted, struct text *text)
{
	while (*quoted) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(wide_breaks) && !found; i++) {
			if (!text_starts(quoted, wide_breaks[i].bytes))
				continue;
			text_add(text, wide_breaks[i].escape);
			quoted += strlen(wide_breaks[i].bytes);
			found = true;
		}
		if (!found)
			text_add_bytes(text, quoted++, 1);
	}
}

/* The other control characters, U+0080 to U+009F, that a YAML stream may not hold bare. */
static bool is_c1_control(const char *p)
{
	return (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] >= 0x80 &&
	       (unsigned char)p[1] < 0xa0;
}

static void add_escaped_controls(const char *string, struct text *text)
{
	for (const char *p = string; *p; p++) {
		if (is_c1_control(p))
			text_addf(text, "\\u%04x", (unsigned char)*++p);
		else
			text_add_bytes(text, p, 1);
	}
}

void scalar_write(const char *string, struct text *text)
{
	auto_call(text_deinit) struct text quoted = {}, clean = {};

	if (is_plain(string)) {
		text_add(text, string);
		return;
	}
	text_add_quoted(&quoted, string);
	if (!quoted.failed)
		add_escaped_breaks(quoted.bytes, &clean);
	if (quoted.failed || clean.failed)
		text->failed = true;
	else
		add_escaped_controls(clean.bytes, text);
}
