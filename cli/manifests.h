/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "base/error.h"
#include "cli/arguments.h"

/* The paths of manifests in folders that were given as files. */
struct manifests {
	char **items;
	size_t n_items;
};

/*
 * In place of each folder among the files of `arguments` come its files that end in .yaml, .yml or
 * .json, by name, not those of folders in it. The arguments borrow them from `owned`.
 * Return: 0; -ENOENT: a folder without any; -E2BIG: more than ARGUMENT_FILES_MAX; -ENOMEM, or an errno.
 */
must_check int manifests_expand(struct arguments *arguments, struct manifests *owned,
				struct error *err);
void manifests_deinit(struct manifests *manifests);
