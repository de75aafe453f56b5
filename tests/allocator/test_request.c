/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "allocator/request.h"
#include "base/array.h"
#include "tests/support/cmocka.h"

static int parse(const char *subject, const char *body, struct request *request, struct error *err)
{
	struct request_input input = {.subject = subject, .body = body, .len = strlen(body)};

	return request_parse(&input, request, err);
}

/* Requests that are refused, each with the sentence that helps. */
static void test_refusals(void **state)
{
	static const struct {
		const char *subject, *body, *sentence;
	} rows[] = {
		{"ilb.v1.apply.default", "", "--force-stdin --raw < lb.yaml"},
		{"ilb.v1.apply.default", " \n", "ilb.v1.apply.default"},
		{"ilb.v1.apply.default", "!nil!", "no manifest"},
		{"ilb.v1.dryrun.team1", "!nil!", "ilb.v1.dryrun.team1"},
		{"ilb.v1.get.default", "", "ilb.v1.get.default loadbalancer/NAME"},
		{"ilb.v1.get.default", "loadbalancer", "KIND/NAME"},
		{"ilb.v1.get.default", "loadbalancer/", "KIND/NAME"},
		{"ilb.v1.get.default", "gateway/x", "no such kind 'gateway'"},
		{"ilb.v1.delete.default", "!nil!", "ilb.v1.delete.default"},
		{"ilb.v1.list.default", "", "loadbalancers selector="},
		{"ilb.v1.list.default", "gateways", "no such kind 'gateways'"},
		{"ilb.v1.list.default", "lb limit=0", "limit: must be between 1 and 5000"},
		{"ilb.v1.list.default", "lb limit=x", "limit: must be between 1 and 5000"},
		{"ilb.v1.list.default", "lb selector=a==b==c", "selector: "},
		{"ilb.v1.list.default", "lb output=json", "'output=json' is none of"},
		{"ilb.v1.aply.default", "x", "apply, delete, get, list, dryrun"},
		{"ilb.v1.apply", "x", "ilb.v1.VERB.NAMESPACE"},
		{"ilb.v1.alive.node1", "x", "no such subject"},
		{"ilb.v1.nodes", "limit=0", "limit: must be between 1 and 5000"},
		{"ilb.v1.nodes", "lb", "'lb' is none of"},
		{"ilb.v1.nodes.default", "", "no such subject"},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct request request = {};
		struct error err = {};
		int r = parse(row->subject, row->body, &request, &err);

		if (r != -EINVAL || !strstr(err.text, row->sentence))
			fail_msg("%s '%s': %d '%s'", row->subject, row->body, r, err.text);
	}
}

static void test_several_names(void **state)
{
	struct request request = {};
	struct error err;

	(void)state;
	assert_int_equal(parse("ilb.v1.get.team1", "lb/web\n prefix/p.q\t", &request, &err), 0);
	assert_int_equal(request.verb, API_GET);
	assert_string_equal(request.name_space, "team1");
	assert_int_equal(request.n_targets, 2);
	assert_int_equal(request.targets[0].kind, KIND_LOAD_BALANCER);
	assert_string_equal(request.targets[0].name, "web");
	assert_int_equal(request.targets[1].kind, KIND_PREFIX);
	assert_string_equal(request.targets[1].name, "p.q");
	request_deinit(&request);
}

static void test_too_many_names(void **state)
{
	struct request request = {};
	struct error err;
	struct text text = {};

	(void)state;
	for (int i = 0; i <= REQUEST_TARGETS_MAX; i++)
		text_add(&text, "lb/a ");
	assert_int_equal(parse("ilb.v1.delete.default", text.bytes, &request, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 1024"));
	text_deinit(&text);
}

static void test_list_with_options(void **state)
{
	struct request request = {};
	struct error err;

	(void)state;
	assert_int_equal(parse("ilb.v1.list.default",
			       "loadbalancers selector=app=web,tier limit=7 continue=web-3",
			       &request, &err),
			 0);
	assert_int_equal(request.list, LIST_OBJECTS);
	assert_int_equal(request.kind, KIND_LOAD_BALANCER);
	assert_non_null(request.selector);
	assert_int_equal(request.limit, 7);
	assert_string_equal(request.after, "web-3");
	request_deinit(&request);
}

static void test_list_with_headers(void **state)
{
	struct request_input input = {
		.subject = "ilb.v1.list.default",
		.body = "nodes",
		.len = 5,
		.accept = "text/plain, application/json",
		.limit = "3",
		.after = "node-1",
		.selector = "a in (b,c)",
	};
	struct request request = {};
	struct error err;

	(void)state;
	assert_int_equal(request_parse(&input, &request, &err), 0);
	assert_int_equal(request.list, LIST_NODES);
	assert_true(request.json);
	assert_int_equal(request.limit, 3);
	assert_string_equal(request.after, "node-1");
	request_deinit(&request);
}

/* Of all namespaces there is this one list, and a subject for who may have it. */
static void test_nodes_of_all_namespaces(void **state)
{
	static const char *const bodies[] = {"", "!nil!", "limit=3"};

	(void)state;
	ARRAY_FOREACH(body, bodies, ARRAY_SIZE(bodies)) {
		struct request request = {};
		struct error err = {};

		if (parse(SUBJECT_NODES, *body, &request, &err) < 0)
			fail_msg("'%s': %s", *body, err.text);
		assert_int_equal(request.verb, API_LIST);
		assert_int_equal(request.list, LIST_NODES);
		assert_string_equal(request.name_space, "");
		request_deinit(&request);
	}
}

static void test_form_of_a_refusal_is_known(void **state)
{
	struct request_input input = {
		.subject = "ilb.v1.get.default", .body = "", .accept = "application/json"};
	struct request request = {};
	struct error err;

	(void)state;
	assert_int_equal(request_parse(&input, &request, &err), -EINVAL);
	assert_true(request.json);
	assert_int_equal(request.verb, API_GET);
}

#define NETWORK(name) \
	"apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\nmetadata: {name: " name "}\n"

static void test_manifests(void **state)
{
	static const struct {
		const char *subject;
		enum api_verb verb;
	} rows[] = {{"ilb.v1.apply.default", API_APPLY},
		    {"ilb.v1.dryrun.default", API_DRYRUN},
		    {"ilb.v1.delete.default", API_DELETE}};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct request request = {};
		struct error err = {};

		if (parse(row->subject, NETWORK("a") "---\n" NETWORK("b"), &request, &err) < 0 ||
		    request.verb != row->verb || request.documents.n_items != 2)
			fail_msg("%s: '%s', %zu documents", row->subject, err.text,
				 request.documents.n_items);
		request_deinit(&request);
	}
}

static void test_bytes_that_are_no_text(void **state)
{
	struct request_input input = {.subject = "ilb.v1.get.default", .body = "lb/a\0b", .len = 6};
	struct request request = {};
	struct error err;

	(void)state;
	assert_int_equal(request_parse(&input, &request, &err), -EINVAL);
	assert_non_null(strstr(err.text, "NUL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_several_names),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_list_with_options),
		cmocka_unit_test(test_list_with_headers),
		cmocka_unit_test(test_nodes_of_all_namespaces),
		cmocka_unit_test(test_form_of_a_refusal_is_known),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_bytes_that_are_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
