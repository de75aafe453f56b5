/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "dataplane/forwarding.h"
#include "dataplane/nft.h"
#include "dataplane/plan.h"
#include "dataplane/ruleset.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"
#include "tests/support/some_lb.h"

/*
 * The constant ruleset in a real kernel, and test_plan_random.c once more against it: after random
 * changes, one by one, the listing is that of a table written from nothing. ILB_SEED repeats it.
 */

#define N_LBS     8
#define N_CHANGES 10000 /* ILB_CHANGES says how many on a slow machine */
#define N_BATCH   20    /* changes in one transaction, of different LoadBalancers or of one */
#define N_COMPARE 500   /* changes from one comparison to the next */

static struct some some;
static struct nft *nft;

static void load(int netns, const char *text)
{
	free(netns_pipe(netns, text, "nft -f -"));
}

static void load_ruleset(int netns)
{
	auto_call(text_deinit) struct text text = {};

	ruleset_write_removal(&text, RULESET_TABLE);
	ruleset_write(&text, &(struct ruleset_options){});
	load(netns, text.bytes);
}

static void test_ruleset_lists_and_reloads(void **state)
{
	int netns = netns_new();
	auto_call(text_deinit) struct text stamp = {};
	auto_free char *before = NULL, *after = NULL;

	(void)state;
	load_ruleset(netns);
	ruleset_write_stamp(&stamp, RULESET_TABLE, &(struct ruleset_stamp){1, 2, UINT64_MAX});
	ruleset_write_stamp(&stamp, RULESET_TABLE, &(struct ruleset_stamp){3, 4, 5});
	load(netns, stamp.bytes);
	before = netns_pipe(netns, "", "nft list ruleset");
	netns_run(netns, "nft flush ruleset");
	load(netns, before);
	after = netns_pipe(netns, "", "nft list ruleset");
	assert_string_equal(before, after);
	load_ruleset(netns); /* over itself */
	(void)close(netns);
}

static void test_removal_and_flush(void **state)
{
	int netns = netns_new();
	auto_call(text_deinit) struct text text = {};

	(void)state;
	ruleset_write_removal(&text, RULESET_TABLE);
	load(netns, text.bytes); /* of what is not there */
	load_ruleset(netns);
	text_cut(&text, 0);
	ruleset_write_flush(&text, false);
	ruleset_write_flush(&text, true);
	load(netns, text.bytes);
	text_cut(&text, 0);
	ruleset_write_removal(&text, RULESET_TABLE);
	load(netns, text.bytes);
	free(netns_pipe(netns, "", "sh -c '! nft list table inet ilb 2>/dev/null'"));
	(void)close(netns);
}

static bool has_flowtables(int netns)
{
	auto_free char *answer = netns_pipe(
		netns, "",
		"sh -c 'nft add table inet p; nft add flowtable inet p f \"{ hook ingress "
		"priority 0; devices = { lo }; }\" 2>/dev/null && echo yes; nft delete table "
		"inet p'");

	return strcmp(answer, "yes\n") == 0;
}

static void check_flowtable(int netns)
{
	static const char *const devices[] = {"lo"};
	auto_call(text_deinit) struct text text = {};

	ruleset_write(&text, &(struct ruleset_options){.flowtable = true});
	load(netns, text.bytes);
	text_cut(&text, 0);
	ruleset_write_devices_add(&text, devices, ARRAY_SIZE(devices));
	load(netns, text.bytes);
	netns_run(netns, "nft list flowtable inet ilb ft | grep -q devices");
	text_cut(&text, 0);
	ruleset_write_devices_delete(&text, devices, ARRAY_SIZE(devices));
	load(netns, text.bytes);
	netns_run(netns, "! nft list flowtable inet ilb ft | grep -q devices");
}

static void test_flowtable(void **state)
{
	int netns = netns_new();
	bool can = has_flowtables(netns);

	(void)state;
	if (can)
		check_flowtable(netns);
	(void)close(netns);
	if (can)
		return;
	print_message("this kernel has no flowtables\n");
	skip();
}

static void add_changes(struct text *text, const struct forwarding *have,
			const struct forwarding *want)
{
	auto_call(plan_deinit) struct plan plan = {};

	assert_int_equal(plan_diff(have, want, &plan), 0);
	text_add_bytes(text, plan.text.bytes, plan.text.len);
}

