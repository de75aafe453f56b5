/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "dataplane/transact.h"
#include "tests/support/cmocka.h"

/*
 * A kernel that takes lines "NUMBER\n", each once, and refuses those marked "NUMBER bad\n". A
 * refused transaction leaves nothing behind.
 */
struct kernel {
	bool taken[2000];
	size_t n_runs, n_checks, n_taken;
	size_t most; /* lines of the largest transaction that was tried */
	int broken;  /* errno of everything, 0: works */
	char last[64];
};

static int take_lines(struct kernel *kernel, const char *text, struct error *err)
{
	size_t n = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		unsigned number = 0;

		(void)snprintf(kernel->last, sizeof(kernel->last), "%.*s", (int)strcspn(line, "\n"),
			       line);
		if (strcmp(kernel->last, "head") == 0 || strncmp(kernel->last, "tail", 4) == 0)
			continue;
		for (const char *digit = line; *digit >= '0' && *digit <= '9'; digit++)
			number = number * 10 + (unsigned)(*digit - '0');
		n++;
		if (strstr(kernel->last, "bad") || kernel->taken[number])
			return error_set(err, -EEXIST, "%s: refused", kernel->last);
		kernel->taken[number] = true;
		kernel->n_taken++;
	}
	if (n > kernel->most)
		kernel->most = n;
	return kernel->broken ? error_set(err, kernel->broken, "broken") : 0;
}

static int run(void *user, const char *text, struct error *err)
{
	struct kernel *kernel = user, before = *kernel;
	int r;

	r = take_lines(kernel, text, err);
	if (r < 0)
		*kernel = before;
	kernel->n_runs++;
	return r;
}

static int check(void *user, const char *text, struct error *err)
{
	struct kernel *kernel = user, before = *kernel;
	int r;

	r = take_lines(kernel, text, err);
	*kernel = before;
	kernel->n_checks++;
	return r;
}

#define N_PIECES_MAX 1000

static struct transact_piece pieces[N_PIECES_MAX];
static char lines[N_PIECES_MAX][32];

static void make_pieces(size_t n, const size_t *bad, size_t n_bad)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(lines[i], sizeof(lines[i]), "%zu\n", i);
	for (size_t i = 0; i < n_bad; i++)
		(void)snprintf(lines[bad[i]], sizeof(lines[0]), "%zu bad\n", bad[i]);
	for (size_t i = 0; i < n; i++)
		pieces[i] = (struct transact_piece){
			.text = lines[i], .len = strlen(lines[i]), .n_elements = 10};
}

static const struct {
	const char *name;
	size_t n, bad[8], n_bad;
	size_t most_runs;
} rows[] = {
	{"none", 0, {}, 0, 0},
	{"one", 1, {}, 0, 1},
	{"one bad", 1, {0}, 1, 1},
	{"a hundred, one transaction", 100, {}, 0, 1},
	{"a hundred and one, two transactions", 101, {}, 0, 2},
	{"one bad of a thousand", 1000, {777}, 1, 9 + 15},
	{"first and last bad", 1000, {0, 999}, 2, 8 + 2 * 15},
	{"neighbours bad", 100, {49, 50, 51}, 3, 3 * 15},
};

static void test_in_turn(void **state)
{
	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct kernel kernel = {};
		size_t n_refused = 0;

		print_message("%s\n", row->name);
		make_pieces(row->n, row->bad, row->n_bad);
		assert_int_equal(transact_in_turn(pieces, row->n, 1000, run, &kernel), 0);
		assert_int_equal(kernel.n_taken, row->n - row->n_bad);
		assert_in_range(kernel.n_runs, 0, row->most_runs);
		assert_in_range(kernel.most, 0, 100);
		for (size_t i = 0; i < row->n; i++) {
			assert_int_equal(pieces[i].result == 0, kernel.taken[i]);
			n_refused += pieces[i].result != 0;
			if (pieces[i].result)
				assert_non_null(strstr(pieces[i].sentence, "bad: refused"));
		}
		assert_int_equal(n_refused, row->n_bad);
		transact_deinit(pieces, row->n);
	}
}

static void keep_text(struct text *into, const char *text)
{
	text_add(into, text);
	text_add(into, "/");
}

static int run_and_keep(void *user, const char *text, struct error *err)
{
	(void)err;
	keep_text(user, text);
	return 0;
}

