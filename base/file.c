/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static int read_all(int fd, const char *path, size_t max, struct text *text, struct error *err)
{
	char chunk[65536];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, -errno, "cannot read '%s'", path);
		if (n == 0)
			return 0;
		if (text->len + (size_t)n > max)
			return error_set(err, -EFBIG, "'%s' is larger than %zu bytes", path, max);
		text_add_bytes(text, chunk, (size_t)n);
	}
}

int file_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len, struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	auto_close int opened = -1;
	int fd = STDIN_FILENO, r;

	if (strcmp(path, "-") != 0) {
		fd = opened = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, -errno, "cannot open '%s'", path);
	}
	r = read_all(fd, path, max, &text, err);
	if (r < 0)
		return r;
	r = text_take(&text, ret_bytes, ret_len);
	return r < 0 ? error_errno(err, r, "cannot read '%s'", path) : 0;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	auto_close int fd = -1;

	(void)snprintf(copy, sizeof(copy), "%s", path); /* length was checked by the caller */
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_replace(const char *path, const void *bytes, size_t len, struct error *err)
{
	char temporary[PATH_MAX];
	auto_close int fd = -1;
	int r;

	r = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return error_set(err, -ENAMETOOLONG, "'%s': the path is too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, -errno, "cannot create '%s'", temporary);
	r = write_all(fd, bytes, len);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary); /* the write's own error is the one to report */
		return error_errno(err, r, "cannot write '%s'", path);
	}
	r = sync_directory_of(path);
	return r < 0 ? error_errno(err, r, "cannot sync the directory of '%s'", path) : 0;
}
