/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "messages/desired.h"
#include "tests/support/cmocka.h"

static void test_protocol_names(void **state)
{
	enum protocol protocol = PROTOCOL_TCP;

	(void)state;
	assert_string_equal(protocol_name(PROTOCOL_SCTP), "SCTP");
	assert_string_equal(protocol_name((enum protocol)0), "?");
	assert_int_equal(protocol_parse("UDP", &protocol), 0);
	assert_int_equal(protocol, PROTOCOL_UDP);
	assert_int_equal(protocol_parse("udp", &protocol), -EINVAL);
	assert_int_equal(protocol_parse("", &protocol), -EINVAL);
	assert_int_equal(protocol_parse("?", &protocol), -EINVAL);
	assert_int_equal(protocol, PROTOCOL_UDP);
}

static void test_half_built_is_freed(void **state)
{
	struct desired *desired = calloc(1, sizeof(*desired));

	(void)state;
	desired->lbs = calloc(1, sizeof(struct desired_lb *));
	desired->n_lbs = 1;
	desired_free(desired);
	desired_free(NULL);
	desired_lb_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocol_names),
		cmocka_unit_test(test_half_built_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
