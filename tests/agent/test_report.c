/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/report.h"
#include "base/array.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"

static struct status *make_status(uint64_t revision, size_t n_addresses, size_t n_conditions)
{
	struct status *status = calloc(1, sizeof(*status));

	assert_non_null(status);
	status->revision = revision;
	status->addresses = calloc(n_addresses + 1, sizeof(*status->addresses));
	for (; status->n_addresses < n_addresses; status->n_addresses++) {
		size_t i = status->n_addresses;

		status->addresses[i] =
			(struct address){FAMILY_IPV4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
	}
	status->conditions = calloc(n_conditions + 1, sizeof(*status->conditions));
	for (; status->n_conditions < n_conditions; status->n_conditions++)
		status->conditions[status->n_conditions] =
			(struct status_condition){strdup("Kernel"), strdup("says so")};
	return status;
}

/* Publishes it; gives what a receiver reads. */
static struct status *publish(struct report *report, uint64_t now, char **ret_addresses)
{
	auto_free void *bytes = NULL;
	auto_free char *addresses = NULL;
	struct status *status = NULL;
	struct error err = {};
	size_t len;

	assert_int_equal(report_take(report, now, 0, &bytes, &len, &addresses), 0);
	if (status_unpack(bytes, len, &status, &err) < 0)
		fail_msg("%s", err.text);
	if (ret_addresses)
		*ret_addresses = TAKE(addresses);
	return status;
}

static void expect_published(struct report *report, uint64_t now, uint64_t revision)
{
	auto_call(status_freep) struct status *status = publish(report, now, NULL);

	assert_string_equal(status->node, "node1");
	assert_string_equal(status->net, "default_net");
	assert_int_equal(status->revision, revision);
}

static void test_first_at_once_then_the_latest(void **state)
{
	struct report report;

	(void)state;
	assert_int_equal(report_init(&report, "node1", "default_net"), 0);
	assert_true(report.due == REPORT_NEVER);
	assert_int_equal(report_set(&report, make_status(1, 0, 0), 1000), 0);
	assert_int_equal(report.due, 1000);
	expect_published(&report, 1000, 1);
	assert_int_equal(report_set(&report, make_status(2, 0, 0), 1010), 0);
	assert_int_equal(report_set(&report, make_status(3, 0, 0), 1020), 0);
	assert_int_equal(report.due, 1000 + REPORT_PAUSE_MS);
	expect_published(&report, 1000 + REPORT_PAUSE_MS, 3);
	/* Nothing new: again after the refresh interval, not before. */
	assert_int_equal(report.due, 1000 + REPORT_PAUSE_MS + REPORT_REFRESH_MS / 2);
	report_soon(&report, 2000);
	assert_int_equal(report.due, 2000);
	expect_published(&report, 2000, 3);
	report_deinit(&report);
}

static void test_own_conditions(void **state)
{
	struct report report;
	struct status *status;

	(void)state;
	assert_int_equal(report_init(&report, "node1", "default_net"), 0);
	assert_true(report_set_condition(&report, REPORT_NAMESPACE_UNAVAILABLE, "no", 1));
	assert_false(report_set_condition(&report, REPORT_NAMESPACE_UNAVAILABLE, "no", 1));
	assert_int_equal(report.due, 1);
	status = publish(&report, 1, NULL);
	assert_int_equal(status->revision, 0);
	assert_int_equal(status->n_conditions, 1);
	assert_string_equal(status->conditions[0].reason, "NamespaceUnavailable");
	assert_string_equal(status->conditions[0].sentence, "no");
	status_free(status);

	/* Beside as many of the kernel thread's as a status can hold. */
	assert_int_equal(report_set(&report, make_status(1, 0, STATUS_CONDITIONS_MAX), 2), 0);
	status = publish(&report, 2, NULL);
	assert_int_equal(status->n_conditions, STATUS_CONDITIONS_MAX);
	assert_string_equal(status->conditions[0].reason, "NamespaceUnavailable");
	status_free(status);

	assert_true(report_set_condition(&report, REPORT_NAMESPACE_UNAVAILABLE, NULL, 3));
	status = publish(&report, 3, NULL);
	assert_string_equal(status->conditions[0].reason, "Kernel");
	status_free(status);
	report_deinit(&report);
}

struct address_case {
	const char *name;
	size_t n;
	bool cut;
};

static const struct address_case address_cases[] = {
	{"none", 0, false},
	{"one", 1, false},
	{"many", 80, false},
	{"too many", 3000, true},
};

static void test_addresses(void **state)
{
	(void)state;
	ARRAY_FOREACH(c, address_cases, ARRAY_SIZE(address_cases)) {
		auto_free char *text = NULL;
		struct report report;
		struct status *status;
		size_t len;

		print_message("  %s\n", c->name);
		assert_int_equal(report_init(&report, "node1", "default_net"), 0);
		assert_int_equal(report_set(&report, make_status(1, c->n, 0), 0), 0);
		status = publish(&report, 0, &text);
		assert_int_equal(status->n_addresses, c->n); /* the body has them all */
		status_free(status);
		len = strlen(text);
		assert_true(len < 1100);
		if (c->n > 0)
			assert_memory_equal(text, "10.0.0.0", 8);
		assert_true(c->cut == (len > 4 && strcmp(text + len - 4, " ...") == 0));
		report_deinit(&report);
	}
}

static struct status *make_large_status(size_t n4, size_t n6, size_t n_refusals)
{
	struct status *status = make_status(1, n4, 0);

