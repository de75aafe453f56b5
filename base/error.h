/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>

#include "base/auto.h"

/*
 * The sentence that goes with a negative errno. The number decides, the sentence explains.
 * The lowest level that knows writes it, each level above may prefix where it happened.
 */
struct error {
	char text[512]; /* always terminated; longer sentences are cut */
};

/*
 * Writes the sentence and gives `code` back, so that it can be returned in the same breath:
 *	return error_set(err, -EINVAL, "port %d: must be between 1 and 65535", port);
 * `err` may be NULL where nobody will read it.
 */
int error_set(struct error *err, int code, const char *format, ...) printf_like(3, 4);

/* As error_set(), and ends the sentence with ": " and the text of errno `-code`. */
int error_errno(struct error *err, int code, const char *format, ...) printf_like(3, 4);

/* Puts "prefix: " in front of the sentence. Return: `code`. */
int error_prefix(struct error *err, int code, const char *format, ...) printf_like(3, 4);
