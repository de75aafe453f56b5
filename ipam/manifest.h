/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ipam/node.h"
#include "ipam/problem.h"

/*
 * Manifest bytes -> trees: YAML and JSON, several documents at a time.
 *
 * Aliases (`*name`) are refused: nobody writes a load balancer with them, and without them a
 * document can never grow into more than its bytes. Anchors alone are harmless and ignored.
 */

/* A document of the manifest, its `---` line included; borrowed from the manifest. */
struct manifest_part {
	const char *bytes;
	size_t len;
	unsigned line; /* of its first byte */
};

/*
 * Takes the next document off the front of `rest`. Parts without content (comments, directives) are
 * passed over.
 * Return: true while there is one.
 */
bool manifest_next(struct manifest_part *rest, struct manifest_part *ret_part);

/*
 * Parses one document.
 * Return: 0, -EBADMSG (`problems` has the reason), -ENOMEM.
 */
must_check int manifest_parse(const struct manifest_part *part, struct node *ret_root,
			      struct problems *problems);

/* Adds a problem for each key that a map has twice. */
void manifest_check_duplicates(const struct node *root, struct problems *problems);

/* True when the first thing in it, behind a line `---` and comments, is '{' or '['. */
bool manifest_is_json(const struct manifest_part *part);

/*
 * JSON that libyaml would misread, written differently on the same lines: "\ud83d\ude00" (two
 * halves of a character, which YAML does not know) becomes "\U0001F600", and the line separators
 * U+0085, U+2028, U+2029, which YAML folds and JSON keeps, become escapes.
 */
void manifest_from_json_text(const char *bytes, size_t len, struct text *text);
