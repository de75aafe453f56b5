/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/log.h"

/*
 * Lines of the log with fields of their own in systemd's journal, so that `journalctl NETWORK=...`
 * finds them. Source: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Whether our stderr is the journal, which says so in $JOURNAL_STREAM (systemd.exec(5)). */
bool journal_is_stderr(void);

/*
 * Sends a line: MESSAGE, PRIORITY, and a field for each of these words in it: net= NETWORK, node=
 * NODE, destination= DESTINATION, subject= SUBJECT, id= REPLICA.
 * @path: of the journal's socket.
 * @line: without line breaks.
 * Return: 0, or an errno: then nothing was sent. Never blocks.
 */
must_check int journal_send(const char *path, enum log_level level, const char *line);
