/* SPDX-License-Identifier: Apache-2.0 */
#include "base/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/array.h"
#include "base/text.h"

bool journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat stat;

	if (!stream || fstat(STDERR_FILENO, &stat) < 0)
		return false;
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)stat.st_dev, (uintmax_t)stat.st_ino);
	return strcmp(stream, own) == 0;
}

/* The field that a word such as "net=default_a" becomes; NULL: none. */
static const char *field_of(const char *word, size_t *ret_key_len)
{
	static const struct {
		const char *key, *field;
	} fields[] = {
		{"net=", "NETWORK"},     {"node=", "NODE"},  {"destination=", "DESTINATION"},
		{"subject=", "SUBJECT"}, {"id=", "REPLICA"},
	};

	ARRAY_FOREACH(row, fields, ARRAY_SIZE(fields)) {
		if (text_starts(word, row->key)) {
			*ret_key_len = strlen(row->key);
			return row->field;
		}
	}
	return NULL;
}

/* Words stand at the beginning or behind a blank; a colon or comma at the end is the sentence's. */
static void add_fields(struct text *text, const char *line)
{
	const char *word = line;

	while (*word) {
		size_t len = strcspn(word, " "), key_len = 0;
		const char *field = field_of(word, &key_len);
		size_t end = len;

		while (end > key_len && strchr(":,;", word[end - 1]))
			end--;
		if (field && end > key_len)
			text_addf(text, "%s=%.*s\n", field, (int)(end - key_len), word + key_len);
		word += len;
		word += strspn(word, " ");
	}
}

int journal_send(const char *path, enum log_level level, const char *line)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_call(text_deinit) struct text text = {};
	auto_close int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	text_addf(&text, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n", (int)level,
		  program_invocation_short_name, line);
	add_fields(&text, line);
	if (text.failed)
		return -ENOMEM;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, text.bytes, text.len, MSG_NOSIGNAL | MSG_DONTWAIT,
		   (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}
