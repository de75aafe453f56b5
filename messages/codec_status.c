/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/array.h"
#include "messages/codec.h"
#include "messages/ilb.pb-c.h"
#include "messages/wire.h"

/* What agents say: status, heartbeats, questions. codec.c says how packing works. */

static bool put_addresses(struct arena *arena, const struct status *status, Ilb__V1__Status *out)
{
	out->addresses = arena_alloc_array(arena, status->n_addresses, sizeof(*out->addresses));
	if (!out->addresses)
		return false;
	for (; out->n_addresses < status->n_addresses; out->n_addresses++)
		out->addresses[out->n_addresses] =
			wire_address(&status->addresses[out->n_addresses]);
	return true;
}

static bool put_refusals(struct arena *arena, const struct status *status, Ilb__V1__Status *out)
{
	Ilb__V1__Refusal *refusals =
		arena_alloc_array(arena, status->n_refusals, sizeof(*refusals));

	out->refusals = arena_alloc_pointers(arena, status->n_refusals);
	if (!refusals || !out->refusals)
		return false;
	for (; out->n_refusals < status->n_refusals; out->n_refusals++) {
		const struct status_refusal *from = &status->refusals[out->n_refusals];
		Ilb__V1__Refusal *refusal = &refusals[out->n_refusals];

		ilb__v1__refusal__init(refusal);
		refusal->uid = wire_uuid(&from->uid);
		refusal->sentence = wire_sentence(from->sentence);
		out->refusals[out->n_refusals] = refusal;
	}
	return true;
}

static bool put_conditions(struct arena *arena, const struct status *status, Ilb__V1__Status *out)
{
	Ilb__V1__Condition *conditions =
		arena_alloc_array(arena, status->n_conditions, sizeof(*conditions));

	out->conditions = arena_alloc_pointers(arena, status->n_conditions);
	if (!conditions || !out->conditions)
		return false;
	for (; out->n_conditions < status->n_conditions; out->n_conditions++) {
		const struct status_condition *from = &status->conditions[out->n_conditions];
		Ilb__V1__Condition *condition = &conditions[out->n_conditions];

		ilb__v1__condition__init(condition);
		condition->reason = wire_text(from->reason);
		condition->sentence = wire_sentence(from->sentence);
		out->conditions[out->n_conditions] = condition;
	}
	return true;
}

int status_pack(const struct status *status, void **ret_bytes, size_t *ret_len)
{
	auto_call(arena_deinit) struct arena arena = {};
	Ilb__V1__Status out;

	ilb__v1__status__init(&out);
	out.node = wire_text(status->node);
	out.net = wire_text(status->net);
	out.epoch = wire_uuid(&status->epoch);
	out.revision = status->revision;
	out.digest = status->digest;
	out.n_refused = status->n_refused;
	out.applied_at_ms = status->applied_at_ms;
	if (!put_addresses(&arena, status, &out) || !put_refusals(&arena, status, &out) ||
	    !put_conditions(&arena, status, &out))
		return -ENOMEM;
	return wire_pack(&out.base, ret_bytes, ret_len);
}

static int get_addresses(const Ilb__V1__Status *in, struct status *status, struct error *err)
{
	int r = wire_read_count(in->n_addresses, STATUS_ADDRESSES_MAX, "addresses", err);

	if (r < 0)
		return r;
	status->addresses = calloc(in->n_addresses + 1, sizeof(*status->addresses));
	if (!status->addresses)
		return -ENOMEM;
	for (; status->n_addresses < in->n_addresses; status->n_addresses++) {
		size_t i = status->n_addresses;
		struct address *address = &status->addresses[i];

		r = wire_read_address(in->addresses[i], "address", address, err);
		if (r == 0 && i && address_compare(address, address - 1) <= 0)
			r = error_set(err, -EBADMSG, "out of order or repeated");
		if (r < 0)
			return error_prefix(err, r, "addresses[%zu]", i);
	}
	return 0;
}

