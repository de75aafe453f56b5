/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocator/networks.h"
#include "base/array.h"
#include "base/text.h"
#include "messages/codec.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_cloud.h"

#define NET "default_net"

struct fixture {
	struct catalog *catalog;
	struct networks *networks;
	struct uuid epoch;
	uint64_t sequence;
	struct text told; /* what was emitted, a line each */
	size_t n_parts;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(catalog_new(&f->catalog), 0);
	assert_int_equal(networks_new(f->catalog, &f->networks), 0);
	f->epoch.bytes[0] = 7;
	some_cloud_apply(f->catalog,
			 "apiVersion: networking.ironcore.dev/v1alpha1\n"
			 "kind: Network\nmetadata: {name: net}\n",
			 &f->sequence);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	networks_free(f->networks);
	catalog_free(f->catalog);
	text_deinit(&f->told);
	free(f);
	return 0;
}

/* "5<3 default/a:80 -1" is revision 5 after 3, LoadBalancer a with port 80, one removed. */
static void on_emit(void *user, const struct desired *desired)
{
	struct fixture *f = user;

	f->n_parts++;
	assert_string_equal(desired->net, NET);
	assert_int_equal(uuid_compare(&desired->epoch, &f->epoch), 0);
	text_addf(&f->told, "%lu<%lu", (unsigned long)desired->revision,
		  (unsigned long)desired->previous);
	for (size_t i = 0; i < desired->n_lbs; i++)
		text_addf(&f->told, " %s:%u", desired->lbs[i]->name,
			  desired->lbs[i]->ports[0].first);
	if (desired->n_removed)
		text_addf(&f->told, " -%zu", desired->n_removed);
	if (desired->resync)
		text_add(&f->told, " resync");
	text_add(&f->told, "\n");
}

static void touch(struct fixture *f, uint64_t sequence)
{
	char key[OBJECT_KEY_MAX];

	while (catalog_take_touched(f->catalog, key))
		assert_int_equal(networks_touch(f->networks, key, sequence), 0);
}

static void apply(struct fixture *f, const char *name, const char *ip, unsigned port)
{
	some_cloud_apply(f->catalog, some_cloud_lb(name, ip, port), &f->sequence);
	touch(f, f->sequence);
}

static void remove_lb(struct fixture *f, const char *name)
{
	char key[OBJECT_KEY_MAX];

	object_free(catalog_remove(f->catalog,
				   object_key_of(KIND_LOAD_BALANCER, "default", name, key)));
	touch(f, ++f->sequence);
}

static void expect_settled(struct fixture *f, const char *expected)
{
	text_cut(&f->told, 0);
	assert_int_equal(networks_settle(f->networks, &f->epoch, f->sequence, on_emit, f), 0);
	assert_string_equal(f->told.bytes ? f->told.bytes : "", expected);
	assert_false(networks_is_touched(f->networks));
	assert_int_equal(networks_settled_at(f->networks), f->sequence);
}

static void load(struct fixture *f)
{
	touch(f, 0);
	assert_int_equal(networks_settle(f->networks, &f->epoch, f->sequence, NULL, NULL), 0);
}

static uint64_t digest(const struct fixture *f)
{
	struct network network;

	networks_get(f->networks, NET, &network);
	return network.digest;
}

static void test_changes_follow_each_other(void **state)
{
	struct fixture *f = *state;

	load(f); /* at 1 */
	apply(f, "a", "10.0.0.1", 80);
	expect_settled(f, "2<1 default/a:80\n");
	apply(f, "b", "10.0.0.2", 80);
	apply(f, "c", "10.0.0.3", 80);
	expect_settled(f, "4<2 default/b:80 default/c:80\n");
	apply(f, "a", "10.0.0.1", 81);
	remove_lb(f, "b");
	expect_settled(f, "6<4 default/a:81 -1\n");
	expect_settled(f, "");
}

static void test_nothing_is_told_at_load(void **state)
{
	struct fixture *f = *state;
	struct network network;

	apply(f, "a", "10.0.0.1", 80);
	load(f);
	networks_get(f->networks, NET, &network);
	assert_int_equal(network.revision, 2);
	assert_true(network.since_load);
	assert_int_equal(networks_lb_revision(f->networks, "loadbalancer.default.a"), 2);
	apply(f, "a", "10.0.0.1", 81);
	expect_settled(f, "3<2 default/a:81\n");
	networks_get(f->networks, NET, &network);
	assert_false(network.since_load);
}

static void test_a_touch_without_change_is_not_told(void **state)
{
	struct fixture *f = *state;

	load(f);
	apply(f, "a", "10.0.0.1", 80);
	expect_settled(f, "2<1 default/a:80\n");
	f->sequence++;
	assert_int_equal(networks_touch(f->networks, "loadbalancer.default.a", f->sequence), 0);
	expect_settled(f, "");
	apply(f, "a", "10.0.0.1", 81);
	expect_settled(f, "4<2 default/a:81\n");
}

/* Another replica may have published what was in between. */
static void test_there_and_back_again_is_told(void **state)
{
	struct fixture *f = *state;

	load(f);
	apply(f, "a", "10.0.0.1", 80);
	expect_settled(f, "2<1 default/a:80\n");
	assert_int_equal(networks_touch(f->networks, "loadbalancer.default.a", 3), 0);
	assert_int_equal(networks_touch(f->networks, "loadbalancer.default.a", 4), 0);
	f->sequence = 4;
	expect_settled(f, "4<2 default/a:80\n");
}

