/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ipam/catalog.h"
#include "ipam/object.h"

/* Why an entry of spec.ips, or a Prefix, has nothing yet. */
struct waiting {
	const char *reason; /* CamelCase, stable: "PrefixExhausted" */
	char message[1024];
};

/*
 * @i: entry of spec.ips; 0 for a Prefix.
 * Return: true when it waits, and then why.
 */
bool waiting_explain(const struct catalog *catalog, const struct object *object, size_t i,
		     struct waiting *ret_waiting);