/* However large: only together they can be. */
static void test_what_is_released_comes_first(void **state)
{
	struct transact_piece exchange[] = {
		{.text = "a\n", .len = 2, .n_elements = 60},
		{.text = "-b\nb\n", .len = 5, .release_len = 3, .n_elements = 60},
		{.text = "-c\nc\n", .len = 5, .release_len = 3, .n_elements = 60},
		{.text = "d\n", .len = 2, .n_elements = 60},
	};
	struct text text = {};

	(void)state;
	assert_int_equal(transact_in_turn(exchange, ARRAY_SIZE(exchange), 100, run_and_keep, &text),
			 0);
	assert_string_equal(text.bytes, "a\n/-b\n-c\nb\nc\n/d\n/");
	text_deinit(&text);
}

/* One of two that exchange something would go alone, and lose it to the other's release. */
static void test_what_is_released_is_not_torn_apart(void **state)
{
	static const struct {
		const char *first, *second, *third;
		size_t n_runs;
	} exchanges[] = {
		{"1\n2\n", "3\n4\n", "5 bad\n", 2},
		{"1\n2\n", "3\n4 bad\n", "5\n", 2},
		{"1\n2 bad\n", "3\n4\n", "5\n", 2},
	};

	(void)state;
	ARRAY_FOREACH(row, exchanges, ARRAY_SIZE(exchanges)) {
		const char *texts[] = {row->first, row->second, row->third};
		struct transact_piece three[ARRAY_SIZE(texts)] = {};
		struct kernel kernel = {};

		for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
			three[i] = (struct transact_piece){.text = texts[i],
							   .len = strlen(texts[i]),
							   .release_len = i < 2 ? 2 : 0,
							   .n_elements = 2};
		assert_int_equal(transact_in_turn(three, 3, 1000, run, &kernel), 0);
		assert_int_equal(three[0].result, three[1].result);
		assert_int_not_equal(three[0].result, three[2].result);
		assert_int_equal(kernel.n_runs, row->n_runs);
		assert_int_equal(kernel.n_taken, three[2].result ? 4 : 1);
		transact_deinit(three, ARRAY_SIZE(three));
	}
}

static void test_a_large_piece_goes_alone(void **state)
{
	struct kernel kernel = {};

	(void)state;
	make_pieces(3, NULL, 0);
	pieces[1].n_elements = 5000;
	assert_int_equal(transact_in_turn(pieces, 3, 1000, run, &kernel), 0);
	assert_int_equal(kernel.n_runs, 3);
	assert_int_equal(kernel.n_taken, 3);
}

static void test_at_once(void **state)
{
	(void)state;
	ARRAY_FOREACH(row, rows, ARRAY_SIZE(rows)) {
		struct kernel kernel = {};

		print_message("%s\n", row->name);
		make_pieces(row->n, row->bad, row->n_bad);
		assert_int_equal(transact_at_once(pieces, row->n, "head\n", "tail\n",
						  "tail of less\n", run, check, &kernel, NULL),
				 0);
		assert_int_equal(kernel.n_taken, row->n - row->n_bad);
		assert_int_equal(kernel.n_runs, row->n_bad ? 2 : 1);
		assert_string_equal(kernel.last, row->n_bad ? "tail of less" : "tail");
		for (size_t i = 0; i < row->n; i++)
			assert_int_equal(pieces[i].result == 0, kernel.taken[i]);
		transact_deinit(pieces, row->n);
	}
}

/* Each goes alone, but not both: the first one wins. */
static void test_at_once_with_two_that_clash(void **state)
{
	struct kernel kernel = {};

	(void)state;
	make_pieces(10, NULL, 0);
	pieces[8].text = lines[3];
	assert_int_equal(transact_at_once(pieces, 10, "", "", "", run, check, &kernel, NULL), 0);
	assert_int_equal(kernel.n_taken, 9);
	assert_int_equal(pieces[3].result, 0);
	assert_int_equal(pieces[8].result, -EEXIST);
	transact_deinit(pieces, 10);
}

static void test_at_once_where_nothing_goes(void **state)
{
	struct kernel kernel = {.broken = -EPERM};
	struct error err;

	(void)state;
	make_pieces(10, NULL, 0);
	assert_int_equal(transact_at_once(pieces, 10, "head\n", "", "", run, check, &kernel, &err),
			 -EPERM);
	assert_string_equal(err.text, "broken");
	assert_int_equal(kernel.n_runs + kernel.n_checks, 2);
	transact_deinit(pieces, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_turn),
		cmocka_unit_test(test_what_is_released_comes_first),
		cmocka_unit_test(test_what_is_released_is_not_torn_apart),
		cmocka_unit_test(test_a_large_piece_goes_alone),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_at_once_with_two_that_clash),
		cmocka_unit_test(test_at_once_where_nothing_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
