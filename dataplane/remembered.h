/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "dataplane/presence.h"

/*
 * What was known of the machines of namespaces that had to be given up, for when they are opened
 * again: a machine whose link is down has no route, and who has never seen one takes it for present.
 * Pure.
 */
struct remembered;

#define REMEMBERED_MAX 1024 /* Networks; then the one that was given up first is forgotten */

/*
 * @all:      NULL: nothing yet.
 * @inode:    of the namespace: another one of the same name has other machines.
 * @presence: taken: it is empty afterwards. Without memory it is forgotten.
 */
void remembered_keep(struct remembered **all, const char *net, uint64_t inode,
		     struct presence *presence);

/* What is known of that namespace, and the caller's from now on; empty: nothing is. */
struct presence remembered_take(struct remembered **all, const char *net, uint64_t inode);

void remembered_drop(struct remembered **all, const char *net);
void remembered_clear(struct remembered **all);
