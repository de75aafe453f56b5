/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/snapshots.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "base/array.h"
#include "messages/subjects.h"

struct snapshot {
	char token[SUBJECT_TOKEN_MAX + 1];
	struct outgoing **parts;
	size_t n_parts, n_bytes;
	bool failed; /* without memory */
	UT_hash_handle hh;
};

struct snapshots {
	struct snapshot *kept;
	size_t n_bytes;
	uint64_t settled_at;
	struct uuid epoch;
};

int snapshots_new(struct snapshots **ret_snapshots)
{
	*ret_snapshots = calloc(1, sizeof(**ret_snapshots));
	return *ret_snapshots ? 0 : -ENOMEM;
}

static void snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_parts; i++)
		outgoing_free(snapshot->parts[i]);
	free(snapshot->parts);
	free(snapshot);
}

static void forget(struct snapshots *snapshots)
{
	struct snapshot *snapshot, *next;

	HASH_ITER(hh, snapshots->kept, snapshot, next)
	{
		HASH_DEL(snapshots->kept, snapshot);
		snapshot_free(snapshot);
	}
	snapshots->n_bytes = 0;
}

void snapshots_free(struct snapshots *snapshots)
{
	if (!snapshots)
		return;
	forget(snapshots);
	free(snapshots);
}

static void on_part(void *user, const struct desired *desired)
{
	struct snapshot *snapshot = user;
	struct outgoing **place = ARRAY_ADD(snapshot->parts, snapshot->n_parts);

	if (place)
		*place = NULL;
	if (!place || outgoing_new(desired, place) < 0)
		snapshot->failed = true;
	else
		snapshot->n_bytes += (*place)->len;
}

static int make(const struct networks *networks, const struct uuid *epoch, const char *token,
		struct snapshot **ret_snapshot)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	if (!snapshot)
		return -ENOMEM;
	r = networks_snapshot(networks, epoch, token, on_part, snapshot);
	if (r == 0 && snapshot->failed)
		r = -ENOMEM;
	if (r < 0) {
		snapshot_free(snapshot);
		return r;
	}
	memcpy(snapshot->token, token, strlen(token) + 1); /* a token: networks has looked */
	*ret_snapshot = snapshot;
	return 0;
}

int snapshots_get(struct snapshots *snapshots, const struct networks *networks,
		  const struct uuid *epoch, const char *token, struct outgoing *const **ret_parts,
		  size_t *ret_n_parts)
{
	struct snapshot *snapshot;
	int r;

	if (snapshots->settled_at != networks_settled_at(networks) ||
	    uuid_compare(&snapshots->epoch, epoch) != 0)
		forget(snapshots);
	snapshots->settled_at = networks_settled_at(networks);
	snapshots->epoch = *epoch;
	HASH_FIND_STR(snapshots->kept, token, snapshot);
	if (!snapshot) {
		r = make(networks, epoch, token, &snapshot);
		if (r < 0)
			return r;
		if (snapshots->n_bytes + snapshot->n_bytes > SNAPSHOTS_BYTES_MAX)
			forget(snapshots);
		HASH_ADD_STR(snapshots->kept, token, snapshot);
		snapshots->n_bytes += snapshot->n_bytes;
	}
	*ret_parts = snapshot->parts;
	*ret_n_parts = snapshot->n_parts;
	return 0;
}
