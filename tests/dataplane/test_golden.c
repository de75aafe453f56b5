/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/auto.h"
#include "base/file.h"
#include "dataplane/forwarding.h"
#include "dataplane/plan.h"
#include "dataplane/ruleset.h"
#include "tests/support/cmocka.h"
#include "tests/support/some_lb.h"

/*
 * tests/dataplane/golden/<case>/: `want` (and `have`, what was there before) in the form of
 * tests/support/some_lb.h, and `plan.nft`, what becomes of it. ruleset.nft is the constant part.
 * ILB_GOLDEN=write rewrites the expectations; `git diff` then shows what changed.
 */

#define FILE_MAX 1000000 /* bytes */

/* NULL where there is no such file. */
static char *read_file(const char *dir, const char *name)
{
	auto_free char *path = NULL;
	char *bytes = NULL;
	size_t len;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return file_read(path, FILE_MAX, &bytes, &len, NULL) < 0 ? NULL : bytes;
}

static void expect(const char *dir, const char *name, const struct text *text)
{
	auto_free char *expected = read_file(dir, name);
	const char *mode = getenv("ILB_GOLDEN");
	auto_free char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	assert_false(text->failed);
	if (mode && strcmp(mode, "write") == 0) {
		FILE *file = fopen(path, "we");

		assert_non_null(file);
		assert_int_equal(fwrite(text->bytes, 1, text->len, file), text->len);
		assert_int_equal(fclose(file), 0);
	} else if (!expected || strcmp(expected, text->bytes) != 0) {
		fail_msg("%s differs; it is now:\n%s", path, text->bytes);
	}
}

static struct forwarding *read_forwarding(const char *dir, const char *name)
{
	auto_free char *input = read_file(dir, name);
	auto_call(desired_lb_freep) struct desired_lb *lb = NULL;
	struct forwarding *forwarding = NULL;
	struct error err = {};

	if (!input)
		return NULL;
	lb = some_lb_parse(input);
	if (forwarding_new(lb, "n1", &forwarding, &err) < 0)
		fail_msg("%s/%s: %s", dir, name, err.text);
	return forwarding;
}

/* An element a line. */
static void write_elements(const struct plan *plan, struct text *text)
{
	const char *at = plan->text.bytes;

	text_addf(text, "\n# %zu elements\n", plan->n_elements);
	for (const char *end = at + plan->text.len; at < end; at++) {
		text_add_bytes(text, at, 1);
		if (at[0] == ',' || at[0] == '{')
			text_add(text, "\n\t");
		if ((at[0] == ',' || at[0] == '{') && at[1] == ' ')
			at++;
	}
}

static void write_cleanup(const struct plan_cleanup *cleanup, struct text *text)
{
	static const char *const when[] = {"now, UDP, SCTP and TCP without reply", "now",
					   "after the drain, TCP"};
	char address[ADDRESS_TEXT_MAX];

	text_addf(text, "# conntrack %s", when[cleanup->when]);
	if (cleanup->when == CLEANUP_AFTER_DRAIN)
		text_addf(text, " (%u s)", cleanup->drain_s);
	text_addf(text, ": mark 0x%x/0x%x", cleanup->mark, cleanup->mark_mask);
	if (cleanup->destination.family)
		text_addf(text, " to destination %s",
			  address_format(&cleanup->destination, address));
	if (cleanup->vip.family)
		text_addf(text, " to VIP %s", address_format(&cleanup->vip, address));
	if (cleanup->protocol)
		text_addf(text, " protocol %u ports %u-%u", cleanup->protocol, cleanup->first,
			  cleanup->last);
	text_add(text, "\n");
}

/* The comments that open `want` (or `have`, when all goes) say what the case shows. */
static void write_comments(const char *dir, struct text *text)
{
	auto_free char *want = read_file(dir, "want"), *have = read_file(dir, "have");
	char *save = NULL;

	for (char *line = strtok_r(want ? want : have, "\n", &save); line && *line == '#';
	     line = strtok_r(NULL, "\n", &save))
		text_addf(text, "%s\n", line);
}

static void check_case(const char *name)
{
	auto_free char *dir = NULL;
	auto_call(text_deinit) struct text text = {};
	auto_call(plan_deinit) struct plan plan = {};
	auto_call(forwarding_freep) struct forwarding *have = NULL, *want = NULL;

	assert_true(asprintf(&dir, ILB_GOLDEN_DIR "/%s", name) > 0);
	have = read_forwarding(dir, "have");
	want = read_forwarding(dir, "want");
	if (!have && !want)
		fail_msg("%s has neither `have` nor `want`", dir);
	assert_int_equal(plan_diff(have, want, &plan), 0);
	write_comments(dir, &text);
	if (plan.n_elements)
		write_elements(&plan, &text);
	if (plan.n_cleanups)
		text_add(&text, "\n");
	ARRAY_FOREACH(cleanup, plan.cleanups, plan.n_cleanups)
		write_cleanup(cleanup, &text);
	expect(dir, "plan.nft", &text);
}

static void test_cases(void **state)
{
	DIR *dir = opendir(ILB_GOLDEN_DIR);
	size_t n = 0;

	(void)state;
	assert_non_null(dir);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (entry->d_name[0] == '.' || strchr(entry->d_name, '.'))
			continue;
		check_case(entry->d_name);
		n++;
	}
	(void)closedir(dir);
	assert_true(n >= 12);
}

static void test_ruleset(void **state)
{
	auto_call(text_deinit) struct text text = {};

	(void)state;
	ruleset_write(&text, &(struct ruleset_options){.flowtable = true});
	expect(ILB_GOLDEN_DIR, "ruleset.nft", &text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_ruleset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
