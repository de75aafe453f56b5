/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

/*
 * Text: strict readers of numbers, and a buffer that text is written into.
 */

/*
 * Reads the whole of `string` as a decimal number from `min` to `max`: no sign but one '-', no
 * blanks, no leading zeros, no other base.
 * Return: 0, -EINVAL (not such a number), -ERANGE (outside min..max).
 */
must_check int text_parse_i64(const char *string, int64_t min, int64_t max, int64_t *ret_value);

/* The same for unsigned numbers. */
must_check int text_parse_u64(const char *string, uint64_t max, uint64_t *ret_value);

bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts(const char *string, const char *prefix);

/*
 * How many letters must be put in, left out or replaced to make `b` of `a`, upper case counting
 * as lower: 0 for the same. Strings of more than 63 bytes are as far from each other as can be.
 */
size_t text_distance(const char *a, const char *b);

/*
 * A growing text. `bytes` is always terminated once something was written; an embedded NUL is
 * legal. A failed allocation makes the text `failed`: everything after it is ignored, and
 * text_take() reports it, so that writers need no check per line.
 */
struct text {
	char *bytes;
	size_t len;  /* without the terminator */
	size_t room; /* allocated */
	bool failed;
};

void text_deinit(struct text *text);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t len);
void text_addf(struct text *text, const char *format, ...) printf_like(2, 3);
void text_cut(struct text *text, size_t len); /* shortens it to `len` bytes */

/* Writes `string` as JSON does, in double quotes, control characters escaped. */
void text_add_quoted(struct text *text, const char *string);

/*
 * Gives the bytes away; the text is empty afterwards. An empty text gives "".
 * Return: 0, -ENOMEM.
 */
must_check int text_take(struct text *text, char **ret_bytes, size_t *ret_len);
