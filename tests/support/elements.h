/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "dataplane/plan.h"

/*
 * The elements of table `inet ilb`, in memory: what the kernel would hold after a plan. It reads
 * the commands that dataplane/plan.c writes and is as strict as the kernel: an element added twice
 * or deleted without being there fails the test.
 */
struct element;

struct elements {
	struct element *first; /* uthash */
	size_t n_changes;      /* additions and deletions so far */
};

/* Fails the test with the element's name. Checks that the plan has counted them. */
void elements_apply(struct elements *elements, const struct plan *plan);

/* Fails the test with the first element that one has and the other has not, or has otherwise. */
void elements_assert_equal(struct elements *a, struct elements *b);

/* The data of an element, "" when it has none, NULL when it is not there. E.g. "vip4 10.0.0.1". */
const char *elements_find(const struct elements *elements, const char *map_and_key);

size_t elements_count(const struct elements *elements);
void elements_deinit(struct elements *elements);