static int get_refusals(const Ilb__V1__Status *in, struct status *status, struct error *err)
{
	int r = wire_read_count(in->n_refusals, STATUS_REFUSALS_MAX, "refusals", err);

	if (r == 0)
		r = wire_read_number(in->n_refused, in->n_refusals, UINT64_MAX, "n_refused", err);
	if (r < 0)
		return r;
	status->n_refused = in->n_refused;
	status->refusals = calloc(in->n_refusals + 1, sizeof(*status->refusals));
	if (!status->refusals)
		return -ENOMEM;
	while (status->n_refusals < in->n_refusals) {
		size_t i = status->n_refusals++;
		struct status_refusal *refusal = &status->refusals[i];

		r = wire_read_uuid(in->refusals[i]->uid, "uid", &refusal->uid, err);
		if (r == 0)
			r = wire_read_sentence(in->refusals[i]->sentence, &refusal->sentence);
		if (r < 0)
			return error_prefix(err, r, "refusals[%zu]", i);
	}
	return 0;
}

static int get_conditions(const Ilb__V1__Status *in, struct status *status, struct error *err)
{
	int r = wire_read_count(in->n_conditions, STATUS_CONDITIONS_MAX, "conditions", err);

	if (r < 0)
		return r;
	status->conditions = calloc(in->n_conditions + 1, sizeof(*status->conditions));
	if (!status->conditions)
		return -ENOMEM;
	while (status->n_conditions < in->n_conditions) {
		size_t i = status->n_conditions++;
		struct status_condition *condition = &status->conditions[i];

		r = wire_read_word(in->conditions[i]->reason, STATUS_REASON_MAX, "reason",
				   &condition->reason, err);
		if (r == 0)
			r = wire_read_sentence(in->conditions[i]->sentence, &condition->sentence);
		if (r < 0)
			return error_prefix(err, r, "conditions[%zu]", i);
	}
	return 0;
}

static int get_status_header(const Ilb__V1__Status *in, struct status *status, struct error *err)
{
	int r = wire_read_token(in->node, "node", &status->node, err);

	if (r == 0)
		r = wire_read_token(in->net, "net", &status->net, err);
	if (r == 0)
		r = wire_read_uuid(in->epoch, "epoch", &status->epoch, err);
	status->revision = in->revision;
	status->digest = in->digest;
	status->applied_at_ms = in->applied_at_ms;
	return r;
}

int status_unpack(const void *bytes, size_t len, struct status **ret_status, struct error *err)
{
	auto_call(arena_deinit) struct arena arena = {};
	auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));
	Ilb__V1__Status *in;
	int r;

	if (!status)
		return -ENOMEM;
	r = wire_unpack(&ilb__v1__status__descriptor, bytes, len, &arena, &in, err);
	if (r == 0)
		r = get_status_header(in, status, err);
	if (r == 0)
		r = get_addresses(in, status, err);
	if (r == 0)
		r = get_refusals(in, status, err);
	if (r == 0)
		r = get_conditions(in, status, err);
	if (r == 0)
		*ret_status = TAKE(status);
	return r;
}

int alive_pack(const struct alive *alive, void **ret_bytes, size_t *ret_len)
{
	auto_call(arena_deinit) struct arena arena = {};
	Ilb__V1__Alive out;

	ilb__v1__alive__init(&out);
	out.node = wire_text(alive->node);
	out.boot = wire_uuid(&alive->boot);
	out.version = wire_text(alive->version);
	out.nets = arena_alloc_array(&arena, alive->n_nets, sizeof(*out.nets));
	if (!out.nets)
		return -ENOMEM;
	for (; out.n_nets < alive->n_nets; out.n_nets++)
		out.nets[out.n_nets] = wire_text(alive->nets[out.n_nets]);
	return wire_pack(&out.base, ret_bytes, ret_len);
}

static int get_alive_nets(const Ilb__V1__Alive *in, struct alive *alive, struct error *err)
{
	int r = wire_read_count(in->n_nets, ALIVE_NETWORKS_MAX, "nets", err);

	if (r < 0)
		return r;
	alive->nets = calloc(in->n_nets + 1, sizeof(char *));
	if (!alive->nets)
		return -ENOMEM;
	for (; alive->n_nets < in->n_nets; alive->n_nets++) {
		r = wire_read_token(in->nets[alive->n_nets], "nets", &alive->nets[alive->n_nets],
				    err);
		if (r < 0)
			return r;
	}
	return 0;
}

