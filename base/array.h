/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"

/*
 * Growable arrays kept as a pointer and a count, `items` beside `n_items`, as in every struct here.
 * The room grows in powers of two, derived from the count, so that no third field is needed.
 */

/*
 * Makes room for one element more than `n`.
 * @items:  the array, NULL when n is 0; may be moved.
 * @size:   of an element, in bytes.
 * Return: 0, -ENOMEM (the array is as it was).
 */
must_check int array_grow(void *items, size_t n, size_t size);

/*
 * Appends a zeroed element: `struct port *port = ARRAY_ADD(ports, n_ports);`
 * Gives a pointer to it, NULL without memory.
 */
#define ARRAY_ADD(items, n)                          \
	(array_grow(&(items), (n), sizeof(*(items))) \
		 ? NULL                              \
		 : (__typeof__(items))memset(&(items)[(n)++], 0, sizeof(*(items))))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Walks `items` with a pointer named `item`. NULL is an empty array. */
#define ARRAY_FOREACH(item, items, n) \
	for (__typeof__(*(items)) *item = (items); item && item < (items) + (n); item++)
