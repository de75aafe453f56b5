/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/elements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_FNV /* the default falls through its switch without a word */
#include <uthash.h>

#include "base/array.h"
#include "base/auto.h"
#include "tests/support/cmocka.h"

struct element {
	char *name; /* "svc4 10.0.0.1 . tcp . 80" */
	char *data;
	UT_hash_handle hh;
};

static void element_free(struct element *element)
{
	free(element->name);
	free(element->data);
	free(element);
}

static void change_one(struct elements *elements, bool add, const char *map, char *text)
{
	auto_free char *name = NULL;
	char *data = strstr(text, " : ");
	struct element *element;

	if (data) {
		*data = '\0';
		data += strlen(" : ");
	}
	assert_true(asprintf(&name, "%s %s", map, text) > 0);
	HASH_FIND_STR(elements->first, name, element);
	elements->n_changes++;
	if (add && element)
		fail_msg("added twice: %s", name);
	if (!add && !element)
		fail_msg("deleted without being there: %s", name);
	if (!add) {
		HASH_DEL(elements->first, element);
		element_free(element);
		return;
	}
	element = calloc(1, sizeof(*element));
	assert_non_null(element);
	element->name = TAKE(name);
	element->data = strdup(data ? data : "");
	HASH_ADD_KEYPTR(hh, elements->first, element->name, strlen(element->name), element);
}

/* "add element inet ilb svc4 { a : b, c : d }" */
static size_t run_command(struct elements *elements, char *line)
{
	char map[32], verb[8], *list = strchr(line, '{'), *end = strrchr(line, '}'), *save = NULL;
	size_t n = 0;

	if (!list || !end || sscanf(line, "%7s element inet ilb %31s", verb, map) != 2)
		fail_msg("not a command: %s", line);
	assert_true(strcmp(verb, "add") == 0 || strcmp(verb, "delete") == 0);
	end[-1] = '\0';
	for (char *text = strtok_r(list + 2, ",", &save); text; text = strtok_r(NULL, ",", &save)) {
		change_one(elements, strcmp(verb, "add") == 0, map, text + (*text == ' '));
		n++;
	}
	return n;
}

void elements_apply(struct elements *elements, const struct plan *plan)
{
	auto_free char *text = strndup(plan->text.bytes ?: "", plan->text.len);
	char *save = NULL;
	size_t n = 0;

	assert_true(plan->text.len == 0 || text[plan->text.len - 1] == '\n');
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		n += run_command(elements, line);
	assert_int_equal(n, plan->n_elements);
}

static void assert_within(struct elements *a, struct elements *b)
{
	for (struct element *one = a->first; one; one = one->hh.next) {
		struct element *other;

		HASH_FIND_STR(b->first, one->name, other);
		if (!other)
			fail_msg("only in one: %s", one->name);
		if (strcmp(one->data, other->data) != 0)
			fail_msg("%s: %s and %s", one->name, one->data, other->data);
	}
}

void elements_assert_equal(struct elements *a, struct elements *b)
{
	assert_within(a, b);
	assert_within(b, a);
}

const char *elements_find(const struct elements *elements, const char *map_and_key)
{
	struct element *element;

	HASH_FIND_STR(elements->first, map_and_key, element);
	return element ? element->data : NULL;
}

size_t elements_count(const struct elements *elements)
{
	return HASH_COUNT(elements->first);
}

void elements_deinit(struct elements *elements)
{
	struct element *element, *next;

	HASH_ITER(hh, elements->first, element, next)
	{
		HASH_DEL(elements->first, element);
		element_free(element);
	}
	*elements = (struct elements){};
}
