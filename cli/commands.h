/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "cli/arguments.h"

/*
 * The commands: a file each. Answers go to stdout; what went wrong is one sentence in `err`, or was
 * printed per object already (then the sentence is empty).
 * Return: the exit status below.
 */

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3, /* a manifest, by the allocator */
	EXIT_PENDING = 4, /* not converged in time */
};

typedef enum exit_status command_fn(const struct arguments *arguments, struct error *err);

command_fn command_apply;
command_fn command_delete;
command_fn command_explain;
command_fn command_get;
command_fn command_nodes;
command_fn command_status;
command_fn command_trace;
command_fn command_version;
command_fn command_wait;
