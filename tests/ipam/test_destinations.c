/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "ipam/destinations.h"
#include "tests/ipam/cloud.h"
#include "tests/support/cmocka.h"

/* A LoadBalancer with check, three destinations of which the last drains, and what a node says. */
struct fixture {
	struct cloud cloud;
	const struct object *lb;
	struct resolution resolution;
	struct verdicts *verdicts;
	struct destinations_health health;
	struct conditions conditions;
	json_t *previous, *status;
};

static int set_up(void **state)
{
	static const char *const commands[] = {
		"apply net n", "apply lb l n 10.0.9.9",
		"apply routing l n 10.0.0.1*1,10.0.0.2*1,10.0.0.3*0"};
	struct fixture *f = calloc(1, sizeof(*f));

	cloud_init(&f->cloud);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)cloud_do(&f->cloud, commands[i]);
	f->lb = catalog_find(f->cloud.catalog, KIND_LOAD_BALANCER, "default", "l");
	assert_int_equal(resolve_lb(f->cloud.catalog, f->lb, &f->resolution), 0);
	assert_int_equal(f->resolution.lb->n_destinations, 3);
	f->resolution.lb->check =
		(struct desired_check){.port = 80, .interval_s = 5, .timeout_s = 1};
	for (size_t i = 0; i < 3; i++)
		f->resolution.lb->destinations[i].node = strdup("node-1");
	assert_int_equal(verdicts_new(NULL, NULL, NULL, &f->verdicts), 0);
	f->health = (struct destinations_health){.verdicts = f->verdicts, .now_ms = 1000};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolution_deinit(&f->resolution);
	verdicts_free(f->verdicts);
	json_decref(f->previous);
	json_decref(f->status);
	json_decref(f->conditions.list);
	cloud_deinit(&f->cloud);
	free(f);
	return 0;
}

/* '+' or '-' for each destination that the node says something of; '.' nothing. */
static void say(struct fixture *f, const char *what, bool links, bool dead)
{
	struct health_verdict list[3] = {};
	struct health health = {.node = (char *)"node-1", .verdicts = list, .dead = dead};
	bool is_new;

	for (size_t i = 0; what[i]; i++) {
		if (what[i] == '.')
			continue;
		list[health.n_verdicts++] = (struct health_verdict){
			.address = f->resolution.lb->destinations[i].address,
			.check = links ? HEALTH_CHECK_LINK
				       : health_check_id(&f->resolution.lb->check),
			.healthy = what[i] == '+',
			.since_ms = 1000,
			.reason = (char *)(links            ? "LinkDown"
					   : what[i] == '+' ? "Connected"
							    : "Timeout"),
		};
	}
	assert_int_equal(verdicts_take(f->verdicts, &health, 1000, &is_new), 0);
}

/* "ready/unhealthy/draining status reason: message" */
static void expect(struct fixture *f, const char *wanted)
{
	auto_call(text_deinit) struct text text = {};
	const json_t *condition;

	json_decref(f->status);
	json_decref(TAKE(f->conditions.list));
	f->conditions = (struct conditions){.previous = f->previous};
	f->status = destinations_status(f->lb, &f->resolution, &f->health, &f->conditions);
	assert_non_null(f->status);
	condition = json_array_get(f->conditions.list, 0);
	text_addf(&text, "%d/%d/%d %s %s: %s",
		  (int)json_integer_value(json_object_get(f->status, "ready")),
		  (int)json_integer_value(json_object_get(f->status, "unhealthy")),
		  (int)json_integer_value(json_object_get(f->status, "draining")),
		  json_string_value(json_object_get(condition, "status")),
		  json_string_value(json_object_get(condition, "reason")),
		  json_string_value(json_object_get(condition, "message")));
	assert_string_equal(text.bytes, wanted);
}