	status->addresses = realloc(status->addresses, (n4 + n6) * sizeof(*status->addresses));
	assert_non_null(status->addresses);
	for (size_t i = 0; i < n6; i++)
		status->addresses[status->n_addresses++] = (struct address){
			FAMILY_IPV6,
			{0xfd, [13] = (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
	status->refusals = calloc(n_refusals + 1, sizeof(*status->refusals));
	for (; status->n_refusals < n_refusals; status->n_refusals++) {
		struct status_refusal *refusal = &status->refusals[status->n_refusals];

		refusal->uid.bytes[0] = 1;
		refusal->sentence = calloc(STATUS_SENTENCE_MAX, 1);
		memset(refusal->sentence, 'x', STATUS_SENTENCE_MAX - 1);
	}
	status->n_refused = n_refusals;
	return status;
}

/* However much there is to say, it is said: what has no room is told to have none. */
static void test_large_statuses(void **state)
{
	static const struct {
		const char *name;
		size_t n4, n6, n_refusals;
		bool cut;
	} rows[] = {
		{"all that fit", 1000, 50000, 0, false},
		{"too many of IPv6", 0, 65536, 0, true},
		{"more than a status may have", 65536, 65536, 0, true},
		{"beside refusals", 0, 40000, STATUS_REFUSALS_MAX, true},
	};

	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		size_t n = row->n4 + row->n6;
		struct report report;
		struct status *status;

		print_message("%s\n", row->name);
		assert_int_equal(report_init(&report, "node1", "default_net"), 0);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(
				report_set(&report,
					   make_large_status(row->n4, row->n6, row->n_refusals), 0),
				0);
			status = publish(&report, 0, NULL);
			assert_int_equal(status->n_addresses < n, row->cut);
			assert_in_range(status->n_addresses, row->n_refusals ? 20000 : 50000, n);
			assert_int_equal(status->n_conditions, row->cut);
			if (row->cut)
				assert_string_equal(status->conditions[0].reason, "AddressesCut");
			status_free(status);
		}
		assert_int_equal(report_set(&report, make_status(2, 1, 0), 0), 0);
		status = publish(&report, 0, NULL);
		assert_int_equal(status->n_conditions, 0);
		status_free(status);
		report_deinit(&report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_at_once_then_the_latest),
		cmocka_unit_test(test_own_conditions),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_large_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
