/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"

/*
 * Completion for shells, written from the tables of commands and options.
 *
 * @shell: "bash" or "zsh".
 * Return: 0, -EINVAL. The text may have failed.
 */
must_check int completion_write(const char *shell, const struct command *commands,
				size_t n_commands, struct text *text, struct error *err);
