/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rates.h"
#include "tests/support/cmocka.h"

static json_t *answer(const char *node, int at_ms, int connections, int bytes)
{
	return json_pack(
		"{s:s, s:s, s:i, s:[{s:s, s:i, s:i, s:[i,i], s:[i,i], s:[{s:s, s:i, s:[i,i], "
		"s:[i,i]}]}]}",
		"node", node, "net", "default_a_b", "atMilliseconds", at_ms, "loadBalancers",
		"name", "web", "connections", connections, "live", 2, "packets", 10, 20, "bytes",
		bytes, 2 * bytes, "destinations", "address", "10.0.0.1", "live", 2, "packets", 10,
		20, "bytes", bytes, 0);
}

static double real_at(const json_t *row, const char *member, size_t i)
{
	return json_number_value(json_array_get(json_object_get(row, member), i));
}

/* Sums over nodes, each by its own clock. */
static void test_sums_nodes(void **state)
{
	json_t *before = json_pack("[o, o]", answer("n1", 1000, 5, 1000), answer("n2", 0, 7, 0));
	json_t *now = json_pack("[o, o]", answer("n2", 1000, 9, 500), answer("n1", 3000, 15, 5000));
	json_t *rows = rates_of(before, now);
	const json_t *row = json_array_get(rows, 0), *destination;

	(void)state;
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(json_string_value(json_object_get(row, "network")), "a.b");
	assert_string_equal(json_string_value(json_object_get(row, "loadbalancer")), "web");
	assert_int_equal(json_integer_value(json_object_get(row, "nodes")), 2);
	assert_int_equal(json_integer_value(json_object_get(row, "live")), 4);
	assert_int_equal(json_integer_value(json_object_get(row, "connections")), 24);
	assert_true(json_number_value(json_object_get(row, "connectionsPerSecond")) == 5 + 2);
	assert_true(real_at(row, "bytesPerSecond", 0) == 2000 + 500);
	assert_true(real_at(row, "bytesPerSecond", 1) == 4000 + 1000);
	destination = json_array_get(json_object_get(row, "destinations"), 0);
	assert_true(real_at(destination, "bytesPerSecond", 0) == 2500);
	json_decref(before);
	json_decref(now);
	json_decref(rows);
}

/* A counter that began anew, a node that has just come, and the first look: nothing is known. */
static void test_no_rate(void **state)
{
	json_t *before = json_pack("[o]", answer("n1", 1000, 50, 1000));
	json_t *now = json_pack("[o, o]", answer("n1", 2000, 5, 10), answer("n2", 2000, 9, 500));
	json_t *rows = rates_of(before, now), *first = rates_of(NULL, now);

	(void)state;
	assert_true(real_at(json_array_get(rows, 0), "bytesPerSecond", 0) == 0);
	assert_true(real_at(json_array_get(first, 0), "bytesPerSecond", 0) == 0);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(first, 0), "live")), 4);
	json_decref(before);
	json_decref(now);
	json_decref(rows);
	json_decref(first);
}

/* Whatever somebody answers. */
static void test_odd_answers(void **state)
{
	static const char other_types[] =
		"[{\"net\": \"a\", \"loadBalancers\": [{\"name\": \"x\", \"bytes\": \"y\", "
		"\"packets\": [\"z\", -1e300], \"live\": -5, \"destinations\": [1, {\"live\": "
		"1e300}]}]}]";
	static const char *const texts[] = {
		"[]",
		"[1, null, \"x\", []]",
		"[{\"loadBalancers\": 3}]",
		"[{\"node\": 1, \"net\": [], \"loadBalancers\": [1, {}, {\"name\": 3}]}]",
		other_types,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *now = json_loads(texts[i], 0, NULL);
		json_t *rows;

		assert_non_null(now);
		rows = rates_of(now, now);
		assert_true(json_is_array(rows));
		json_decref(rows);
		json_decref(now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_nodes),
		cmocka_unit_test(test_no_rate),
		cmocka_unit_test(test_odd_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
