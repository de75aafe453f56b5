/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/auto.h"

/*
 * Network namespaces without names: they live as long as their descriptors and the sockets in
 * them, so a test that dies leaves nothing behind.
 */

/* Exits with 77 and says why where the test may not make namespaces. Call it first. */
void netns_require_permission(void);

/* A new namespace, with loopback up. Returns its descriptor; the caller's namespace is kept. */
int netns_new(void);

/* The calling thread moves there. */
void netns_enter(int netns);

/* Runs a shell command inside; the test fails, with its output on stderr, when it fails. */
void netns_run(int netns, const char *format, ...) printf_like(2, 3);

/* The same, with `input` to its standard input. Gives its standard output; the caller frees it. */
char *netns_pipe(int netns, const char *input, const char *command);

/* Joins two by a veth pair. */
void netns_join(int a, const char *a_device, int b, const char *b_device);
