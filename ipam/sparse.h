/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "ipam/flat.h"
#include "ipam/wide.h"

/*
 * 129 ordered sets of numbers in one table: for each depth d, numbers below 2^d. What ipam/pool.c
 * keeps its free blocks in.
 *
 * Each set is a bitmap of 64-ary nodes: a bit of a node says that the node below it is not empty.
 * Only nodes that are not empty exist, and a set is only as high as its largest number asks for, so
 * that small numbers, which best-fit allocation leaves behind, cost few steps.
 */
#define SPARSE_DEPTH_MAX 128

struct sparse {
	struct flat nodes;
	uint64_t *low;  /* per depth: the members below 64, the node that is asked for most */
	unsigned n_low; /* depths that exist */
	uint8_t heights[SPARSE_DEPTH_MAX + 1]; /* levels of nodes; 0: the set is empty */
};

/* @depth_max: no depth is larger. Return: 0, -ENOMEM. */
must_check int sparse_init(struct sparse *sparse, unsigned depth_max);
void sparse_deinit(struct sparse *sparse);

/* Return: 0 (also when it is there already), -ENOMEM (nothing changed). */
must_check int sparse_add(struct sparse *sparse, unsigned depth, wide number);
void sparse_remove(struct sparse *sparse, unsigned depth, wide number);
bool sparse_has(const struct sparse *sparse, unsigned depth, wide number);

/* The lowest member that is at least `from`. Return: true when there is one. */
bool sparse_next(const struct sparse *sparse, unsigned depth, wide from, wide *ret_number);

/* Memory that it takes besides the struct. */
size_t sparse_size(const struct sparse *sparse);
