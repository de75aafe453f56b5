/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "messages/codec.h"
#include "messages/desired.h"
#include "messages/note.h"
#include "tests/support/cmocka.h"

static struct note good(void)
{
	return (struct note){
		.node = (char *)"node-1",
		.net = (char *)"default_my-network",
		.at_ms = 1795000000123,
		.warning = true,
		.object = (char *)"loadbalancer/web",
		.reason = (char *)"DestinationUnhealthy",
		.sentence = (char *)"10.1.2.10 does not answer",
	};
}

static int through(const struct note *out, struct note **ret_in, struct error *err)
{
	auto_free void *bytes = NULL;
	size_t len;

	assert_int_equal(note_pack(out, &bytes, &len), 0);
	return note_unpack(bytes, len, ret_in, err);
}

static void test_round_trip(void **state)
{
	auto_call(note_freep) struct note *in = NULL;
	struct note out = good();
	struct error err = {};

	(void)state;
	if (through(&out, &in, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(in->node, out.node);
	assert_string_equal(in->net, out.net);
	assert_int_equal(in->at_ms, out.at_ms);
	assert_true(in->warning);
	assert_string_equal(in->object, out.object);
	assert_string_equal(in->reason, out.reason);
	assert_string_equal(in->sentence, out.sentence);
}

/* The object becomes part of a subject. */
static void test_bad_objects(void **state)
{
	static const char *const objects[] = {"",       "web",    "/web", "lb/",
					      "lb/a b", "lb/*",   "lb/>", "l b/a",
					      "lb/A",   "lb/a/b", "LB/a", "lb/\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		auto_call(note_freep) struct note *in = NULL;
		struct note out = good();
		struct error err = {};

		out.object = (char *)objects[i];
		if (through(&out, &in, &err) != -EBADMSG)
			fail_msg("'%s' is taken", objects[i]);
		assert_non_null(strstr(err.text, "object"));
	}
}

static void test_limits(void **state)
{
	char object[NOTE_OBJECT_MAX + 2] = "lb/", reason[NOTE_REASON_MAX + 2] = "";
	auto_call(note_freep) struct note *in = NULL;
	struct note out = good();
	struct error err = {};

	(void)state;
	memset(object + 3, 'a', NOTE_OBJECT_MAX - 2);
	out.object = object;
	assert_int_equal(through(&out, &in, &err), -E2BIG);
	object[NOTE_OBJECT_MAX] = '\0';
	assert_int_equal(through(&out, &in, &err), -EBADMSG);
	assert_string_equal(err.text, "object: the name is too long");
	object[3 + DESIRED_NAME_MAX + 1] = '\0';
	assert_int_equal(through(&out, &in, &err), -EBADMSG);
	object[3 + DESIRED_NAME_MAX] = '\0';
	memset(reason, 'a', NOTE_REASON_MAX + 1);
	out.reason = reason;
	assert_int_equal(through(&out, &in, &err), -E2BIG);
	reason[NOTE_REASON_MAX] = '\0';
	assert_int_equal(through(&out, &in, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad_objects),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