static void test_states(void **state)
{
	struct fixture *f = *state;

	expect(f, "0/2/1 False NotChecked: none of 2 destinations has been checked yet");
	say(f, "-", false, false);
	expect(f, "0/2/1 False AllUnhealthy: none of 2 destinations is healthy, the first is "
		  "10.0.0.1: Timeout");
	say(f, ".+-", false, false);
	expect(f, "1/1/1 True SomeUnhealthy: 1 of 2 destinations are not healthy, the first is "
		  "10.0.0.1: Timeout");
	say(f, "+", false, false);
	expect(f, "2/0/1 True DestinationsAvailable: ");
	say(f, ".-", true, false);
	expect(f, "1/1/1 True SomeUnhealthy: 1 of 2 destinations are not healthy, the first is "
		  "10.0.0.2: LinkDown");
	say(f, "", false, true);
	expect(f, "0/2/1 False AllUnhealthy: none of 2 destinations is healthy, the first is "
		  "10.0.0.1: NodeDead");
	f->resolution.lb->when_all_unhealthy = ALL_UNHEALTHY_FAIL_OPEN;
	expect(f, "0/2/1 True FailOpen: none of 2 destinations is healthy, the first is 10.0.0.1: "
		  "NodeDead; all get connections, as whenAllUnhealthy asks");
}

/* Without a check only links and nodes count. */
static void test_without_check(void **state)
{
	struct fixture *f = *state;

	f->resolution.lb->check = (struct desired_check){};
	f->health.verdicts = NULL;
	expect(f, "2/0/1 True DestinationsAvailable: ");
	f->health.verdicts = f->verdicts;
	say(f, "-", true, false);
	expect(f, "1/1/1 True SomeUnhealthy: 1 of 2 destinations are not healthy, the first is "
		  "10.0.0.1: LinkDown");
}

static void test_a_family_without_a_healthy_one(void **state)
{
	struct fixture *f = *state;
	struct desired_lb *lb = f->resolution.lb;

	assert_int_equal(address_parse("fd00::9", &lb->vips[1]), 0);
	lb->n_vips = 2;
	assert_int_equal(address_parse("fd00::1", &lb->destinations[2].address), 0);
	say(f, "++", false, false);
	expect(f, "2/0/1 True NoDestinationsOfFamily: fd00::9 refuses connections: there is no "
		  "IPv6 destination");
	lb->destinations[2].weight = 1;
	say(f, "++-", false, false);
	expect(f, "2/1/0 True NoHealthyDestinationsOfFamily: fd00::9 refuses connections: no IPv6 "
		  "destination is healthy");
	lb->when_all_unhealthy = ALL_UNHEALTHY_FAIL_OPEN;
	expect(f,
	       "2/1/0 True FailOpen: fd00::9 sends to all IPv6 destinations, as whenAllUnhealthy "
	       "asks: none is healthy");
}

/* An allocator that has just begun to listen repeats what was said before. */
static void test_pending(void **state)
{
	struct fixture *f = *state;

	f->health.pending = true;
	expect(f, "0/2/1 False NotChecked: none of 2 destinations has been checked yet");
	f->previous =
		json_pack("{s{si si si} s[{ss ss ss ss}]}", "destinations", "ready", 2, "unhealthy",
			  0, "draining", 1, "conditions", "type", "DestinationsAvailable", "status",
			  "True", "reason", "Fine", "message", "as before");
	expect(f, "2/0/1 True Fine: as before");
	say(f, "-+", false, false);
	expect(f, "1/1/1 True SomeUnhealthy: 1 of 2 destinations are not healthy, the first is "
		  "10.0.0.1: Timeout");
}

static void test_describe(void **state)
{
	struct fixture *f = *state;
	const struct desired_destination *destination = &f->resolution.lb->destinations[1];
	auto_free char *text = NULL;
	struct destination_finding finding;
	json_t *json;

	say(f, ".-", false, false);
	destination_find(f->resolution.lb, destination, &f->health, &finding);
	json = destination_describe(destination, &finding);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	assert_string_equal(text, "{\"address\":\"10.0.0.2\",\"node\":\"node-1\",\"weight\":1,"
				  "\"state\":\"Unhealthy\",\"reason\":\"Timeout\","
				  "\"since\":\"1970-01-01T00:00:01Z\",\"checkedBy\":\"node-1\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_states),
		TEST(test_without_check),
		TEST(test_a_family_without_a_healthy_one),
		TEST(test_pending),
		TEST(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
