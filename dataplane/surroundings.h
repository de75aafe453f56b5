/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/conditions.h"
#include "dataplane/flowtable.h"
#include "dataplane/link.h"
#include "dataplane/table.h"

/*
 * What a namespace is like apart from our table: its devices, which the flowtable follows, its
 * settings, its connection tracking. What is wrong there becomes a condition.
 */
struct surroundings {
	struct link *link;
	struct flowtable flowtable;
	struct condition_facts facts;
	struct error flowtable_failure;
	uint64_t look_ms; /* when to look again at what nobody notifies us of */
};

/* In the namespace that the thread is in. Return: 0, or an errno. */
must_check int surroundings_init(struct surroundings *surroundings, struct error *err);
void surroundings_deinit(struct surroundings *surroundings);

/* Links changed, or the table is bare: makes the flowtable's devices those that there are. */
void surroundings_look_at_links(struct surroundings *surroundings, struct table *table);

/* Looks at settings and connection tracking. */
void surroundings_look(struct surroundings *surroundings, uint64_t now_ms);
