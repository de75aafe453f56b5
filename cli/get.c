/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/reference.h"
#include "cli/session.h"
#include "ipam/selector.h"

static enum exit_status fetch_named(struct session *session, const struct arguments *arguments,
				    const struct references *references, json_t *items,
				    struct error *err)
{
	for (size_t i = 0; i < references->n_items; i++) {
		auto_call(json_decrefp) json_t *answer = NULL;
		const char *path = references->items[i].path;
		enum exit_status status;

		if (session_ask(session, API_GET, arguments->name_space, NULL, 0, path,
				strlen(path), &answer, err) < 0)
			return EXIT_FAILED;
		status = answer_take_items(answer, items, err);
		if (status != EXIT_DONE)
			return status;
	}
	return EXIT_DONE;
}

static enum exit_status fetch(struct session *session, const struct arguments *arguments,
			      const struct references *references, json_t **ret_items,
			      struct error *err)
{
	auto_call(json_decrefp) json_t *items = json_array();
	enum exit_status status;

	if (!items) {
		(void)error_set(err, 0, "out of memory");
		return EXIT_FAILED;
	}
	status = references->n_items
			 ? fetch_named(session, arguments, references, items, err)
			 : fetch_list(session, arguments, kind_token(references->kind), items, err);
	if (status == EXIT_DONE)
		*ret_items = TAKE(items);
	return status;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* The allocators send the events of all objects; a NULL selector selects all of them. */
static bool is_selected(const struct selector *selector, const json_t *object)
{
	json_t *json = json_object_get(json_object_get(object, "metadata"), "labels");
	auto_call(labels_deinit) struct labels labels = {};
	const char *key;
	json_t *value;

	if (!selector)
		return true;
	json_object_foreach(json, key, value)
	{
		struct label *label = ARRAY_ADD(labels.items, labels.n_items);

		if (label)
			*label =
				(struct label){strdup(key), strdup(json_string_value(value) ?: "")};
		if (!label || !label->key || !label->value)
			return true; /* without memory rather one too many */
	}
	if (labels.n_items)
		qsort(labels.items, labels.n_items, sizeof(*labels.items), by_key);
	return selector_matches(selector, &labels);
}

static bool is_wanted(const struct references *references, const struct selector *selector,
		      const json_t *object)
{
	const char *name = json_text(json_object_get(object, "metadata"), "name");

	if (!is_selected(selector, object))
		return false;
	for (size_t i = 0; i < references->n_items; i++) {
		if (text_equal(references->items[i].name, name))
			return true;
	}
	return references->n_items == 0;
}

/* Prints changes until it is interrupted. */
static enum exit_status watch(struct session *session, const struct arguments *arguments,
			      const struct references *references, const struct selector *selector,
			      enum kind kind, struct error *err)
{
	for (;;) {
		auto_call(json_decrefp) json_t *event = NULL;
		auto_call(json_decrefp) json_t *items = NULL;
		int r = session_next_event(session, UINT64_MAX, &event);

		if (r == 0 && is_wanted(references, selector, json_object_get(event, "object")))
			print_event(event, kind, arguments->output);
		if (r == -EOVERFLOW &&
		    fetch(session, arguments, references, &items, err) == EXIT_DONE)
			print_objects(items, kind, arguments->output, false);
		*err->text = '\0'; /* a lost connection comes back, and then all is shown again */
		if (fflush(stdout) != 0)
			return EXIT_FAILED;
	}
}

static void free_selector(struct selector **selector)
{
	selector_free(*selector);
}

enum exit_status command_get(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(references_deinit) struct references references = {};
	auto_call(free_selector) struct selector *selector = NULL;
	auto_call(json_decrefp) json_t *items = NULL;
	enum exit_status status;
	enum kind kind;

	if (references_parse(arguments->words, arguments->n_words, &references, err) < 0)
		return EXIT_USAGE;
	if (arguments->n_words == 0) {
		(void)error_set(err, 0, "get takes a kind, as in 'ilb get loadbalancers'");
		return EXIT_USAGE;
	}
	if (arguments->selector && references.n_items) {
		(void)error_set(err, 0, "--selector goes with a kind alone, not with names");
		return EXIT_USAGE;
	}
	if (arguments->selector && selector_parse(arguments->selector, &selector, err) < 0)
		return EXIT_USAGE;
	kind = references.n_items ? references.items[0].kind : references.kind;
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	if (arguments->watch &&
	    session_follow(session, arguments->name_space, kind_token(kind), NULL, err) < 0)
		return EXIT_FAILED;
	status = fetch(session, arguments, &references, &items, err);
	if (status != EXIT_DONE)
		return status;
	print_objects(items, kind, arguments->output, references.n_items == 1);
	if (!arguments->watch)
		return EXIT_DONE;
	if (fflush(stdout) != 0) /* who reads a pipe need not wait for the first change */
		return EXIT_FAILED;
	return watch(session, arguments, &references, selector, kind, err);
}
