/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pending.h"
#include "base/array.h"
#include "tests/agent/make.h"
#include "tests/support/cmocka.h"

/* What waits, then what comes: letters as in make_delta(), "*" first for a snapshot. */
struct merge_case {
	const char *name, *waits, *comes, *expect;
	int result;
};

static const struct merge_case merge_cases[] = {
	{"into nothing", NULL, "b-ca", "a2b2-c", 0},
	{"nothing into nothing", NULL, "", "", 0},
	{"named and removed at once is named", NULL, "a-a-b", "a2-b", 0},
	{"removed twice", NULL, "-a-a-b", "-a-b", 0},
	{"named twice is refused", "a", "bb", "a1", -EBADMSG},
	{"newer replaces", "ab", "b", "a1b2", 0},
	{"newer removes", "ab", "-b", "a1-b", 0},
	{"newer brings back", "-ab", "a", "a2b1", 0},
	{"removed again", "-a", "-a", "-a", 0},
	{"removals add up", "-a-c", "-b", "-a-b-c", 0},
	{"in between", "ac", "b", "a1b2c1", 0},
	{"snapshot replaces all", "ab-c", "*d", "d2", 0},
	{"snapshot of nothing", "ab-c", "*", "", 0},
	{"change into snapshot", "*ab", "c-a", "b1c2", 0},
	{"removal of what a snapshot never had", "*ab", "-c", "a1b1", 0},
	{"snapshot says removed", NULL, "*a-b", "a2", 0},
	{"empty change", "a-b", "", "a1-b", 0},
};

static struct desired *make(const char *what, uint64_t revision)
{
	return *what == '*' ? make_part(1, revision, what + 1, 1, 1)
			    : make_delta(1, revision - 1, revision, what);
}

static void merge_one(const struct merge_case *c)
{
	struct desired *pending = NULL;
	bool snapshot = (c->waits && *c->waits == '*') || *c->comes == '*';

	if (c->waits)
		assert_int_equal(pending_merge(&pending, make(c->waits, 1)), 0);
	assert_int_equal(pending_merge(&pending, make(c->comes, 2)), c->result);
	assert_string_equal(make_text(pending), c->expect);
	assert_int_equal(pending->revision, c->result == 0 ? 2 : 1);
	assert_true(pending->snapshot == snapshot);
	desired_free(pending);
}

static void test_merge(void **state)
{
	(void)state;
	ARRAY_FOREACH(c, merge_cases, ARRAY_SIZE(merge_cases)) {
		print_message("  %s\n", c->name);
		merge_one(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