/* In this process: ten thousand programs would take their time. */
static void run(int netns, const struct text *text)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct error err = {};

	assert_true(home >= 0 && !text->failed);
	netns_enter(netns);
	if (text->len > 0 && nft_run(nft, text->bytes, &err) < 0)
		fail_msg("%s, of\n%s", err.text, text->bytes);
	netns_enter(home);
	(void)close(home);
}

static int line_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The table's listing with an element a line, behind its map's name, sorted: hash order varies. */
static char *elements_of(int netns)
{
	auto_free char *listing = netns_pipe(netns, "", "nft list table inet ilb");
	auto_call(text_deinit) struct text text = {};
	auto_free char **lines = NULL;
	size_t n_lines = 0, len;
	char map[64] = "", *save = NULL, *bytes = NULL;

	for (char *word = strtok_r(listing, ",\n", &save); word;
	     word = strtok_r(NULL, ",\n", &save)) {
		char *at = strstr(word, "elements = { "), **line = ARRAY_ADD(lines, n_lines);

		word = at ? at + strlen("elements = { ") : word + strspn(word, "\t ");
		(void)sscanf(word, "map %63s", map);
		(void)sscanf(word, "set %63s", map);
		word[strcspn(word, "}")] = '\0';
		assert_true(asprintf(line, "%s %s", map, word) > 0);
		for (size_t end = strlen(*line); end > 0 && (*line)[end - 1] == ' ';)
			(*line)[--end] = '\0';
	}
	qsort(lines, n_lines, sizeof(*lines), line_compare);
	for (size_t i = 0; i < n_lines; i++) {
		text_addf(&text, "%s\n", lines[i]);
		free(lines[i]);
	}
	assert_int_equal(text_take(&text, &bytes, &len), 0);
	return bytes;
}

static void assert_as_from_nothing(int netns, struct forwarding *const have[static N_LBS])
{
	auto_call(text_deinit) struct text text = {};
	auto_free char *ours = NULL, *theirs = NULL;
	int fresh = netns_new();

	load_ruleset(fresh);
	for (size_t i = 0; i < N_LBS; i++)
		if (have[i])
			add_changes(&text, NULL, have[i]);
	run(fresh, &text);
	ours = elements_of(netns);
	theirs = elements_of(fresh);
	if (strcmp(ours, theirs) != 0)
		fail_msg("by changes:\n%s\nfrom nothing:\n%s", ours, theirs);
	(void)close(fresh);
}

static void change(struct text *text, struct desired_lb **lb, struct forwarding **have,
		   uint32_t number)
{
	auto_call(forwarding_freep) struct forwarding *want = NULL;
	struct error err = {};

	if (*lb && some_number(&some, 12) == 0) {
		desired_lb_free(*lb);
		*lb = NULL;
	} else if (*lb) {
		some_change(&some, *lb, 6);
	} else {
		*lb = some_lb(&some, number, 6);
	}
	if (*lb && forwarding_new(*lb, "n1", &want, &err) < 0)
		fail_msg("%s", err.text);
	if (want || *have)
		add_changes(text, *have, want);
	forwarding_free(*have);
	*have = TAKE(want);
}

static void test_p12_changes_as_from_nothing(void **state)
{
	struct desired_lb *lbs[N_LBS] = {};
	struct forwarding *have[N_LBS] = {};
	auto_call(text_deinit) struct text text = {};
	const char *n = getenv("ILB_CHANGES");
	size_t n_changes = n ? strtoul(n, NULL, 10) : N_CHANGES;
	int netns = netns_new();

	(void)state;
	load_ruleset(netns);
	for (size_t i = 1; i <= n_changes; i++) {
		uint32_t which = some_number(&some, N_LBS);

		change(&text, &lbs[which], &have[which], which + 1);
		if (i % N_BATCH == 0) {
			run(netns, &text);
			text_cut(&text, 0);
		}
		if (i % N_COMPARE == 0)
			assert_as_from_nothing(netns, have);
	}
	for (size_t i = 0; i < N_LBS; i++) {
		forwarding_free(have[i]);
		desired_lb_free(lbs[i]);
	}
	(void)close(netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ruleset_lists_and_reloads),
		cmocka_unit_test(test_removal_and_flush),
		cmocka_unit_test(test_flowtable),
		cmocka_unit_test(test_p12_changes_as_from_nothing),
	};
	const char *seed = getenv("ILB_SEED");
	int failed;

	netns_require_permission();
	some.state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("ILB_SEED=%llu\n", (unsigned long long)some.state);
	(void)fflush(stdout);
	if (nft_new(&nft, NULL) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	nft_free(nft);
	return failed;
}
