/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/uuid.h"
#include "messages/arena.h"

/*
 * The small change of codec.c: protobuf-c's generic calls on our arena, and one checked reader for
 * each kind of field. Readers return 0, -EBADMSG or -E2BIG with a sentence that begins with
 * `field`, or -ENOMEM; what they give is the caller's, in malloc'ed memory.
 */

/*
 * Memory that a message may take unpacked, by its size. The smallest honest elements (thousands of
 * IPv4 destinations that drain and whose node nobody said) take 18 times their size; without a
 * bound, empty submessages would take 100 times theirs.
 */
#define WIRE_ARENA_FACTOR 24
#define WIRE_ARENA_BASE   ((size_t)64 << 10)

/*
 * Unpacks into `arena`, which must be empty.
 * Return: 0, -EBADMSG, -E2BIG (larger than CODEC_MESSAGE_MAX, or than the arena may become), -ENOMEM.
 */
must_check int wire_unpack(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
			   size_t len, struct arena *arena, void *ret_message, struct error *err);

/* Return: 0, -ENOMEM; malloc'ed bytes. */
must_check int wire_pack(const ProtobufCMessage *message, void **ret_bytes, size_t *ret_len);

int wire_bad(struct error *err, const char *field, const char *why); /* gives -EBADMSG */

must_check int wire_read_count(size_t n, size_t max, const char *field, struct error *err);
must_check int wire_read_number(uint64_t value, uint64_t min, uint64_t max, const char *field,
				struct error *err);

/* A token of messages/subjects.h. */
must_check int wire_read_token(ProtobufCBinaryData bytes, const char *field, char **ret_token,
			       struct error *err);
/* "namespace/name" */
must_check int wire_read_object_name(ProtobufCBinaryData bytes, const char *field, char **ret_name,
				     struct error *err);
/* 1 to `max` bytes of ASCII without blanks and control characters. */
must_check int wire_read_word(ProtobufCBinaryData bytes, size_t max, const char *field,
			      char **ret_word, struct error *err);
/*
 * A sentence from a peer, for people: cut at STATUS_SENTENCE_MAX, control characters and bytes that
 * are not UTF-8 become '?'. What it says is never worth refusing a message for.
 */
must_check int wire_read_sentence(ProtobufCBinaryData bytes, char **ret_sentence);

must_check int wire_read_uuid(ProtobufCBinaryData bytes, const char *field, struct uuid *ret_uuid,
			      struct error *err);
must_check int wire_read_address(ProtobufCBinaryData bytes, const char *field,
				 struct address *ret_address, struct error *err);
/* As above, and refuses what cannot be a host's. */
must_check int wire_read_host(ProtobufCBinaryData bytes, const char *field,
			      struct address *ret_address, struct error *err);

/* Writers borrow: the bytes live as long as what they are made from. NULL becomes empty. */
ProtobufCBinaryData wire_text(const char *text);
ProtobufCBinaryData wire_sentence(const char *text); /* cut at STATUS_SENTENCE_MAX */
ProtobufCBinaryData wire_uuid(const struct uuid *uuid);
ProtobufCBinaryData wire_address(const struct address *address);
