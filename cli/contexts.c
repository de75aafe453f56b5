/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/conceal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/context.h"

/* What may be shown of a member: addresses without passwords, names of files. "" without one. Return: NULL without memory. */
static char *shown_member(const struct context *context, const char *key)
{
	char *shown = strdup(json_string_value(json_object_get(context->json, key)) ?: "");

	conceal_passwords(shown);
	return shown;
}

static enum exit_status done(int r)
{
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_status add(const struct arguments *arguments, const char *name, struct error *err)
{
	if (!name) {
		(void)error_set(err, 0, "context add takes a name, and --server, --creds ...");
		return EXIT_USAGE;
	}
	return done(context_add(name, &arguments->bus, err));
}

/* '*' is in front of the one that is selected. */
static enum exit_status list(const struct arguments *arguments, const char *name, struct error *err)
{
	auto_call(context_deinit) struct context selected = {};
	auto_call(text_deinit) struct text names = {};
	char *rest, *line;

	(void)arguments;
	(void)name;
	if (context_list(&names) < 0) {
		(void)error_set(err, 0, "out of memory");
		return EXIT_FAILED;
	}
	if (context_load(NULL, &selected, &(struct error){}) < 0)
		*selected.name = '\0'; /* there is none, or it cannot be read */
	rest = names.bytes;
	while ((line = strsep(&rest, "\n"))) {
		auto_call(context_deinit) struct context context = {};
		struct error broken = {};
		auto_free char *url = NULL;

		if (!*line)
			continue;
		printf("%c %-20s", strcmp(line, selected.name) == 0 ? '*' : ' ', line);
		if (context_load(line, &context, &broken) < 0) {
			printf(" (%s)\n", broken.text);
			continue;
		}
		url = shown_member(&context, "url");
		printf(" %s\n", url ?: "");
	}
	return EXIT_DONE;
}

static enum exit_status show(const struct arguments *arguments, const char *name, struct error *err)
{
	auto_call(context_deinit) struct context context = {};

	(void)arguments;
	if (context_load(name, &context, err) < 0)
		return EXIT_FAILED;
	printf("%-16s%s\n%-16s%s\n", "name:", context.name, "file:", context.path);
	for (size_t i = 0; i < CONTEXT_FIELDS; i++) {
		auto_free char *value = shown_member(&context, context_fields[i].key);

		if (value && *value)
			printf("--%-14s%s\n", context_fields[i].option, value);
	}
	return EXIT_DONE;
}

static enum exit_status choose(const struct arguments *arguments, const char *name,
			       struct error *err)
{
	(void)arguments;
	if (!name) {
		(void)error_set(err, 0, "context select takes a name: see 'ilb context ls'");
		return EXIT_USAGE;
	}
	return done(context_select(name, err));
}

static enum exit_status forget(const struct arguments *arguments, const char *name,
			       struct error *err)
{
	(void)arguments;
	if (!name) {
		(void)error_set(err, 0, "context rm takes a name: see 'ilb context ls'");
		return EXIT_USAGE;
	}
	return done(context_remove(name, err));
}

enum exit_status command_context(const struct arguments *arguments, struct error *err)
{
	static const struct {
		const char *name;
		enum exit_status (*run)(const struct arguments *, const char *, struct error *);
	} verbs[] = {
		{"add", add}, {"ls", list}, {"select", choose}, {"rm", forget}, {"show", show},
	};
	const char *verb = arguments->n_words ? arguments->words[0] : "";

	for (size_t i = 0; i < ARRAY_SIZE(verbs) && arguments->n_words <= 2; i++) {
		if (text_equal(verbs[i].name, verb))
			return verbs[i].run(arguments,
					    arguments->n_words == 2 ? arguments->words[1] : NULL,
					    err);
	}
	(void)error_set(err, 0, "context takes add, ls, select, rm or show, and a name");
	return EXIT_USAGE;
}
