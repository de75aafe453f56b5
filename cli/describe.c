/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/reference.h"
#include "cli/session.h"
#include "ipam/document.h"

#define EVENTS_SHOWN 10

static void print_field(const char *title, const char *value)
{
	if (*value)
		printf("%-14s%s\n", title, value);
}

/* "key=value, key=value" */
static void print_map(const char *title, const json_t *map)
{
	auto_call(text_deinit) struct text text = {};
	json_t *walked = (json_t *)map; /* jansson iterates over what it calls mutable */
	const char *key;
	json_t *value;

	json_object_foreach(walked, key, value) text_addf(&text, "%s%s=%s", text.len ? ", " : "",
							  key, json_string_value(value) ?: "");
	print_field(title, text.bytes ?: "");
}

static void print_metadata(const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");

	print_field("Name:", json_text(meta, "name"));
	print_field("Namespace:", json_text(meta, "namespace"));
	print_field("Kind:", json_text(object, "kind"));
	print_map("Labels:", json_object_get(meta, "labels"));
	print_map("Annotations:", json_object_get(meta, "annotations"));
	print_field("UID:", json_text(meta, "uid"));
	print_field("Created:", json_text(meta, "creationTimestamp"));
	print_field("Deleting:", json_text(meta, "deletionTimestamp"));
	printf("%-14s%lld\n",
	       "Generation:", (long long)json_integer_value(json_object_get(meta, "generation")));
}

/* Everything that is not printed otherwise, as YAML. */
static int print_spec(const json_t *object)
{
	auto_call(json_decrefp) json_t *spec = json_deep_copy(object);
	auto_call(text_deinit) struct text text = {};
	char *rest, *line;

	(void)json_object_del(spec, "apiVersion");
	(void)json_object_del(spec, "kind");
	(void)json_object_del(spec, "metadata");
	(void)json_object_del(spec, "status");
	if (json_object_size(spec) == 0)
		return 0;
	if (yaml_from_json(spec, &text) < 0)
		return -ENOMEM;
	printf("\n");
	rest = text.bytes;
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			printf("%s\n", line);
	}
	return 0;
}

static void print_addresses(const json_t *status)
{
	const json_t *addresses = json_object_get(status, "addresses");

	if (json_array_size(addresses))
		printf("\naddresses:\n");
	for (size_t i = 0; i < json_array_size(addresses); i++) {
		const json_t *address = json_array_get(addresses, i);
		const char *ip = json_text(address, "ip");

		printf("  %-40s%s%s%s\n", *ip ? ip : "(none yet)", json_text(address, "state"),
		       *json_text(address, "message") ? ": " : "", json_text(address, "message"));
	}
}

static void print_conditions(const json_t *status)
{
	const json_t *conditions = json_object_get(status, "conditions");

	if (json_array_size(conditions))
		printf("\nconditions:\n  %-24s%-9s%-24s%-22s%s\n", "TYPE", "STATUS", "REASON",
		       "SINCE", "MESSAGE");
	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *condition = json_array_get(conditions, i);

		printf("  %-24s%-9s%-24s%-22s%s\n", json_text(condition, "type"),
		       json_text(condition, "status"), json_text(condition, "reason"),
		       json_text(condition, "lastTransitionTime"), json_text(condition, "message"));
	}
}

/* "by node-1 from 10.1.1.1 at 2026-11-23T07:00:00Z" */
static void print_check(const json_t *destination)
{
	static const struct {
		const char *word, *member;
	} parts[] = {{"by", "checkedBy"}, {"from", "source"}, {"at", "lastCheck"}};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *text = json_text(destination, parts[i].member);

		if (*text)
			printf(" %s %s", parts[i].word, text);
	}
	printf("\n");
}

static void print_destination(const json_t *destination)
{
	printf("  %-40s%-20s%-8lld%-11s%-22s%-20s", json_text(destination, "address"),
	       json_text(destination, "node"),
	       (long long)json_integer_value(json_object_get(destination, "weight")),
	       json_text(destination, "state"), json_text(destination, "since"),
	       json_text(destination, "reason"));
	print_check(destination);
}

/* Where nodes send connections, and what they say about it. */
static void print_destinations(struct session *session, const struct arguments *arguments,
			       const char *name)
{
	auto_call(json_decrefp) json_t *items = json_array();
	char what[DESIRED_NAME_MAX + 64];
	struct error err = {};

	(void)snprintf(what, sizeof(what), "destinations loadbalancer=%s", name);
	if (fetch_list(session, arguments, what, items, &err) != EXIT_DONE) {
		printf("\ndestinations:\n  (not known: %s)\n", err.text);
		return;
	}
	printf("\ndestinations:\n");
	if (json_array_size(items))
		printf("  %-40s%-20s%-8s%-11s%-22s%-20s%s\n", "ADDRESS", "NODE", "WEIGHT", "STATE",
		       "SINCE", "REASON", " CHECKED");
	for (size_t i = 0; i < json_array_size(items); i++)
		print_destination(json_array_get(items, i));
}

/* The last ones; allocators of the version before keep none. */
static void print_events(struct session *session, const struct arguments *arguments,
			 const struct reference *reference)
{
	auto_call(json_decrefp) json_t *items = json_array();
	char what[400];
	struct error err = {};

	(void)snprintf(what, sizeof(what), "events for=%s", reference->path);
	if (fetch_list(session, arguments, what, items, &err) != EXIT_DONE)
		return;
	while (json_array_size(items) > EVENTS_SHOWN)
		(void)json_array_remove(items, 0);
	if (json_array_size(items) == 0)
		return;
	printf("\nevents:\n");
	print_rows(items, items, PRINT_EVENTS, OUTPUT_TABLE);
}

static enum exit_status describe_one(struct session *session, const struct arguments *arguments,
				     const struct reference *reference, struct error *err)
{
	auto_call(json_decrefp) json_t *answer = NULL;
	const json_t *object;

	if (session_ask(session, API_GET, arguments->name_space, NULL, 0, reference->path,
			strlen(reference->path), &answer, err) < 0)
		return EXIT_FAILED;
	object = json_array_get(json_object_get(answer, "items"), 0);
	if (!json_is_true(json_object_get(answer, "ok")) || !object) {
		(void)error_set(err, 0, "%s", json_text(answer, "reason"));
		return EXIT_FAILED;
	}
	print_metadata(object);
	if (print_spec(object) < 0) {
		(void)error_set(err, 0, "out of memory");
		return EXIT_FAILED;
	}
	print_addresses(json_object_get(object, "status"));
	if (reference->kind == KIND_LOAD_BALANCER)
		print_destinations(session, arguments,
				   json_text(json_object_get(object, "metadata"), "name"));
	print_conditions(json_object_get(object, "status"));
	print_events(session, arguments, reference);
	return EXIT_DONE;
}

enum exit_status command_describe(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(references_deinit) struct references references = {};

	if (references_parse(arguments->words, arguments->n_words, &references, err) < 0)
		return EXIT_USAGE;
	if (references.n_items == 0) {
		(void)error_set(err, 0, "describe takes 'KIND/NAME...' or 'KIND NAME...'");
		return EXIT_USAGE;
	}
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < references.n_items; i++) {
		enum exit_status status;

		if (i)
			printf("\n---\n\n");
		status = describe_one(session, arguments, &references.items[i], err);
		if (status != EXIT_DONE)
			return status;
	}
	return EXIT_DONE;
}
