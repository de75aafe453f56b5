/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/selector.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

static bool has_value(const struct requirement *requirement, const char *value)
{
	for (size_t i = 0; i < requirement->n_values; i++) {
		if (text_equal(requirement->values[i], value))
			return true;
	}
	return false;
}

static bool requirement_holds(const struct requirement *requirement, const struct labels *labels)
{
	const char *value = labels_find(labels, requirement->key);

	switch (requirement->op) {
	case OPERATOR_IN:
		return value && has_value(requirement, value);
	case OPERATOR_NOT_IN:
		return !value || !has_value(requirement, value);
	case OPERATOR_EXISTS:
		return value;
	case OPERATOR_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

bool selector_matches(const struct selector *selector, const struct labels *labels)
{
	if (!selector)
		return false;
	for (size_t i = 0; i < selector->match_labels.n_items; i++) {
		const struct label *wanted = &selector->match_labels.items[i];

		if (!text_equal(labels_find(labels, wanted->key), wanted->value))
			return false;
	}
	for (size_t i = 0; i < selector->n_expressions; i++) {
		if (!requirement_holds(&selector->expressions[i], labels))
			return false;
	}
	return true;
}

static bool labels_equal(const struct labels *a, const struct labels *b)
{
	if (a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++) {
		if (!text_equal(a->items[i].key, b->items[i].key) ||
		    !text_equal(a->items[i].value, b->items[i].value))
			return false;
	}
	return true;
}

static bool requirement_equal(const struct requirement *a, const struct requirement *b)
{
	if (a->op != b->op || a->n_values != b->n_values || !text_equal(a->key, b->key))
		return false;
	for (size_t i = 0; i < a->n_values; i++) {
		if (!text_equal(a->values[i], b->values[i]))
			return false;
	}
	return true;
}

bool selector_equal(const struct selector *a, const struct selector *b)
{
	if (!a || !b)
		return a == b;
	if (!labels_equal(&a->match_labels, &b->match_labels) ||
	    a->n_expressions != b->n_expressions)
		return false;
	for (size_t i = 0; i < a->n_expressions; i++) {
		if (!requirement_equal(&a->expressions[i], &b->expressions[i]))
			return false;
	}
	return true;
}

/*
 * The form of command lines:
 *	requirement { "," requirement }
 *	key | "!" key | key ("=" | "==" | "!=") value | key ("in" | "notin") "(" value {"," value} ")"
 * All become expressions; nothing is gained by match_labels here.
 */
struct reader {
	const char *at;
	struct error *err;
};

static void skip_blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t");
}

static bool accept(struct reader *r, const char *token)
{
	skip_blanks(r);
	if (!text_starts(r->at, token))
		return false;
	r->at += strlen(token);
	return true;
}

/* A key or value, perhaps empty: everything that has no meaning of its own. */
static int read_word(struct reader *r, char **ret_word)
{
	size_t len;
	char *word;

	skip_blanks(r);
	len = strcspn(r->at, " \t=!,()");
	word = strndup(r->at, len);
	if (!word)
		return error_set(r->err, -ENOMEM, "out of memory");
	r->at += len;
	*ret_word = word;
	return 0;
}

static int read_value(struct reader *r, struct requirement *requirement)
{
	char **value = ARRAY_ADD(requirement->values, requirement->n_values);

	return value ? read_word(r, value) : error_set(r->err, -ENOMEM, "out of memory");
}

static int read_set(struct reader *r, struct requirement *requirement)
{
	int n;

	if (!accept(r, "("))
		return error_set(r->err, -EINVAL, "'(' expected at '%.20s'", r->at);
	do {
		n = read_value(r, requirement);
		if (n < 0)
			return n;
	} while (accept(r, ","));
	if (!accept(r, ")"))
		return error_set(r->err, -EINVAL, "')' expected at '%.20s'", r->at);
	return 0;
}

static int read_operator(struct reader *r, struct requirement *requirement)
{
	if (accept(r, "!=")) {
		requirement->op = OPERATOR_NOT_IN;
		return read_value(r, requirement);
	}
	if (accept(r, "==") || accept(r, "=")) {
		requirement->op = OPERATOR_IN;
		return read_value(r, requirement);
	}
	if (accept(r, "notin ") || accept(r, "notin(")) {
		requirement->op = OPERATOR_NOT_IN;
	} else if (accept(r, "in ") || accept(r, "in(")) {
		requirement->op = OPERATOR_IN;
	} else {
		requirement->op = OPERATOR_EXISTS;
		return 0;
	}
	r->at--; /* the blank or parenthesis that told the word from a longer one */
	return read_set(r, requirement);
}

static int read_requirement(struct reader *r, struct requirement *requirement)
{
	bool absent = accept(r, "!");
	int n = read_word(r, &requirement->key);

	if (n < 0)
		return n;
	if (!*requirement->key)
		return error_set(r->err, -EINVAL, "a label key expected at '%.20s'", r->at);
	if (!absent)
		return read_operator(r, requirement);
	requirement->op = OPERATOR_DOES_NOT_EXIST;
	return 0;
}

int selector_parse(const char *text, struct selector **ret_selector, struct error *err)
{
	struct reader r = {text, err};
	struct selector *selector = calloc(1, sizeof(*selector));
	int n = 0;

	if (!selector)
		return error_set(err, -ENOMEM, "out of memory");
	skip_blanks(&r);
	while (*r.at && n == 0) {
		struct requirement *requirement =
			ARRAY_ADD(selector->expressions, selector->n_expressions);

		n = requirement ? read_requirement(&r, requirement) : -ENOMEM;
		skip_blanks(&r);
		if (n == 0 && *r.at && !accept(&r, ","))
			n = error_set(err, -EINVAL, "',' expected at '%.20s'", r.at);
	}
	if (n < 0) {
		selector_free(selector);
		return n == -ENOMEM ? n : -EINVAL;
	}
	*ret_selector = selector;
	return 0;
}
