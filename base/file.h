/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "base/error.h"

/*
 * Whole files. Blocking: never on an event loop for files that can be large or on slow disks.
 */

/*
 * Reads all of `path`, "-" for standard input.
 * @max:       bytes; a longer file is refused.
 * @ret_bytes: terminated with a NUL that `ret_len` does not count; the caller frees it.
 * Return: 0, -EFBIG, -ENOMEM, or the errno of the system call.
 */
must_check int file_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len,
			 struct error *err);

/*
 * Replaces `path` so that a crash at any moment leaves the old content or the new one: writes a
 * temporary file beside it, fsyncs, renames, fsyncs the directory. Mode 0600 & ~umask.
 * Return: 0 or the errno of the system call.
 */
must_check int file_replace(const char *path, const void *bytes, size_t len, struct error *err);
