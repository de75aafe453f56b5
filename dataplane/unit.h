/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/text.h"
#include "dataplane/plan.h"

/*
 * Writes a plan's units: elements are gathered by map, so that a thousand of them cost one
 * command, and units are cut where PLAN_UNIT_MAX asks for it. Used by plan.c alone.
 *
 *	unit_section(&unit, "svc", FAMILY_IPV4);
 *	unit_reserve(&unit, 2);
 *	text_add(unit_element(&unit, false), "10.0.0.1 . tcp . 80");
 *	text_add(unit_element(&unit, true), "10.0.0.1 . tcp . 80 : 0x112");
 *
 * Failed allocations are remembered by the texts, and reported by unit_finish().
 */
struct unit {
	struct plan *plan;
	const char *map; /* without the family's digit; NULL: no section yet */
	enum family family;
	struct text deletes, adds; /* elements of the section, behind one another */
	size_t start;              /* of the unit in the plan's text */
	uint32_t n_elements;
	bool failed;
};

/* What follows goes to this map or set. FAMILY_NONE where there is one for both families. */
void unit_section(struct unit *unit, const char *map, enum family family);

/* The next `n` elements must share a transaction: ends the unit where they do not fit. */
void unit_reserve(struct unit *unit, uint32_t n);

/* Where to write the next element. Within a unit's section deletions come before additions. */
struct text *unit_element(struct unit *unit, bool add);

/* Ends the last unit. Return: 0, -ENOMEM. */
must_check int unit_finish(struct unit *unit);

/* Writers without format strings: a load writes hundreds of thousands of them. */
void unit_number(struct text *text, uint32_t number); /* decimal */
void unit_mark(struct text *text, uint32_t mark);     /* hexadecimal, with 0x */
void unit_address(struct text *text, const struct address *address);