int alive_unpack(const void *bytes, size_t len, struct alive **ret_alive, struct error *err)
{
	auto_call(arena_deinit) struct arena arena = {};
	auto_call(alive_freep) struct alive *alive = calloc(1, sizeof(*alive));
	Ilb__V1__Alive *in;
	int r;

	if (!alive)
		return -ENOMEM;
	r = wire_unpack(&ilb__v1__alive__descriptor, bytes, len, &arena, &in, err);
	if (r == 0)
		r = wire_read_token(in->node, "node", &alive->node, err);
	if (r == 0)
		r = wire_read_uuid(in->boot, "boot", &alive->boot, err);
	if (r == 0)
		r = wire_read_word(in->version, STATUS_VERSION_MAX, "version", &alive->version,
				   err);
	if (r == 0)
		r = get_alive_nets(in, alive, err);
	if (r == 0)
		*ret_alive = TAKE(alive);
	return r;
}

static bool put_sync_nets(struct arena *arena, const struct sync *sync, Ilb__V1__Sync *out)
{
	Ilb__V1__SyncNet *nets = arena_alloc_array(arena, sync->n_nets, sizeof(*nets));

	out->nets = arena_alloc_pointers(arena, sync->n_nets);
	if (!nets || !out->nets)
		return false;
	for (; out->n_nets < sync->n_nets; out->n_nets++) {
		const struct sync_net *from = &sync->nets[out->n_nets];
		Ilb__V1__SyncNet *net = &nets[out->n_nets];

		ilb__v1__sync_net__init(net);
		net->net = wire_text(from->net);
		net->revision = from->revision;
		net->digest = from->digest;
		net->stale = from->stale;
		out->nets[out->n_nets] = net;
	}
	return true;
}

int sync_pack(const struct sync *sync, void **ret_bytes, size_t *ret_len)
{
	auto_call(arena_deinit) struct arena arena = {};
	Ilb__V1__Sync out;

	ilb__v1__sync__init(&out);
	out.node = wire_text(sync->node);
	out.epoch = wire_uuid(&sync->epoch);
	out.revision = sync->revision;
	if (!put_sync_nets(&arena, sync, &out))
		return -ENOMEM;
	return wire_pack(&out.base, ret_bytes, ret_len);
}

static int get_sync_nets(const Ilb__V1__Sync *in, struct sync *sync, struct error *err)
{
	int r = wire_read_count(in->n_nets, SYNC_NETWORKS_MAX, "nets", err);

	if (r < 0)
		return r;
	sync->nets = calloc(in->n_nets + 1, sizeof(*sync->nets));
	if (!sync->nets)
		return -ENOMEM;
	for (; sync->n_nets < in->n_nets; sync->n_nets++) {
		const Ilb__V1__SyncNet *from = in->nets[sync->n_nets];
		struct sync_net *net = &sync->nets[sync->n_nets];

		r = wire_read_token(from->net, "net", &net->net, err);
		if (r < 0)
			return error_prefix(err, r, "nets[%zu]", sync->n_nets);
		net->revision = from->revision;
		net->digest = from->digest;
		net->stale = from->stale;
	}
	return 0;
}

int sync_unpack(const void *bytes, size_t len, struct sync **ret_sync, struct error *err)
{
	auto_call(arena_deinit) struct arena arena = {};
	auto_call(sync_freep) struct sync *sync = calloc(1, sizeof(*sync));
	Ilb__V1__Sync *in;
	int r;

	if (!sync)
		return -ENOMEM;
	r = wire_unpack(&ilb__v1__sync__descriptor, bytes, len, &arena, &in, err);
	if (r == 0)
		r = wire_read_token(in->node, "node", &sync->node, err);
	if (r == 0)
		r = wire_read_uuid(in->epoch, "epoch", &sync->epoch, err);
	if (r == 0)
		r = get_sync_nets(in, sync, err);
	sync->revision = r == 0 ? in->revision : 0;
	if (r == 0)
		*ret_sync = TAKE(sync);
	return r;
}
