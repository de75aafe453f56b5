/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "allocator/batch.h"
#include "ipam/document.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_cloud.h"

#define KEY_A "loadbalancer.default.a"
#define KEY_B "loadbalancer.default.b"

static struct object *copy_of(const struct catalog *catalog, const char *key)
{
	struct object *copy = NULL;

	assert_int_equal(object_copy(catalog_find_key(catalog, key), &copy), 0);
	return copy;
}

static struct catalog *with_a(void)
{
	struct catalog *catalog = NULL;
	uint64_t sequence = 6;

	assert_int_equal(catalog_new(&catalog), 0);
	some_cloud_apply(catalog, some_cloud_lb("a", "10.0.0.1", 80), &sequence);
	return catalog;
}

static void test_edits_are_taken_back_in_reverse(void **state)
{
	auto_call(catalog_freep) struct catalog *catalog = with_a();
	struct object *changed = copy_of(catalog, KEY_A);
	struct object *other = copy_of(catalog, KEY_A);
	struct batch batch = {};

	(void)state;
	free(other->meta.name);
	other->meta.name = strdup("b");
	changed->lb.drain_s = 5;
	assert_int_equal(batch_put(&batch, catalog, changed, 8), 0);
	assert_int_equal(batch_remove(&batch, catalog, KEY_A), 0);
	assert_int_equal(batch_put(&batch, catalog, other, 10), 0);
	assert_int_equal(batch.n_edits, 3);
	assert_null(catalog_find_key(catalog, KEY_A));
	assert_int_equal(catalog_find_key(catalog, KEY_B)->meta.resource_version, 10);

	batch_undo(&batch, catalog, 1);
	assert_null(catalog_find_key(catalog, KEY_B));
	assert_int_equal(catalog_find_key(catalog, KEY_A)->lb.drain_s, 5);
	batch_undo(&batch, catalog, 0);
	assert_int_equal(catalog_find_key(catalog, KEY_A)->lb.drain_s, 300);
	assert_int_equal(catalog_find_key(catalog, KEY_A)->meta.resource_version, 7);
	batch_deinit(&batch);
}

static void test_records_read_back(void **state)
{
	auto_call(catalog_freep) struct catalog *catalog = with_a();
	auto_call(object_freep) struct object *read = NULL;
	struct batch batch = {};
	struct error err;

	(void)state;
	assert_int_equal(batch_put(&batch, catalog, copy_of(catalog, KEY_A), 8), 0);
	assert_int_equal(object_store_parse(batch.edits[0].bytes, batch.edits[0].len, &read, &err),
			 0);
	assert_string_equal(read->meta.name, "a");
	batch_deinit(&batch);
}

static void test_a_removal_names_the_network(void **state)
{
	auto_call(catalog_freep) struct catalog *catalog = with_a();
	struct batch batch = {};

	(void)state;
	assert_int_equal(batch_remove(&batch, catalog, KEY_A), 0);
	assert_true(batch.edits[0].removes);
	assert_string_equal(batch.edits[0].bytes,
			    "{\"kind\":\"LoadBalancer\",\"namespace\":\"default\",\"name\":\"a\","
			    "\"network\":\"net\"}");
	assert_int_equal(batch_remove(&batch, catalog, KEY_A), -ENOENT);
	assert_int_equal(batch.n_edits, 1);
	batch_deinit(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits_are_taken_back_in_reverse),
		cmocka_unit_test(test_records_read_back),
		cmocka_unit_test(test_a_removal_names_the_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
