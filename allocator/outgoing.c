/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/outgoing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "messages/codec.h"

#define CHANGED_MAX 1024 /* of the header that names what changed */

/* The names of what changed, for people who watch the bus. */
static char *changed_names(const struct desired *desired)
{
	struct text text = {};
	char *names = NULL;

	for (size_t i = 0; i < desired->n_lbs && text.len < CHANGED_MAX; i++)
		text_addf(&text, "%s%s", i ? " " : "", desired->lbs[i]->name);
	if (text.len >= CHANGED_MAX)
		text_add(&text, " ...");
	if (desired->n_removed)
		text_addf(&text, "%s%zu removed", text.len ? " " : "", desired->n_removed);
	if (text_take(&text, &names, NULL) < 0)
		return NULL;
	return names;
}

static void add_header(struct outgoing *outgoing, const char *name, const char *value)
{
	outgoing->headers[outgoing->n_headers++] = (struct bus_header){name, value};
}

static void add_headers(struct outgoing *outgoing, const struct desired *desired)
{
	char(*numbers)[24] = outgoing->numbers;

	(void)snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, desired->revision);
	(void)snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, desired->previous);
	(void)snprintf(numbers[2], sizeof(numbers[2]), "%" PRIu32 "/%" PRIu32, desired->part,
		       desired->n_parts);
	add_header(outgoing, "Ilb-Epoch", uuid_format(&desired->epoch, outgoing->epoch));
	add_header(outgoing, "Ilb-Rev", numbers[0]);
	if (desired->snapshot)
		add_header(outgoing, "Ilb-Part", numbers[2]);
	else
		add_header(outgoing, "Ilb-Prev", numbers[1]);
	if (desired->resync)
		add_header(outgoing, "Ilb-Resync", "1");
	if (outgoing->changed && outgoing->changed[0])
		add_header(outgoing, "Ilb-Changed", outgoing->changed);
}

int outgoing_new(const struct desired *desired, struct outgoing **ret_outgoing)
{
	auto_call(outgoing_freep) struct outgoing *outgoing = calloc(1, sizeof(*outgoing));

	if (!outgoing)
		return -ENOMEM;
	outgoing->net = strdup(desired->net);
	outgoing->revision = desired->revision;
	outgoing->changed = changed_names(desired);
	add_headers(outgoing, desired);
	if (!outgoing->net || desired_pack(desired, &outgoing->bytes, &outgoing->len) < 0)
		return -ENOMEM;
	*ret_outgoing = TAKE(outgoing);
	return 0;
}

void outgoing_free(struct outgoing *outgoing)
{
	if (!outgoing)
		return;
	free(outgoing->net);
	free(outgoing->changed);
	free(outgoing->bytes);
	free(outgoing);
}
