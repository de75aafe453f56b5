/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/text.h"
#include "dataplane/plan.h"

/*
 * Writes a plan's text: elements are gathered by map, so that a thousand of them cost one command.
 * Used by plan.c alone.
 *
 *	writer_section(&writer, "svc", FAMILY_IPV4);
 *	text_add(writer_element(&writer, false), "10.0.0.1 . tcp . 80");
 *	text_add(writer_element(&writer, true), "10.0.0.1 . tcp . 80 : 0x112");
 *
 * Failed allocations are remembered by the texts, and reported by writer_finish().
 */
struct writer {
	struct plan *plan;
	const char *map; /* without the family's digit; NULL: no section yet */
	enum family family;
	struct text deletes, adds; /* elements of the section, behind one another */
};

/* What follows goes to this map or set. FAMILY_NONE where there is one for both families. */
void writer_section(struct writer *writer, const char *map, enum family family);

/* Where to write the next element. Within a section deletions come before additions. */
struct text *writer_element(struct writer *writer, bool add);

/* Ends the last section. Return: 0, -ENOMEM. */
must_check int writer_finish(struct writer *writer);

/* Writers without format strings: a load writes hundreds of thousands of them. */
void writer_number(struct text *text, uint32_t number); /* decimal */
void writer_mark(struct text *text, uint32_t mark);     /* hexadecimal, with 0x */
void writer_address(struct text *text, const struct address *address);
