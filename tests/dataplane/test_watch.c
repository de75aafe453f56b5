/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/nft.h"
#include "dataplane/watch.h"
#include "tests/support/cmocka.h"
#include "tests/support/netns.h"

#define OURS  "inet " RULESET_TABLE
#define TABLE "add table " OURS "\nadd set " OURS " s { type mark; }\n"

static struct nft *nft;

static struct watch *watch_in_new_netns(int *ret_netns)
{
	struct watch *watch;

	*ret_netns = netns_new();
	netns_enter(*ret_netns);
	assert_int_equal(watch_new(&watch, NULL), 0);
	return watch;
}

static bool is_readable(const struct watch *watch)
{
	struct pollfd fds[WATCH_N_FDS];
	int descriptors[WATCH_N_FDS];

	watch_fds(watch, descriptors);
	for (size_t i = 0; i < WATCH_N_FDS; i++)
		fds[i] = (struct pollfd){descriptors[i], POLLIN, 0};
	return poll(fds, WATCH_N_FDS, 0) > 0;
}

/* What others do: whether it concerns us. */
static const struct {
	const char *command;
	bool links, table, routes;
} rows[] = {
	{"nft add table inet other", false, false, false},
	{"nft add table ip ilb", false, false, false},
	{"nft add set inet other s '{ type mark; }'", false, false, false},
	{"nft add element " OURS " s '{ 5 }'", false, true, false},
	{"nft delete element " OURS " s '{ 5 }'", false, true, false},
	{"nft add chain " OURS " c", false, true, false},
	{"nft add rule " OURS " c drop", false, true, false},
	{"nft list ruleset", false, false, false},
	{"ip link add v type veth peer name w", true, false, false},
	{"ip link set v up", true, false, false},
	{"sysctl -qw net.ipv4.ip_forward=1", true, false, false},
	{"ip link delete v", true, false, false},
	{"ip route add 10.9.0.0/16 dev lo", false, false, true},
	{"ip route add local 10.0.0.1 dev lo table local proto 108", false, false, false},
	{"nft flush ruleset", false, true, false},
};

static void test_what_others_do(void **state)
{
	int netns;
	auto_call(watch_freep) struct watch *watch = watch_in_new_netns(&netns);
	struct watch_news news;

	(void)state;
	netns_run(netns, "nft 'add table " OURS "; add set " OURS " s { type mark; }'");
	watch_read(watch, &news);
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		print_message("%s\n", row->command);
		netns_run(netns, "%s", row->command);
		if (row->links || row->table || row->routes)
			assert_true(is_readable(watch));
		watch_read(watch, &news);
		assert_int_equal(news.table, row->table);
		assert_int_equal(news.links, row->links);
		if (!row->links) /* they come with routes of their own */
			assert_int_equal(news.routes, row->routes);
		assert_string_equal(news.editor, row->table ? "nft" : "");
		assert_false(is_readable(watch));
	}
	(void)close(netns);
}

static void test_our_own_transactions_are_no_news(void **state)
{
	int netns;
	auto_call(watch_freep) struct watch *watch = watch_in_new_netns(&netns);
	struct watch_news news;

	(void)state;
	watch_pause(watch);
	assert_int_equal(nft_run(nft, TABLE, NULL), 0);
	assert_int_equal(nft_run(nft, "add element " OURS " s { 1 }\n", NULL), 0);
	assert_true(nft_run(nft, "delete element " OURS " s { 7 }\n", NULL) < 0);
	assert_int_equal(nft_check(nft, "add element " OURS " s { 2 }\n", NULL), 0);
	watch_resume(watch, 2);
	watch_read(watch, &news);
	assert_false(news.table);
	netns_run(netns, "nft add element " OURS " s '{ 5 }'");
	watch_read(watch, &news);
	assert_true(news.table);
	(void)close(netns);
}

static void test_others_meanwhile_are_noticed(void **state)
{
	int netns;
	auto_call(watch_freep) struct watch *watch = watch_in_new_netns(&netns);
	struct watch_news news;

	(void)state;
	watch_pause(watch);
	assert_int_equal(nft_run(nft, TABLE, NULL), 0);
	netns_run(netns, "nft flush ruleset");
	watch_resume(watch, 1);
	watch_read(watch, &news);
	assert_true(news.table);
	watch_read(watch, &news);
	assert_false(news.table);
	(void)close(netns);
}

/* More notifications than the socket holds: then it may have been our table. */
static void test_lost_notifications_count_as_changes(void **state)
{
	auto_call(text_deinit) struct text text = {};
	int netns;
	auto_call(watch_freep) struct watch *watch = watch_in_new_netns(&netns);
	struct watch_news news;

	(void)state;
	text_add(&text, "add table inet other\nadd set inet other s { type mark; }\n");
	for (unsigned i = 0; i < 20000; i++)
		text_addf(&text, "add element inet other s { %u }\n", i);
	free(netns_pipe(netns, text.bytes, "nft -f -"));
	watch_read(watch, &news);
	assert_true(news.table);
	(void)close(netns);
}

static void expect_table(struct watch *watch, enum watch_table expected,
			 struct ruleset_stamp *ret_stamp)
{
	enum watch_table found;

	assert_int_equal(watch_find_table(watch, RULESET_TABLE, &found, ret_stamp, NULL), 0);
	assert_int_equal(found, expected);
}

static void test_the_stamp_is_read_back(void **state)
{
	struct ruleset_stamp stamp = {1, UINT64_MAX, 0x123456789abcdef0}, back = {};
	auto_call(text_deinit) struct text text = {};
	int netns;
	auto_call(watch_freep) struct watch *watch = watch_in_new_netns(&netns);

	(void)state;
	expect_table(watch, WATCH_TABLE_ABSENT, &back);
	assert_int_equal(nft_run(nft, TABLE, NULL), 0);
	expect_table(watch, WATCH_TABLE_UNSTAMPED, &back);
	ruleset_write_removal(&text, RULESET_TABLE);
	ruleset_write(&text, &(struct ruleset_options){});
	assert_int_equal(nft_run(nft, text.bytes, NULL), 0);
	expect_table(watch, WATCH_TABLE_UNSTAMPED, &back);
	text_cut(&text, 0);
	ruleset_write_stamp(&text, RULESET_TABLE, &stamp);
	assert_int_equal(nft_run(nft, text.bytes, NULL), 0);
	expect_table(watch, WATCH_TABLE_STAMPED, &back);
	assert_memory_equal(&stamp, &back, sizeof(stamp));
	(void)close(netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_others_do),
		cmocka_unit_test(test_our_own_transactions_are_no_news),
		cmocka_unit_test(test_others_meanwhile_are_noticed),
		cmocka_unit_test(test_lost_notifications_count_as_changes),
		cmocka_unit_test(test_the_stamp_is_read_back),
	};
	int r;

	netns_require_permission();
	if (nft_new(&nft, NULL) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	nft_free(nft);
	return r;
}
