/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ipam/manifest.h"

/*
 * What can be said of a manifest before it is parsed: where its documents begin, and how its
 * JSON must be spelled for a YAML parser.
 */

static size_t line_len(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);

	return end ? (size_t)(end - bytes) + 1 : len;
}

/* A line that begins with "---" or "...", and a blank or nothing behind it. */
static bool is_marker(const char *line, size_t len, const char *marker)
{
	return len >= 3 && memcmp(line, marker, 3) == 0 &&
	       (len == 3 || memchr(" \t\r\n", line[3], 4));
}

/* Nothing but a comment, a directive or blanks. A lone "---" has no content either. */
static bool is_empty_line(const char *line, size_t len)
{
	size_t i = is_marker(line, len, "---") ? 3 : 0;

	if (len && line[0] == '%')
		return true;
	while (i < len && memchr(" \t\r\n", line[i], 4))
		i++;
	return i == len || line[i] == '#';
}

bool manifest_is_json(const struct manifest_part *part)
{
	size_t at = 0;

	while (at < part->len) {
		const char *line = part->bytes + at;
		size_t len = line_len(line, part->len - at);
		size_t i = is_marker(line, len, "---") ? 3 : 0;

		at += len;
		if (is_empty_line(line, len))
			continue;
		while (memchr(" \t\r", line[i], 3))
			i++;
		return line[i] == '{' || line[i] == '[';
	}
	return false;
}

/* Measures the part at the front of `rest`: up to the next marker. */
static size_t measure(const struct manifest_part *rest, bool *ret_empty, unsigned *ret_n_lines)
{
	size_t at = 0;

	*ret_empty = true;
	*ret_n_lines = 0;
	while (at < rest->len) {
		const char *line = rest->bytes + at;
		size_t len = line_len(line, rest->len - at);
		bool end = is_marker(line, len, "...");

		if (at && is_marker(line, len, "---"))
			break;
		if (!end && !is_empty_line(line, len))
			*ret_empty = false;
		at += len;
		(*ret_n_lines)++;
		if (end)
			break;
	}
	return at;
}

bool manifest_next(struct manifest_part *rest, struct manifest_part *ret_part)
{
	while (rest->len) {
		struct manifest_part part = *rest;
		unsigned n_lines;
		bool empty;

		part.len = measure(rest, &empty, &n_lines);
		rest->bytes += part.len;
		rest->len -= part.len;
		rest->line += n_lines;
		if (empty)
			continue;
		*ret_part = part;
		return true;
	}
	return false;
}

/* The value of "\uXXXX" at `p`; -1 when it is none. */
static int32_t escape_value(const char *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	int32_t value = 0;

	if (len < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		const char *digit = p[i] ? strchr(digits, p[i] | 0x20) : NULL;

		if (!digit)
			return -1;
		value = value * 16 + (int32_t)(digit - digits);
	}
	return value;
}

/* Rewrites the pair of escapes at `p`. Return: bytes consumed, 0 when there is none. */
static size_t rewrite_pair(const char *p, size_t len, struct text *text)
{
	int32_t high = escape_value(p, len), low;

	if (high < 0xd800 || high > 0xdbff)
		return 0;
	low = escape_value(p + 6, len - 6);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	text_addf(text, "\\U%08X", (unsigned)(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)));
	return 12;
}

static size_t rewrite_break(const char *p, size_t len, struct text *text)
{
	static const struct {
		const char *bytes, *escape;
	} breaks[] = {
		{"\xc2\x85", "\\u0085"},
		{"\xe2\x80\xa8", "\\u2028"},
		{"\xe2\x80\xa9", "\\u2029"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		size_t n = strlen(breaks[i].bytes);

		if (len < n || memcmp(p, breaks[i].bytes, n) != 0)
			continue;
		text_add(text, breaks[i].escape);
		return n;
	}
	return 0;
}

void manifest_from_json_text(const char *bytes, size_t len, struct text *text)
{
	size_t at = 0, n;

	while (at < len) {
		n = bytes[at] == '\\' ? rewrite_pair(bytes + at, len - at, text)
				      : rewrite_break(bytes + at, len - at, text);
		if (n == 0) {
			n = bytes[at] == '\\' && at + 1 < len ? 2 : 1;
			text_add_bytes(text, bytes + at, n);
		}
		at += n;
	}
}
