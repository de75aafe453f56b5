/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "cli/commands.h"

/*
 * An allocator's answer in JSON (docs/wire.md): ok, code, reason, results, items.
 */

/*
 * Prints a line per result, problems included, and fills `err` where the answer as a whole is a
 * refusal that no result explains.
 * @suffix: behind each outcome, such as " (dry run)".
 * Return: EXIT_DONE, EXIT_REFUSED (400, 409, 422), EXIT_FAILED (any other code).
 */
enum exit_status answer_print(const json_t *answer, const char *suffix, struct error *err);

/* Appends the items of an answer. Return: EXIT_DONE, EXIT_FAILED with why. */
enum exit_status answer_take_items(const json_t *answer, json_t *items, struct error *err);

/* A member that is a string, "" where it is absent or something else. */
const char *json_text(const json_t *object, const char *member);
