/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "cli/commands.h"
#include "cli/session.h"

/*
 * All pages of a list.
 * @what: a kind, "destinations loadbalancer=NAME", "events"; NULL: the nodes, of all namespaces.
 * @items: an array that they are appended to.
 * Return: EXIT_DONE, EXIT_FAILED.
 */
enum exit_status fetch_list(struct session *session, const struct arguments *arguments,
			    const char *what, json_t *items, struct error *err);