static void test_what_was_taken_back_is_not_told(void **state)
{
	struct fixture *f = *state;

	load(f);
	apply(f, "a", "10.0.0.1", 80);
	expect_settled(f, "2<1 default/a:80\n");
	assert_int_equal(networks_touch(f->networks, "loadbalancer.default.a", 3), 0);
	assert_int_equal(networks_touch(f->networks, "loadbalancer.default.a", 4), 0);
	networks_undone(f->networks, 2);
	expect_settled(f, "");
}

static void test_created_and_removed_in_one(void **state)
{
	struct fixture *f = *state;

	load(f);
	apply(f, "a", "10.0.0.1", 80);
	remove_lb(f, "a");
	expect_settled(f, "");
	assert_int_equal(digest(f), 0);
	assert_int_equal(networks_lb_revision(f->networks, "loadbalancer.default.a"), 0);
}

static void test_made_anew_under_its_name(void **state)
{
	struct fixture *f = *state;

	load(f);
	apply(f, "a", "10.0.0.1", 80);
	expect_settled(f, "2<1 default/a:80\n");
	remove_lb(f, "a");
	apply(f, "a", "10.0.0.2", 80);
	expect_settled(f, "4<2 default/a:80 -1\n");
}

static void test_digest_is_that_of_the_content(void **state)
{
	struct fixture *f = *state;
	uint64_t one;

	load(f);
	assert_int_equal(digest(f), 0);
	apply(f, "a", "10.0.0.1", 80);
	expect_settled(f, "2<1 default/a:80\n");
	one = digest(f);
	assert_int_not_equal(one, 0);
	apply(f, "b", "10.0.0.2", 80);
	expect_settled(f, "3<2 default/b:80\n");
	assert_int_not_equal(digest(f), one);
	remove_lb(f, "b");
	expect_settled(f, "4<3 -1\n");
	assert_int_equal(digest(f), one);
}

static void append_key(void *user, const char *key)
{
	struct text *text = user;

	text_addf(text, "%s ", strrchr(key, '.') + 1);
}

static void test_the_newest_are_visited_first(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint64_t since;
		const char *keys;
	} rows[] = {{0, "a c b "}, {3, "a c "}, {4, "a "}, {5, ""}};

	load(f);
	apply(f, "a", "10.0.0.1", 80);
	expect_settled(f, "2<1 default/a:80\n");
	apply(f, "b", "10.0.0.2", 80);
	expect_settled(f, "3<2 default/b:80\n");
	apply(f, "c", "10.0.0.3", 80);
	expect_settled(f, "4<3 default/c:80\n");
	apply(f, "a", "10.0.0.1", 81);
	expect_settled(f, "5<4 default/a:81\n");
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct text keys = {};

		text_add(&keys, "");
		networks_visit(f->networks, NET, row->since, append_key, &keys);
		if (strcmp(keys.bytes, row->keys) != 0)
			fail_msg("since %lu: '%s'", (unsigned long)row->since, keys.bytes);
		text_deinit(&keys);
	}
}

static void on_part(void *user, const struct desired *part)
{
	struct fixture *f = user;
	size_t size = 0;

	f->n_parts++;
	assert_true(part->snapshot);
	assert_int_equal(part->part, f->n_parts);
	assert_int_equal(part->revision, f->sequence);
	for (size_t i = 0; i < part->n_lbs; i++)
		size += codec_size(part->lbs[i]);
	assert_true(size <= NETWORKS_PART_MAX);
	text_addf(&f->told, "%zu/%u ", part->n_lbs, part->n_parts);
}

static void test_an_empty_network_is_one_empty_part(void **state)
{
	struct fixture *f = *state;

	load(f);
	assert_int_equal(networks_snapshot(f->networks, &f->epoch, NET, on_part, f), 0);
	assert_string_equal(f->told.bytes, "0/1 ");
	assert_int_equal(networks_snapshot(f->networks, &f->epoch, "a.b", on_part, f), -EINVAL);
}

static void apply_many(struct fixture *f, unsigned n)
{
	char name[64], ip[16];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "l%06u-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i);
		(void)snprintf(ip, sizeof(ip), "10.1.%u.%u", i / 250, i % 250 + 1);
		apply(f, name, ip, 80);
	}
}

static void test_snapshots_are_cut_and_large_changes_are_asked_for(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0, n_lbs;

	load(f);
	apply_many(f, 4000);
	expect_settled(f, "4001<1 resync\n");
	text_cut(&f->told, 0);
	f->n_parts = 0;
	assert_int_equal(networks_snapshot(f->networks, &f->epoch, NET, on_part, f), 0);
	assert_true(f->n_parts > 1);
	for (const char *p = f->told.bytes; *p; p = strchr(p, ' ') + 1) {
		assert_int_equal(sscanf(p, "%u/", &n_lbs), 1);
		n += n_lbs;
	}
	assert_int_equal(n, 4000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes_follow_each_other),
		TEST(test_nothing_is_told_at_load),
		TEST(test_a_touch_without_change_is_not_told),
		TEST(test_there_and_back_again_is_told),
		TEST(test_what_was_taken_back_is_not_told),
		TEST(test_created_and_removed_in_one),
		TEST(test_made_anew_under_its_name),
		TEST(test_digest_is_that_of_the_content),
		TEST(test_the_newest_are_visited_first),
		TEST(test_an_empty_network_is_one_empty_part),
		TEST(test_snapshots_are_cut_and_large_changes_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
