/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/text.h"

/*
 * The metrics that every process has, by the names that Prometheus' client libraries give them:
 * process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds,
 * process_start_time_seconds. What cannot be read is left out.
 */
void process_write(struct text *text);
