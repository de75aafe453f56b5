/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/array.h"
#include "messages/codec.h"
#include "messages/overlay.h"
#include "tests/support/cmocka.h"

/*
 * Destinations as letters: "4" and "6" by family, "0" an IPv4 one of weight 0. Bad and dead ones
 * are marked 'x' in their place.
 */
static const struct {
	const char *name, *destinations, *bad, *reject, *open;
} rows[] = {
	{"none", "", "", "", ""},
	{"all good", "444", "...", "...", "..."},
	{"one bad", "444", ".x.", ".x.", ".x."},
	{"all bad", "444", "xxx", "xxx", "..."},
	{"all of one family", "4466", "xx.x", "xx.x", "...x"},
	{"all of both", "4466", "xxxx", "xxxx", "...."},
	{"what drains does not count", "4404", "xx.x", "xx.x", "...."},
	{"only what drains is bad", "40", ".x", ".x", ".x"},
};

static struct desired_lb *make(const char *what)
{
	struct desired_lb *lb = calloc(1, sizeof(*lb));

	lb->name = strdup("default/a");
	lb->number = 1;
	lb->n_destinations = strlen(what);
	lb->destinations = calloc(lb->n_destinations + 1, sizeof(*lb->destinations));
	for (size_t i = 0; i < lb->n_destinations; i++) {
		struct desired_destination *destination = &lb->destinations[i];

		destination->address.family = what[i] == '6' ? FAMILY_IPV6 : FAMILY_IPV4;
		destination->address.bytes[0] = 10;
		destination->address.bytes[3] = (uint8_t)(i + 1);
		destination->weight = what[i] == '0' ? 0 : 1;
		destination->node = i % 2 ? strdup("node-1") : NULL;
	}
	return lb;
}

static void check_dead(const char *name, const struct desired_lb *lb, const char *expected)
{
	for (size_t i = 0; i < lb->n_destinations; i++) {
		if (lb->destinations[i].dead != (expected[i] == 'x'))
			fail_msg("%s: destination %zu", name, i);
	}
}

static void overlay_one(size_t row, enum all_unhealthy when, const char *expected)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = make(rows[row].destinations);
	bool bad[8] = {}, good[8] = {};

	for (size_t i = 0; i < lb->n_destinations; i++)
		bad[i] = rows[row].bad[i] == 'x';
	lb->when_all_unhealthy = when;
	assert_int_equal(overlay_apply(lb, bad), strchr(expected, 'x') != NULL);
	check_dead(rows[row].name, lb, expected);
	assert_false(overlay_apply(lb, bad)); /* the same again changes nothing */
	assert_int_equal(overlay_apply(lb, good), strchr(expected, 'x') != NULL);
	check_dead(rows[row].name, lb, "........");
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		overlay_one(row, ALL_UNHEALTHY_REJECT, rows[row].reject);
		overlay_one(row, ALL_UNHEALTHY_FAIL_OPEN, rows[row].open);
	}
}

/* Everything that travels is in the copy, which owns it. */
static void test_copy(void **state)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = make("4466"), *copy = NULL;
	uint64_t digest, digest_of_copy;

	(void)state;
	lb->check = (struct desired_check){.protocol = CHECK_PROTOCOL_HTTP, .interval_s = 5};
	lb->check.path = strdup("/x");
	lb->ports = calloc(2, sizeof(*lb->ports));
	lb->n_ports = 2;
	lb->ports[1] = (struct desired_port){PROTOCOL_TCP, 80, 80, 8080};
	lb->source_ranges = calloc(1, sizeof(*lb->source_ranges));
	lb->n_source_ranges = 1;
	lb->source_ranges[0].len = 8;
	lb->destinations[3].dead = true;
	assert_int_equal(codec_digest(lb, &digest), 0);
	assert_int_equal(overlay_copy(lb, &copy), 0);
	desired_lb_free(TAKE(lb));
	assert_int_equal(codec_digest(copy, &digest_of_copy), 0);
	assert_true(digest == digest_of_copy);
	assert_true(copy->destinations[3].dead);
	lb = make("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
