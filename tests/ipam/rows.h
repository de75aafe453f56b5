/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ipam/document.h"

/*
 * Tables of rules: what a manifest must be told, and what not. A row carries the id of the
 * reference's case; where we differ on purpose, `ours` says how and why.
 */
struct row {
	const char *id, *kind, *body; /* body: YAML behind apiVersion and kind */
	enum { HAS, HAS_NOT, CLEAN } expect;
	enum problem_type type;
	const char *path; /* NULL for CLEAN */
	const char *ours;
};

/* One row, of a manifest with a single document. */
void check_row(const struct row *row);

/* A legal object from its body; fails the test when it is not. */
struct object *object_from(const char *kind, const char *body);

/* Everything that is wrong with a manifest, a line each. The caller frees it. */
char *complaints(const char *manifest);

bool problems_have(const struct problems *problems, enum problem_type type, const char *path);
