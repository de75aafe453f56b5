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
	EXIT_REFUSED = 3,   /* a manifest, by the allocator */
	EXIT_PENDING = 4,   /* not converged in time */
	EXIT_DIFFERENT = 5, /* diff found something */
};

typedef enum exit_status command_fn(const struct arguments *arguments, struct error *err);

/* A row of the table that gives dispatch, --help and completion. */
struct command {
	const char *name, *operands, *summary;
	const char *accepts; /* options, see cli/arguments.h */
	command_fn *run;
};

command_fn command_apply;
command_fn command_compile;
command_fn command_context;
command_fn command_decode;
command_fn command_delete;
command_fn command_describe;
command_fn command_diff;
command_fn command_events;
command_fn command_explain;
command_fn command_get;
command_fn command_nodes;
command_fn command_status;
command_fn command_top;
command_fn command_trace;
command_fn command_version;
command_fn command_wait;
