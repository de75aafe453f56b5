/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/journal.h"

#include <errno.h>
#include <string.h>

#include "agent/pending.h"
#include "agent/reconcile.h"
#include "base/hash.h"
#include "messages/codec.h"

static const char head[] = "ilb recall 1\n";

enum {
	HEAD_LEN = sizeof(head) - 1,
	PART_LEN = 256 << 10, /* as on the wire; a record must be within CODEC_MESSAGE_MAX */
	FLAG_MORE = 1,        /* of a change: the next record belongs to it */
};

struct record {
	uint64_t checksum; /* of all behind this field */
	uint64_t at_ms;
	uint32_t len, flags;
	uint8_t bytes[];
};

static uint64_t checksum(const struct record *record)
{
	const uint8_t *behind = (const uint8_t *)record + sizeof(record->checksum);

	return hash_bytes(behind, sizeof(*record) - sizeof(record->checksum) + record->len);
}

static int add_record(struct text *text, const struct desired *desired, uint64_t at_ms,
		      uint32_t flags)
{
	auto_free void *bytes = NULL;
	auto_free struct record *record = NULL;
	size_t len;
	int r;

	r = desired_pack(desired, &bytes, &len);
	if (r < 0)
		return r;
	record = calloc(1, sizeof(*record) + len);
	if (!record)
		return -ENOMEM;
	record->at_ms = at_ms;
	record->len = (uint32_t)len;
	record->flags = flags;
	memcpy(record->bytes, bytes, len);
	record->checksum = checksum(record);
	text_add_bytes(text, record, sizeof(*record) + len);
	return text->failed ? -ENOMEM : 0;
}

/* How many LoadBalancers from `first` on go into one record; one at least, if there are any. */
static size_t n_in_part(const struct desired *desired, size_t first)
{
	size_t size = 0, n = 0;

	for (; first + n < desired->n_lbs; n++) {
		size += codec_size(desired->lbs[first + n]);
		if (n > 0 && size > PART_LEN)
			break;
	}
	return n;
}

static uint32_t count_parts(const struct desired *desired)
{
	uint32_t n_parts = 0;
	size_t first = 0;

	do {
		first += n_in_part(desired, first);
		n_parts++;
	} while (first < desired->n_lbs);
	return n_parts;
}

int journal_pack(const struct desired *change, uint64_t at_ms, struct text *text)
{
	uint32_t n_parts = count_parts(change);
	size_t first = 0;

	if (change->snapshot)
		text_add_bytes(text, head, HEAD_LEN);
	for (uint32_t i = 1; i <= n_parts; i++) {
		struct desired part = *change; /* borrows */
		int r;

		part.lbs = change->lbs + first;
		part.n_lbs = n_in_part(change, first);
		first += part.n_lbs;
		part.part = change->snapshot ? i : 1;
		part.n_parts = change->snapshot ? n_parts : 1;
		if (i > 1)
			part.n_removed = 0;
		r = add_record(text, &part, at_ms, i < n_parts ? FLAG_MORE : 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The record at `*pos`, which is moved behind it; NULL: none that is whole. The caller frees it. */
static struct record *next_record(const uint8_t *bytes, size_t len, size_t *pos)
{
	auto_free struct record *record = NULL;
	struct record start;

	if (len - *pos < sizeof(start))
		return NULL;
	memcpy(&start, bytes + *pos, sizeof(start));
	if (start.len > CODEC_MESSAGE_MAX || start.len > len - *pos - sizeof(start))
		return NULL;
	record = malloc(sizeof(start) + start.len); /* aligned, unlike the file's */
	if (!record)
		return NULL;
	memcpy(record, bytes + *pos, sizeof(start) + start.len);
	if (checksum(record) != record->checksum)
		return NULL;
	*pos += sizeof(start) + start.len;
	return TAKE(record);
}

/*
 * What the file says, replayed through what would take it from the bus. `group` collects the records
 * of one change. Return: whether the state is whole now, -EAGAIN: in the middle of something, or why
 * nothing more can be read.
 */
static int replay(struct reconcile *state, struct desired **group, const char *net,
		  const struct record *record)
{
	auto_call(desired_freep) struct desired *desired = NULL;
	uint64_t revision;
	int r;

	r = desired_unpack(record->bytes, record->len, &desired, NULL);
	if (r < 0)
		return r;
	if (!text_equal(desired->net, net) || desired->snapshot == state->complete)
		return -EBADMSG;
	if (desired->snapshot) {
		if (reconcile_part(state, TAKE(desired), 0))
			return -EAGAIN;
		return state->complete ? 0 : -EBADMSG;
	}
	revision = desired->revision;
	r = pending_merge(group, TAKE(desired));
	if (r < 0)
		return r;
	if (record->flags & FLAG_MORE)
		return -EAGAIN;
	reconcile_delta(state, TAKE(*group), 0);
	return state->complete && state->asof == revision ? 0 : -EBADMSG;
}

static int replay_all(struct reconcile *state, const char *net, const uint8_t *bytes, size_t len,
		      uint64_t *ret_at_ms, size_t *ret_good_len)
{
	auto_call(desired_freep) struct desired *group = NULL;
	size_t pos = HEAD_LEN;
	int r = -EAGAIN;

	while (r == 0 || r == -EAGAIN) {
		auto_free struct record *record = next_record(bytes, len, &pos);

		if (!record)
			return 0;
		r = replay(state, &group, net, record);
		if (r == 0) {
			*ret_at_ms = record->at_ms;
			*ret_good_len = pos;
		}
	}
	return r;
}

int journal_read(const char *net, const void *bytes, size_t len, struct desired **ret_state,
		 uint64_t *ret_at_ms, size_t *ret_good_len, struct error *err)
{
	struct desired *whole;
	struct reconcile state;
	uint64_t at_ms = 0;
	size_t good_len = 0;

	if (len < HEAD_LEN || memcmp(bytes, head, HEAD_LEN) != 0)
		return error_set(err, -EBADMSG, "not a file of this version");
	reconcile_init(&state, 1, 0);
	(void)reconcile_asked(&state);
	/* What stopped it does not matter: what was good before that is good. */
	(void)replay_all(&state, net, bytes, len, &at_ms, &good_len);
	whole = good_len > 0 ? reconcile_take(&state) : NULL;
	reconcile_deinit(&state);
	if (!whole)
		return error_set(err, -EBADMSG, "no whole state of the Network in it");
	*ret_state = whole;
	*ret_at_ms = at_ms;
	*ret_good_len = good_len;
	return 0;
}
