/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *json_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member)) ?: "";
}

/* The addresses that an object would have: what a dry run is asked for. */
static void print_addresses(const json_t *items, const char *title)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		const json_t *addresses =
			json_object_get(json_object_get(item, "status"), "addresses");
		const char *name = json_text(json_object_get(item, "metadata"), "name");
		const char *slash = strchr(title, '/');
		size_t len = slash ? (size_t)(slash - title) : 0;

		if (!slash || strcmp(slash + 1, name) != 0 ||
		    strlen(json_text(item, "kind")) != len ||
		    strncasecmp(json_text(item, "kind"), title, len) != 0)
			continue;
		for (size_t k = 0; k < json_array_size(addresses); k++)
			printf(" %s", json_text(json_array_get(addresses, k), "ip"));
	}
}

static void print_result(const json_t *result, const json_t *items, const char *suffix)
{
	const json_t *problems = json_object_get(result, "problems");
	const char *object = json_text(result, "object");

	if (json_array_size(problems) == 0) {
		printf("%s %s%s", object, json_text(result, "outcome"), suffix);
		if (*suffix)
			print_addresses(items, object);
		printf("\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(problems); i++)
		(void)fprintf(stderr, "%s: %s\n", object,
			      json_string_value(json_array_get(problems, i)) ?: "");
}

static bool explains_itself(const json_t *results)
{
	for (size_t i = 0; i < json_array_size(results); i++) {
		if (json_array_size(json_object_get(json_array_get(results, i), "problems")) > 0)
			return true;
	}
	return false;
}

enum exit_status answer_print(const json_t *answer, const char *suffix, struct error *err)
{
	const json_t *results = json_object_get(answer, "results");
	json_int_t code = json_integer_value(json_object_get(answer, "code"));

	for (size_t i = 0; i < json_array_size(results); i++)
		print_result(json_array_get(results, i), json_object_get(answer, "items"), suffix);
	if (json_is_true(json_object_get(answer, "ok")))
		return EXIT_DONE;
	if (!explains_itself(results))
		(void)error_set(err, 0, "%s", json_text(answer, "reason"));
	return code == 400 || code == 409 || code == 422 ? EXIT_REFUSED : EXIT_FAILED;
}

enum exit_status answer_take_items(const json_t *answer, json_t *items, struct error *err)
{
	if (!json_is_true(json_object_get(answer, "ok"))) {
		(void)error_set(err, 0, "%s", json_text(answer, "reason"));
		return EXIT_FAILED;
	}
	if (json_array_extend(items, json_object_get(answer, "items")) < 0) {
		(void)error_set(err, 0, "the answer is not one of an ilb-allocator");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}
