/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "monitor/service.h"
#include "tests/support/cmocka.h"

static size_t endpoints(void *user, struct service_endpoint ret[static SERVICE_ENDPOINTS_MAX])
{
	(void)user;
	ret[0] = (struct service_endpoint){.name = "apply",
					   .subject = "ilb.v1.apply.*",
					   .queue_group = "ilb-allocator",
					   .n_requests = 4,
					   .n_errors = 1,
					   .processing_ns = 1000,
					   .last_error = "422:\"no\""};
	ret[1] = (struct service_endpoint){.name = "roll", .subject = "ilb.v1.roll"};
	return 2;
}

static void data(void *user, struct text *text)
{
	(void)user;
	text_add(text, "{\"state\":\"Ready\"}");
}

static const struct service_options options = {.name = "ilb-x",
					       .id = "a1",
					       .description = "says \"x\"",
					       .endpoints = endpoints,
					       .data = data};

/* Each is what natscli reads: JSON with these members. */
static void test_answers(void **state)
{
	static const char *const verbs[] = {"PING", "INFO", "STATS"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct text text = {};
		json_t *json;

		assert_true(service_write(&options, "2026-01-01T00:00:00Z", verbs[i], &text));
		json = json_loads(text.bytes, 0, NULL);
		assert_non_null(json);
		assert_string_equal(json_string_value(json_object_get(json, "name")), "ilb-x");
		assert_string_equal(json_string_value(json_object_get(json, "id")), "a1");
		assert_non_null(json_object_get(json, "version"));
		assert_int_equal(json_array_size(json_object_get(json, "endpoints")),
				 i == 0 ? 0 : 2);
		json_decref(json);
		text_deinit(&text);
	}
}

static void test_stats(void **state)
{
	struct text text = {};
	json_t *json, *endpoint;

	(void)state;
	assert_true(service_write(&options, "2026-01-01T00:00:00Z", "STATS", &text));
	json = json_loads(text.bytes, 0, NULL);
	endpoint = json_array_get(json_object_get(json, "endpoints"), 0);
	assert_int_equal(json_integer_value(json_object_get(endpoint, "average_processing_time")),
			 250);
	assert_string_equal(json_string_value(json_object_get(endpoint, "last_error")),
			    "422:\"no\"");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "data"), "state")),
		"Ready");
	json_decref(json);
	text_deinit(&text);
}

static void test_other_verbs(void **state)
{
	struct text text = {};

	(void)state;
	assert_false(service_write(&options, "", "SCHEMA", &text));
	assert_int_equal(text.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_other_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
