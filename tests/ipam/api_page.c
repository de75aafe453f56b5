/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "ipam/document.h"

/*
 * docs/api.md is docs/api-intro.md and the table of fields. Without an argument it is checked,
 * with --write it is written.
 */

#define INTRO   ILB_SOURCE "/docs/api-intro.md"
#define PAGE    ILB_SOURCE "/docs/api.md"
#define AT_MOST (1U << 20)

static int make_page(struct text *page, struct error *err)
{
	auto_free char *intro = NULL;
	size_t len;
	int r = file_read(INTRO, AT_MOST, &intro, &len, err);

	if (r < 0)
		return r;
	text_add_bytes(page, intro, len);
	schema_document(page);
	return page->failed ? error_errno(err, -ENOMEM, PAGE) : 0;
}

static int write_page(const struct text *page)
{
	FILE *file = fopen(PAGE, "w");
	bool written = file && fwrite(page->bytes, 1, page->len, file) == page->len;

	if (file && fclose(file) != 0)
		written = false;
	if (!written)
		perror(PAGE);
	return written ? 0 : 1;
}

static int compare_page(const struct text *page)
{
	auto_free char *bytes = NULL;
	struct error err;
	size_t len;

	if (file_read(PAGE, AT_MOST, &bytes, &len, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (len == page->len && memcmp(bytes, page->bytes, len) == 0)
		return 0;
	(void)fprintf(stderr, "docs/api.md is out of date: run this program with --write\n");
	return 1;
}

int main(int argc, char **argv)
{
	auto_call(text_deinit) struct text page = {};
	struct error err;

	if (make_page(&page, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return argc > 1 && strcmp(argv[1], "--write") == 0 ? write_page(&page)
							   : compare_page(&page);
}
