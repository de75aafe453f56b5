/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/auto.h"

/*
 * One line per event on stderr: ids as key=value, foreign text in 'ticks'. Under systemd each line
 * carries the "<N>" prefix of sd-daemon(3), or has fields of its own (base/journal.h); else a word. Only agent/, allocator/ and cli/ log.
 */
enum log_level {
	LOG_LEVEL_ERR = 3,     /* we gave up on something */
	LOG_LEVEL_WARNING = 4, /* we go on, and the line says how */
	LOG_LEVEL_INFO = 6,    /* state changed */
	LOG_LEVEL_DEBUG = 7,
};

void log_set_level(enum log_level most_detailed); /* INFO unless set */
void log_line(enum log_level level, const char *format, ...) printf_like(2, 3);

#define log_err(...)     log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
