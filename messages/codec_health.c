/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "messages/arena.h"
#include "messages/codec.h"
#include "messages/ilb.pb-c.h"
#include "messages/wire.h"

static bool put_verdicts(struct arena *arena, const struct health *health, Ilb__V1__Health *out)
{
	Ilb__V1__Verdict *verdicts =
		arena_alloc_array(arena, health->n_verdicts, sizeof(*verdicts));

	out->verdicts = arena_alloc_pointers(arena, health->n_verdicts);
	if (!verdicts || !out->verdicts)
		return false;
	for (; out->n_verdicts < health->n_verdicts; out->n_verdicts++) {
		const struct health_verdict *from = &health->verdicts[out->n_verdicts];
		Ilb__V1__Verdict *verdict = &verdicts[out->n_verdicts];

		ilb__v1__verdict__init(verdict);
		verdict->address = wire_address(&from->address);
		verdict->check = from->check;
		verdict->healthy = from->healthy;
		verdict->since_ms = from->since_ms;
		verdict->checked_ms = from->checked_ms;
		verdict->reason = wire_sentence(from->reason);
		verdict->source = wire_address(&from->source);
		out->verdicts[out->n_verdicts] = verdict;
	}
	return true;
}

int health_pack(const struct health *health, void **ret_bytes, size_t *ret_len)
{
	auto_call(arena_deinit) struct arena arena = {};
	Ilb__V1__Health out;

	ilb__v1__health__init(&out);
	out.node = wire_text(health->node);
	out.net = wire_text(health->net);
	out.boot = wire_uuid(&health->boot);
	out.full = health->full;
	out.dead = health->dead;
	if (!put_verdicts(&arena, health, &out))
		return -ENOMEM;
	return wire_pack(&out.base, ret_bytes, ret_len);
}

static int get_verdict(const Ilb__V1__Verdict *in, struct health_verdict *verdict,
		       struct error *err)
{
	int r = wire_read_host(in->address, "address", &verdict->address, err);

	if (r == 0 && in->source.len > 0)
		r = wire_read_address(in->source, "source", &verdict->source, err);
	if (r == 0)
		r = wire_read_sentence(in->reason, &verdict->reason);
	verdict->check = in->check;
	verdict->healthy = in->healthy;
	verdict->since_ms = in->since_ms;
	verdict->checked_ms = in->checked_ms;
	return r;
}

static int get_verdicts(const Ilb__V1__Health *in, struct health *health, struct error *err)
{
	int r = wire_read_count(in->n_verdicts, HEALTH_VERDICTS_MAX, "verdicts", err);

	if (r < 0)
		return r;
	health->verdicts = calloc(in->n_verdicts + 1, sizeof(*health->verdicts));
	if (!health->verdicts)
		return -ENOMEM;
	while (health->n_verdicts < in->n_verdicts) {
		size_t i = health->n_verdicts++;

		r = get_verdict(in->verdicts[i], &health->verdicts[i], err);
		if (r < 0)
			return error_prefix(err, r, "verdicts[%zu]", i);
	}
	return 0;
}

int health_unpack(const void *bytes, size_t len, struct health **ret_health, struct error *err)
{
	auto_call(arena_deinit) struct arena arena = {};
	auto_call(health_freep) struct health *health = calloc(1, sizeof(*health));
	Ilb__V1__Health *in;
	int r;

	if (!health)
		return -ENOMEM;
	r = wire_unpack(&ilb__v1__health__descriptor, bytes, len, &arena, &in, err);
	if (r == 0)
		r = wire_read_token(in->node, "node", &health->node, err);
	if (r == 0)
		r = wire_read_token(in->net, "net", &health->net, err);
	if (r == 0)
		r = wire_read_uuid(in->boot, "boot", &health->boot, err);
	if (r == 0)
		r = get_verdicts(in, health, err);
	if (r < 0)
		return r;
	health->full = in->full;
	health->dead = in->dead;
	*ret_health = TAKE(health);
	return 0;
}

int probe_pack(const struct probe *probe, void **ret_bytes, size_t *ret_len)
{
	Ilb__V1__Probe out;

	ilb__v1__probe__init(&out);
	out.net = wire_text(probe->net);
	out.node = wire_text(probe->node);
	out.n_asked = probe->n_asked;
	out.n_answered = probe->n_answered;
	return wire_pack(&out.base, ret_bytes, ret_len);
}

int probe_unpack(const void *bytes, size_t len, struct probe **ret_probe, struct error *err)
{
	auto_call(arena_deinit) struct arena arena = {};
	auto_call(probe_freep) struct probe *probe = calloc(1, sizeof(*probe));
	Ilb__V1__Probe *in;
	int r;

	if (!probe)
		return -ENOMEM;
	r = wire_unpack(&ilb__v1__probe__descriptor, bytes, len, &arena, &in, err);
	if (r == 0)
		r = wire_read_token(in->net, "net", &probe->net, err);
	if (r == 0)
		r = wire_read_token(in->node, "node", &probe->node, err);
	if (r < 0)
		return r;
	probe->n_asked = in->n_asked;
	probe->n_answered = in->n_answered;
	*ret_probe = TAKE(probe);
	return 0;
}
