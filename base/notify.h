/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/auto.h"

/*
 * Tells the service manager how we are: sd_notify(3), without its library. Where nobody listens
 * ($NOTIFY_SOCKET is not set) nothing happens; a message that cannot be sent is lost, as there.
 */

/* Assignments, one a line: "READY=1\nSTATUS=..."; cut at 1 KiB. */
void notify_send(const char *format, ...) printf_like(1, 2);

/* How often WATCHDOG=1 is wanted at least, 0: not at all. Half of that is a good period. */
uint64_t notify_watchdog_ms(void);
