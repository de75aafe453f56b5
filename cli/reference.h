/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "ipam/object.h"

/* Objects named on a command line: "lb web-1 web-2", or "lb/web-1 prefix/p". */
struct reference {
	enum kind kind;
	char name[254];
	char path[300]; /* "loadbalancer/web-1", as requests want it */
};

struct references {
	struct reference *items;
	size_t n_items;
	enum kind kind; /* of a lone "KIND" without names, when n_items is 0 */
};

void references_deinit(struct references *references);

/* Return: 0 (also without words), -EINVAL, -ENOMEM. */
must_check int references_parse(const char *const *words, size_t n_words,
				struct references *ret_references, struct error *err);
