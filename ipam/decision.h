/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ipam/decide.h"

/* What the files of decide.h share. */

/* Fills a verdict with a refusal: `problems` are given away. */
void refuse(struct verdict *verdict, int code, struct problems *problems);

/* The same, of one sentence that stands by itself. */
void refuse_plainly(struct verdict *verdict, int code, const char *format, ...) printf_like(3, 4);

/*
 * The size of a LoadBalancer's slot table that its destinations ask for: grows at once, shrinks
 * only by two steps (16 times), because each change of it moves flows.
 * Return: 0, -ENOMEM.
 */
must_check int wanted_size(const struct catalog *catalog, const struct object *lb,
			   uint8_t *ret_size_index);
