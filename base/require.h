/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * require(x): what only a bug in this program can break. It stays in release builds: going on
 * with a broken invariant costs more than a restart, and forwarding does not need us alive.
 * Input, peers, disk and kernel are never required, they are checked.
 */

_Noreturn void require_failed(const char *file, int line, const char *what);

#define require(x) ((x) ? (void)0 : require_failed(__FILE__, __LINE__, #x))
