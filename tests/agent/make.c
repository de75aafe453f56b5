/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/agent/make.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"

struct uuid make_uid(char letter)
{
	return (struct uuid){{(uint8_t)letter}};
}

struct uuid make_epoch(unsigned number)
{
	return (struct uuid){{(uint8_t)number}};
}

struct desired_lb *make_lb(char letter, uint64_t generation)
{
	struct desired_lb *lb = calloc(1, sizeof(*lb));

	require(lb);
	lb->uid = make_uid(letter);
	require(asprintf(&lb->name, "default/%c", letter) > 0);
	lb->generation = generation;
	lb->number = (uint32_t)letter;
	lb->size_index = 1;
	lb->n_vips = 1;
	lb->vips[0] = (struct address){FAMILY_IPV4, {10, 0, 0, (uint8_t)letter}};
	return lb;
}

static struct desired *make(unsigned epoch, uint64_t revision, const char *what)
{
	struct desired *desired = calloc(1, sizeof(*desired));

	require(desired);
	desired->net = strdup("default_net");
	desired->epoch = make_epoch(epoch);
	desired->revision = revision;
	desired->part = desired->n_parts = 1;
	for (; *what; what++) {
		if (*what == '-') {
			struct uuid *uid = ARRAY_ADD(desired->removed, desired->n_removed);

			require(uid);
			*uid = make_uid(*++what);
		} else {
			struct desired_lb **lb = ARRAY_ADD(desired->lbs, desired->n_lbs);

			require(lb);
			*lb = make_lb(*what, revision);
		}
	}
	return desired;
}

struct desired *make_delta(unsigned epoch, uint64_t previous, uint64_t revision, const char *what)
{
	struct desired *desired = make(epoch, revision, what);

	desired->previous = previous;
	return desired;
}

struct desired *make_part(unsigned epoch, uint64_t revision, const char *what, uint32_t part,
			  uint32_t n_parts)
{
	struct desired *desired = make(epoch, revision, what);

	desired->snapshot = true;
	desired->part = part;
	desired->n_parts = n_parts;
	return desired;
}

const char *make_text(const struct desired *desired)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < desired->n_lbs; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%c%" PRIu64,
					desired->lbs[i]->uid.bytes[0], desired->lbs[i]->generation);
	for (size_t i = 0; i < desired->n_removed; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "-%c",
					desired->removed[i].bytes[0]);
	return text;
}
