/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"

/*
 * Conditions of a status, as in Kubernetes (apimachinery, metav1.Condition). The list is written
 * in order; Ready comes last and sums the others up.
 */
struct conditions {
	json_t *list;           /* owned */
	const json_t *previous; /* the status before, or NULL: times of what did not change */
	uint64_t generation;
	int64_t now_ms;
	bool any_false;
	char reason[64], message[1100]; /* of the first one that is false */
	bool failed;                    /* without memory */
};

void conditions_add(struct conditions *conditions, const char *type, bool is_true,
		    const char *reason, const char *format, ...) printf_like(5, 6);

/* One that nobody can tell at the moment. Ready does not wait for it. */
void conditions_add_unknown(struct conditions *conditions, const char *type, const char *reason,
			    const char *format, ...) printf_like(4, 5);

/* Says again what was said before of that type. Return: false: nothing was. */
bool conditions_keep(struct conditions *conditions, const char *type);

/* As in all times of a status. Gives `text`. */
const char *conditions_format_time(int64_t ms, char text[static 32]);

/* Adds Ready: all of them; gives the list away, NULL without memory. */
json_t *conditions_take(struct conditions *conditions);
