/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int text_parse_u64(const char *string, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!string || !*string || (string[0] == '0' && string[1]))
		return -EINVAL;
	for (const char *p = string; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
	}
	for (const char *p = string; *p; p++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int text_parse_i64(const char *string, int64_t min, int64_t max, int64_t *ret_value)
{
	bool negative = string && string[0] == '-';
	uint64_t magnitude;
	int64_t value;
	int r;

	r = text_parse_u64(negative ? string + 1 : string, (uint64_t)INT64_MAX, &magnitude);
	if (r < 0)
		return r;
	if (negative && magnitude == 0)
		return -EINVAL;
	value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

bool text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_starts(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

/* Levenshtein's, a row at a time. */
size_t text_distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (strlen(a) >= 64 || n >= 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			size_t best = diagonal + !same;

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

void text_deinit(struct text *text)
{
	free(text->bytes);
	*text = (struct text){};
}

static bool text_reserve(struct text *text, size_t more)
{
	size_t need, room;
	char *bytes;

	if (text->failed)
		return false;
	if (__builtin_add_overflow(text->len + 1, more, &need)) {
		text->failed = true;
		return false;
	}
	if (text->bytes && need <= text->room)
		return true;
	room = need < 64 ? 64 : need + need / 2;
	bytes = realloc(text->bytes, room);
	if (!bytes) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void text_add_bytes(struct text *text, const void *bytes, size_t len)
{
	if (!text_reserve(text, len))
		return;
	if (len)
		memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0)
		text->failed = true;
	else if (text_reserve(text, (size_t)len)) {
		(void)vsnprintf(text->bytes + text->len, (size_t)len + 1, format, again);
		text->len += (size_t)len;
	}
	va_end(again);
}

void text_add_quoted(struct text *text, const char *string)
{
	text_add(text, "\"");
	for (const char *p = string; *p; p++) {
		if (*p == '"' || *p == '\\')
			text_addf(text, "\\%c", *p);
		else if (*p == '\n')
			text_add(text, "\\n");
		else if (*p == '\t')
			text_add(text, "\\t");
		else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			text_addf(text, "\\u%04x", (unsigned char)*p);
		else
			text_add_bytes(text, p, 1);
	}
	text_add(text, "\"");
}

void text_cut(struct text *text, size_t len)
{
	if (len < text->len) {
		text->len = len;
		text->bytes[len] = '\0';
	}
}

int text_take(struct text *text, char **ret_bytes, size_t *ret_len)
{
	if (!text->bytes)
		text_add(text, "");
	if (text->failed) {
		text_deinit(text);
		return -ENOMEM;
	}
	*ret_bytes = TAKE(text->bytes);
	if (ret_len)
		*ret_len = text->len;
	*text = (struct text){};
	return 0;
}
