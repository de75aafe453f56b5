/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/reference.h"
#include "tests/support/cmocka.h"

#define WORDS_MAX 5

static size_t count(const char *const *words)
{
	size_t n = 0;

	while (n < WORDS_MAX && words[n])
		n++;
	return n;
}

static void test_forms(void **state)
{
	static const struct {
		const char *words[WORDS_MAX], *paths[WORDS_MAX];
	} rows[] = {
		{{"lb", "a", "b"}, {"loadbalancer/a", "loadbalancer/b"}},
		{{"lb/a", "prefix/p"}, {"loadbalancer/a", "prefix/p"}},
		{{"networks"}, {}},
		{{"nic", "a.b"}, {"networkinterface/a.b"}},
		{{}, {}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_call(references_deinit) struct references references = {};
		struct error err;

		assert_int_equal(
			references_parse(rows[i].words, count(rows[i].words), &references, &err),
			0);
		assert_int_equal(references.n_items, count(rows[i].paths));
		for (size_t j = 0; j < references.n_items; j++)
			assert_string_equal(references.items[j].path, rows[i].paths[j]);
	}
}

static void test_refuses_with_a_sentence(void **state)
{
	static const struct {
		const char *words[WORDS_MAX], *sentence;
	} rows[] = {
		{{"pods"},
		 "'pods' is not a kind: use loadbalancer, loadbalancerrouting, network, "
		 "networkinterface or prefix"},
		{{"lb/a", "b"}, "'b': must be KIND/NAME"},
		{{"lb/"}, "'' is not a name"},
		{{"/a"},
		 "'' is not a kind: use loadbalancer, loadbalancerrouting, network, "
		 "networkinterface or prefix"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct references references = {};
		struct error err = {};

		if (references_parse(rows[i].words, count(rows[i].words), &references, &err) !=
			    -EINVAL ||
		    strcmp(err.text, rows[i].sentence) != 0)
			fail_msg("row %zu: '%s'", i, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refuses_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
