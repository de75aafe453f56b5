/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/unit.h"

#include <errno.h>

#include "base/array.h"
#include "dataplane/ruleset.h"

static void write_command(struct unit *unit, const char *verb, struct text *elements)
{
	struct text *text = &unit->plan->text;

	if (!elements->len)
		return;
	text_addf(text, "%s element inet %s %s%s { ", verb, unit->plan->table ?: RULESET_TABLE,
		  unit->map,
		  unit->family == FAMILY_IPV4   ? "4"
		  : unit->family == FAMILY_IPV6 ? "6"
						: "");
	text_add_bytes(text, elements->bytes, elements->len);
	text_add(text, " }\n");
	text_cut(elements, 0);
}

static void end_section(struct unit *unit)
{
	if (!unit->map)
		return;
	write_command(unit, "delete", &unit->deletes);
	write_command(unit, "add", &unit->adds);
}

static void end_unit(struct unit *unit)
{
	struct plan *plan = unit->plan;
	struct plan_unit *ended;

	end_section(unit);
	if (unit->n_elements) {
		ended = ARRAY_ADD(plan->units, plan->n_units);
		if (!ended) {
			unit->failed = true;
			return;
		}
		ended->start = unit->start;
		ended->len = plan->text.len - unit->start;
		ended->n_elements = unit->n_elements;
	}
	unit->start = plan->text.len;
	unit->n_elements = 0;
}

void unit_section(struct unit *unit, const char *map, enum family family)
{
	end_section(unit);
	unit->map = map;
	unit->family = family;
}

void unit_reserve(struct unit *unit, uint32_t n)
{
	if (unit->n_elements + n > PLAN_UNIT_MAX)
		end_unit(unit);
}

struct text *unit_element(struct unit *unit, bool add)
{
	struct text *text = add ? &unit->adds : &unit->deletes;

	unit->n_elements++;
	if (text->len)
		text_add_bytes(text, ", ", 2);
	return text;
}

int unit_finish(struct unit *unit)
{
	end_unit(unit);
	unit->failed |= unit->deletes.failed || unit->adds.failed || unit->plan->text.failed;
	text_deinit(&unit->deletes);
	text_deinit(&unit->adds);
	return unit->failed ? -ENOMEM : 0;
}

static void write_digits(struct text *text, uint32_t number, unsigned base)
{
	char digits[10];
	size_t n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	text_add_bytes(text, digits + n, sizeof(digits) - n);
}

void unit_number(struct text *text, uint32_t number)
{
	write_digits(text, number, 10);
}

void unit_mark(struct text *text, uint32_t mark)
{
	text_add_bytes(text, "0x", 2);
	write_digits(text, mark, 16);
}

void unit_address(struct text *text, const struct address *address)
{
	char string[ADDRESS_TEXT_MAX];

	if (address->family != FAMILY_IPV4) {
		text_add(text, address_format(address, string));
		return;
	}
	for (size_t i = 0; i < 4; i++) {
		if (i)
			text_add_bytes(text, ".", 1);
		write_digits(text, address->bytes[i], 10);
	}
}
