/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/text.h"
#include "messages/desired.h"

/*
 * The stage "health" of `ilb trace`: what nodes leave out, by what the allocators have heard of it.
 */

#define TRACE_HEALTH_LINES_MAX 10 /* further ones are counted */

/*
 * Sets `dead` as nodes do that have heard the same, and writes why.
 * @family: of the flow; nothing is written of the other one's destinations.
 * @items:  what `list destinations` answers (docs/wire.md). What it does not say of a destination is
 *          good; what is not of the LoadBalancer or makes no sense is passed over.
 * @text:   gets at least one line; text->failed where memory was short.
 * Return: 0, -ENOMEM.
 */
must_check int trace_health_apply(struct desired_lb *lb, enum family family, const json_t *items,
				  struct text *text);
