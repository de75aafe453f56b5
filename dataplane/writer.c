/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/writer.h"

#include <errno.h>

#include "dataplane/ruleset.h"

static void write_command(struct writer *writer, const char *verb, struct text *elements)
{
	struct text *text = &writer->plan->text;

	if (!elements->len)
		return;
	text_addf(text, "%s element inet %s %s%s { ", verb, writer->plan->table ?: RULESET_TABLE,
		  writer->map,
		  writer->family == FAMILY_IPV4   ? "4"
		  : writer->family == FAMILY_IPV6 ? "6"
						  : "");
	text_add_bytes(text, elements->bytes, elements->len);
	text_add(text, " }\n");
	text_cut(elements, 0);
}

static void end_section(struct writer *writer)
{
	if (!writer->map)
		return;
	write_command(writer, "delete", &writer->deletes);
	write_command(writer, "add", &writer->adds);
}

void writer_section(struct writer *writer, const char *map, enum family family)
{
	end_section(writer);
	writer->map = map;
	writer->family = family;
}

struct text *writer_element(struct writer *writer, bool add)
{
	struct text *text = add ? &writer->adds : &writer->deletes;

	writer->plan->n_elements++;
	if (text->len)
		text_add_bytes(text, ", ", 2);
	return text;
}

int writer_finish(struct writer *writer)
{
	bool failed;

	end_section(writer);
	failed = writer->deletes.failed || writer->adds.failed || writer->plan->text.failed;
	text_deinit(&writer->deletes);
	text_deinit(&writer->adds);
	return failed ? -ENOMEM : 0;
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

void writer_number(struct text *text, uint32_t number)
{
	write_digits(text, number, 10);
}

void writer_mark(struct text *text, uint32_t mark)
{
	text_add_bytes(text, "0x", 2);
	write_digits(text, mark, 16);
}

void writer_address(struct text *text, const struct address *address)
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
