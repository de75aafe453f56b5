/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "messages/codec.h"
#include "messages/health.h"
#include "tests/support/cmocka.h"

static struct health *make(size_t n)
{
	struct health *health = calloc(1, sizeof(*health));

	health->node = strdup("node-1");
	health->net = strdup("default_a");
	health->boot.bytes[3] = 7;
	health->full = true;
	health->verdicts = calloc(n + 1, sizeof(*health->verdicts));
	for (; health->n_verdicts < n; health->n_verdicts++) {
		struct health_verdict *verdict = &health->verdicts[health->n_verdicts];

		verdict->address = (struct address){.family = FAMILY_IPV4, .bytes = {10, 1, 2, 3}};
		verdict->check = UINT64_MAX - health->n_verdicts;
		verdict->healthy = health->n_verdicts % 2;
		verdict->since_ms = 5;
		verdict->reason = strdup("HTTPStatus 503");
	}
	return health;
}

static int through(const struct health *out, struct health **ret_in, struct error *err)
{
	auto_free void *bytes = NULL;
	size_t len;

	assert_int_equal(health_pack(out, &bytes, &len), 0);
	return health_unpack(bytes, len, ret_in, err);
}

static void test_round_trip(void **state)
{
	auto_call(health_freep) struct health *out = make(3), *in = NULL;
	struct error err = {};

	(void)state;
	out->verdicts[1].source = (struct address){.family = FAMILY_IPV6, .bytes = {0xfe, 0x80}};
	if (through(out, &in, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(in->node, "node-1");
	assert_string_equal(in->net, "default_a");
	assert_int_equal(in->boot.bytes[3], 7);
	assert_true(in->full);
	assert_false(in->dead);
	assert_int_equal(in->n_verdicts, 3);
	assert_true(in->verdicts[2].check == UINT64_MAX - 2);
	assert_true(in->verdicts[1].healthy);
	assert_false(in->verdicts[2].healthy);
	assert_int_equal(in->verdicts[2].since_ms, 5);
	assert_string_equal(in->verdicts[2].reason, "HTTPStatus 503");
	assert_true(address_equal(&in->verdicts[1].source, &out->verdicts[1].source));
	assert_int_equal(in->verdicts[2].source.family, FAMILY_NONE);
}

static void test_refusals(void **state)
{
	auto_call(health_freep) struct health *out = make(2), *in = NULL;
	struct error err = {};

	(void)state;
	out->verdicts[1].address.family = FAMILY_NONE;
	assert_int_equal(through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "verdicts[1]: address"));
	out->node[0] = '.';
	assert_int_equal(through(out, &in, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "node: "));
}

static void test_truncation(void **state)
{
	auto_call(health_freep) struct health *out = make(2);
	auto_free void *bytes = NULL;
	size_t len;

	(void)state;
	assert_int_equal(health_pack(out, &bytes, &len), 0);
	for (size_t i = 0; i < len; i++) {
		auto_call(health_freep) struct health *in = NULL;

		assert_true(health_unpack(bytes, i, &in, NULL) <= 0);
	}
}

static void test_check_id(void **state)
{
	struct desired_check check = {.port = 80, .timeout_s = 3, .healthy_threshold = 2};
	uint64_t id;

	(void)state;
	assert_true(health_check_id(&check) == 0); /* absent */
	check.interval_s = 5;
	id = health_check_id(&check);
	assert_true(id != 0 && id == health_check_id(&check));
	check.port = 81;
	assert_true(id != health_check_id(&check));
	check.port = 80;
	check.path = (char *)"/";
	assert_true(id != health_check_id(&check));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_check_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
