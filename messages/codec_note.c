/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "messages/arena.h"
#include "messages/codec.h"
#include "messages/desired.h"
#include "messages/ilb.pb-c.h"
#include "messages/wire.h"

int note_pack(const struct note *note, void **ret_bytes, size_t *ret_len)
{
	Ilb__V1__Note out;

	ilb__v1__note__init(&out);
	out.node = wire_text(note->node);
	out.net = wire_text(note->net);
	out.at_ms = note->at_ms;
	out.warning = note->warning;
	out.object = wire_text(note->object);
	out.reason = wire_text(note->reason);
	out.sentence = wire_sentence(note->sentence);
	return wire_pack(&out.base, ret_bytes, ret_len);
}

/* It becomes part of a subject: a kind and a name of Kubernetes' alphabet. */
static int read_object(ProtobufCBinaryData bytes, char **ret_object, struct error *err)
{
	int r = wire_read_word(bytes, NOTE_OBJECT_MAX, "object", ret_object, err);
	const char *slash = r == 0 ? strchr(*ret_object, '/') : NULL;

	if (r < 0)
		return r;
	if (!slash || slash == *ret_object || !slash[1] ||
	    strspn(*ret_object, "abcdefghijklmnopqrstuvwxyz") != (size_t)(slash - *ret_object) ||
	    slash[1 + strspn(slash + 1, "abcdefghijklmnopqrstuvwxyz0123456789-.")])
		return wire_bad(err, "object", "must be a kind, '/' and a name");
	if (strlen(slash + 1) > DESIRED_NAME_MAX)
		return wire_bad(err, "object", "the name is too long");
	return 0;
}

int note_unpack(const void *bytes, size_t len, struct note **ret_note, struct error *err)
{
	auto_call(arena_deinit) struct arena arena = {};
	auto_call(note_freep) struct note *note = calloc(1, sizeof(*note));
	Ilb__V1__Note *in;
	int r;

	if (!note)
		return -ENOMEM;
	r = wire_unpack(&ilb__v1__note__descriptor, bytes, len, &arena, &in, err);
	if (r == 0)
		r = wire_read_token(in->node, "node", &note->node, err);
	if (r == 0)
		r = wire_read_token(in->net, "net", &note->net, err);
	if (r == 0)
		r = read_object(in->object, &note->object, err);
	if (r == 0)
		r = wire_read_word(in->reason, NOTE_REASON_MAX, "reason", &note->reason, err);
	if (r == 0)
		r = wire_read_sentence(in->sentence, &note->sentence);
	if (r < 0)
		return r;
	note->at_ms = in->at_ms;
	note->warning = in->warning;
	*ret_note = TAKE(note);
	return 0;
}
