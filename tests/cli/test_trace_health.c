/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/trace_health.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

#define A      "{\"address\": \"10.1.0.1\", \"state\": "
#define B      "{\"address\": \"10.1.0.2\", \"state\": "
#define C      "{\"address\": \"fd00::1\", \"state\": "
#define HTTP   "\"Unhealthy\", \"reason\": \"HTTPStatus 503\"}"
#define DEAD   "\"Unhealthy\", \"reason\": \"NodeDead\"}"
#define SILENT "\"Unknown\", \"reason\": \"NotChecked\"}"
#define GOOD   "\"Ready\"}"
#define DRAIN  "\"Draining\", \"reason\": \"NodeDead\"}"
#define NONE   "health: no IPv4 destination is unhealthy\n"
#define OPEN   ", kept: none is healthy, and whenAllUnhealthy is FailOpen\n"

/* @dead: of 10.1.0.1, 10.1.0.2 and fd00::1, an 'x' for each that is left out. */
static const struct {
	const char *name, *items;
	enum all_unhealthy when;
	const char *dead, *text;
} rows[] = {
	{"nothing is said", "[]", ALL_UNHEALTHY_REJECT, "...", NONE},
	{"all are healthy", "[" A GOOD "," B GOOD "," C GOOD "]", ALL_UNHEALTHY_REJECT, "...",
	 NONE},
	{"one is not", "[" A GOOD "," B HTTP "]", ALL_UNHEALTHY_REJECT, ".x.",
	 "health: 10.1.0.2 unhealthy: HTTPStatus 503, left out\n"},
	{"dead and unknown", "[" A DEAD "," B SILENT "]", ALL_UNHEALTHY_REJECT, "xx.",
	 "health: 10.1.0.1 unhealthy: NodeDead, left out\n"
	 "health: 10.1.0.2 unknown: NotChecked, left out, but for a while by nodes that saw it "
	 "healthy\n"},
	{"all are not, FailOpen", "[" A HTTP "," B DEAD "]", ALL_UNHEALTHY_FAIL_OPEN, "...",
	 "health: 10.1.0.1 unhealthy: HTTPStatus 503" OPEN
	 "health: 10.1.0.2 unhealthy: NodeDead" OPEN},
	{"one is not, FailOpen", "[" A HTTP "," B GOOD "]", ALL_UNHEALTHY_FAIL_OPEN, "x..",
	 "health: 10.1.0.1 unhealthy: HTTPStatus 503, left out\n"},
	{"the other family", "[" C HTTP "]", ALL_UNHEALTHY_REJECT, "..x", NONE},
	{"what drains", "[" A DRAIN "]", ALL_UNHEALTHY_REJECT, "...", NONE},
	{"not of this one",
	 "[{\"address\": \"10.1.0.9\", \"state\": " HTTP ", {\"state\": " HTTP
	 ", 7, \"10.1.0.1\", {\"address\": 5}, {\"address\": \"10.1.0\", \"state\": " HTTP "]",
	 ALL_UNHEALTHY_REJECT, "...", NONE},
	{"no list", "{}", ALL_UNHEALTHY_REJECT, "...", NONE},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(desired_lb_freep) struct desired_lb *lb =
			some_lb_parse("name default/web\nnumber 1\nvip 10.0.0.1\nport TCP 80\n"
				      "destination 10.1.0.1\ndestination 10.1.0.2\n"
				      "destination fd00::1\n");
		json_t *items = json_loads(rows[i].items, 0, NULL);
		struct text text = {};

		assert_non_null(items);
		lb->when_all_unhealthy = rows[i].when;
		assert_int_equal(trace_health_apply(lb, FAMILY_IPV4, items, &text), 0);
		if (strcmp(text.bytes, rows[i].text) != 0)
			fail_msg("%s: %s", rows[i].name, text.bytes);
		for (size_t k = 0; k < lb->n_destinations; k++)
			if (lb->destinations[k].dead != (rows[i].dead[k] == 'x'))
				fail_msg("%s: destination %zu", rows[i].name, k);
		text_deinit(&text);
		json_decref(items);
	}
}

static void test_many_are_counted(void **state)
{
	struct text many = {}, text = {};
	struct desired_lb *lb;
	json_t *items = json_array();

	(void)state;
	text_add(&many, "name default/web\nnumber 1\nvip 10.0.0.1\nport TCP 80\n");
	for (unsigned int i = 1; i <= TRACE_HEALTH_LINES_MAX + 3; i++) {
		char address[32];

		(void)snprintf(address, sizeof(address), "10.1.0.%u", i);
		text_addf(&many, "destination %s\n", address);
		assert_int_equal(
			json_array_append_new(items, json_pack("{s:s, s:s}", "address", address,
							       "state", "Unhealthy")),
			0);
	}
	lb = some_lb_parse(many.bytes);
	assert_int_equal(trace_health_apply(lb, FAMILY_IPV4, items, &text), 0);
	assert_non_null(strstr(text.bytes, "health: 10.1.0.10 unhealthy, left out\n"
					   "health: and 3 more\n"));
	json_decref(items);
	desired_lb_free(lb);
	text_deinit(&many);
	text_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_many_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
