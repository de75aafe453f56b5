/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "allocator/request.h"
#include "base/require.h"
#include "tests/fuzz/fuzz.h"

/*
 * Requests: the first line is the subject, the next four are the headers Accept, Ilb-Selector,
 * Ilb-Continue and Ilb-Limit ("-": absent), everything behind them is the body. Whatever is
 * accepted keeps to its limits; whatever is not has a sentence.
 */

#define N_LINES 5

static const char *take_line(const uint8_t **bytes, size_t *len, char line[static 512])
{
	const uint8_t *end = memchr(*bytes, '\n', *len);
	size_t n = end ? (size_t)(end - *bytes) : *len, kept = n < 511 ? n : 511;

	memcpy(line, *bytes, kept);
	line[kept] = '\0';
	*bytes += end ? n + 1 : n;
	*len -= end ? n + 1 : n;
	return strcmp(line, "-") == 0 ? NULL : line;
}

static void check_accepted(const struct request *request)
{
	require(request->verb < API_N_VERBS);
	require(request->name_space[0] || request->list == LIST_NODES);
	require(request->limit >= 1 && request->limit <= REQUEST_LIST_LIMIT);
	require(request->n_targets <= REQUEST_TARGETS_MAX);
	require(!request->after || strlen(request->after) <= DESIRED_NAME_MAX);
	for (size_t i = 0; i < request->n_targets; i++) {
		require(request->targets[i].kind < KIND_N_KINDS);
		require(request->targets[i].name[0]);
	}
	for (size_t i = 0; i < request->documents.n_items; i++)
		require(request->documents.items[i].object ||
			problems_any(&request->documents.items[i].problems));
	if (request->verb == API_GET)
		require(request->n_targets);
	else if (request->verb != API_LIST)
		require(request->n_targets || request->documents.n_items);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char lines[N_LINES][512];
	const char *values[N_LINES];
	struct request request = {};
	struct error err = {};
	int r;

	for (size_t i = 0; i < N_LINES; i++)
		values[i] = take_line(&bytes, &len, lines[i]);
	struct request_input input = {
		.subject = values[0] ? values[0] : "",
		.body = (const char *)bytes,
		.len = len,
		.accept = values[1],
		.selector = values[2],
		.after = values[3],
		.limit = values[4],
	};

	r = request_parse(&input, &request, &err);
	if (r == 0)
		check_accepted(&request);
	else
		require(r == -EINVAL && err.text[0]);
	request_deinit(&request);
	return 0;
}
