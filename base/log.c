/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/journal.h"

static enum log_level most_detailed_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level most_detailed)
{
	most_detailed_level = most_detailed;
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "?";
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[2048];
	va_list ap;

	if (level > most_detailed_level)
		return;
	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap); /* a line too long is cut */
	va_end(ap);
	for (char *p = line; *p; p++) { /* one event, one line, whatever foreign text holds */
		if ((unsigned char)*p < ' ')
			*p = ' ';
	}
	if (journal_is_stderr() && journal_send(JOURNAL_SOCKET, level, line) == 0)
		return;
	/* Nobody to tell when stderr fails. */
	if (getenv("JOURNAL_STREAM"))
		(void)fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		(void)fprintf(stderr, "%s: %s\n", level_word(level), line);
}
