/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/top.h"
#include "base/text.h"
#include "tests/support/cmocka.h"

static struct traffic make(size_t n)
{
	struct traffic traffic = {.net = strdup("default_a"), .has_sums = true};

	traffic.lbs = calloc(n + 1, sizeof(*traffic.lbs));
	for (; traffic.n_lbs < n; traffic.n_lbs++) {
		struct traffic_lb *lb = &traffic.lbs[traffic.n_lbs];
		char name[32];

		(void)snprintf(name, sizeof(name), "default/lb-%zu", traffic.n_lbs);
		lb->name = strdup(name);
		lb->connections = 10;
		lb->sums[TRAFFIC_REPLY].bytes = traffic.n_lbs;
		lb->destinations = calloc(1, sizeof(*lb->destinations));
		lb->n_destinations = 1;
		lb->destinations[0].address =
			(struct address){.family = FAMILY_IPV4, .bytes = {10, 0, 0, 1}};
		lb->destinations[0].live = 3;
	}
	return traffic;
}

static void drop(struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->n_lbs; i++) {
		free(traffic->lbs[i].name);
		free(traffic->lbs[i].destinations);
	}
	free(traffic->lbs);
	free(traffic->net);
}

static void test_busiest_first(void **state)
{
	struct traffic traffic = make(2);
	struct text text = {};

	(void)state;
	top_write(&text, "n1", &traffic, NULL, 7);
	assert_string_equal(
		text.bytes,
		"{\"node\":\"n1\",\"net\":\"default_a\",\"atMilliseconds\":7,"
		"\"destinationsCounted\":true,\"loadBalancers\":["
		"{\"name\":\"lb-1\",\"connections\":10,\"live\":0,\"packets\":[0,0],\"bytes\":[0,1],"
		"\"destinations\":[{\"address\":\"10.0.0.1\",\"live\":3,\"packets\":[0,0],"
		"\"bytes\":[0,0]}]},"
		"{\"name\":\"lb-0\",\"connections\":10,\"live\":0,\"packets\":[0,0],\"bytes\":[0,0],"
		"\"destinations\":[{\"address\":\"10.0.0.1\",\"live\":3,\"packets\":[0,0],"
		"\"bytes\":[0,0]}]}],\"leftOut\":0}");
	text_deinit(&text);
	drop(&traffic);
}

static void test_only_one(void **state)
{
	struct traffic traffic = make(3);
	struct text text = {};

	(void)state;
	top_write(&text, "n1", &traffic, "lb-1", 7);
	assert_non_null(strstr(text.bytes, "lb-1"));
	assert_null(strstr(text.bytes, "lb-2"));
	assert_null(strstr(text.bytes, "lb-0"));
	text_deinit(&text);
	drop(&traffic);
}

/* What does not fit is counted, and the answer is still whole. */
static void test_bounded(void **state)
{
	struct traffic traffic = make(10000);
	struct text text = {};
	char *left_out;

	(void)state;
	top_write(&text, "n1", &traffic, NULL, 7);
	assert_true(text.len < TOP_ANSWER_MAX + 100);
	left_out = strstr(text.bytes, "}],\"leftOut\":");
	assert_non_null(left_out);
	assert_null(strstr(left_out, "\"leftOut\":0"));
	assert_non_null(strstr(text.bytes, "\"lb-9999\""));
	text_deinit(&text);
	drop(&traffic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busiest_first),
		cmocka_unit_test(test_only_one),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
