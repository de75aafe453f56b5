/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "messages/codec.h"
#include "messages/desired.h"
#include "messages/status.h"
#include "messages/subjects.h"

static void *arena_alloc_for_protobuf(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void arena_free_nothing(void *arena, void *bytes)
{
	(void)arena;
	(void)bytes;
}

int wire_unpack(const ProtobufCMessageDescriptor *descriptor, const void *bytes, size_t len,
		struct arena *arena, void *ret_message, struct error *err)
{
	ProtobufCAllocator allocator = {arena_alloc_for_protobuf, arena_free_nothing, arena};
	ProtobufCMessage *message;

	if (len > CODEC_MESSAGE_MAX)
		return error_set(err, -E2BIG, "message: %zu bytes, at most %u are read", len,
				 CODEC_MESSAGE_MAX);
	arena->limit = WIRE_ARENA_FACTOR * len + WIRE_ARENA_BASE;
	message = protobuf_c_message_unpack(descriptor, &allocator, len, bytes);
	if (!message && arena->exceeded)
		return error_set(err, -E2BIG, "message: too many parts for its %zu bytes", len);
	if (!message)
		return error_set(err, -EBADMSG, "message: not a %s", descriptor->name);
	*(ProtobufCMessage **)ret_message = message;
	return 0;
}

int wire_pack(const ProtobufCMessage *message, void **ret_bytes, size_t *ret_len)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	void *bytes = malloc(len + 1); /* an empty message is no reason to get NULL */

	if (!bytes)
		return -ENOMEM;
	*ret_len = protobuf_c_message_pack(message, bytes);
	*ret_bytes = bytes;
	return 0;
}

int wire_bad(struct error *err, const char *field, const char *why)
{
	return error_set(err, -EBADMSG, "%s: %s", field, why);
}

int wire_read_count(size_t n, size_t max, const char *field, struct error *err)
{
	if (n > max)
		return error_set(err, -E2BIG, "%s: %zu, at most %zu are allowed", field, n, max);
	return 0;
}

int wire_read_number(uint64_t value, uint64_t min, uint64_t max, const char *field,
		     struct error *err)
{
	if (value < min || value > max)
		return error_set(err, -EBADMSG,
				 "%s: %" PRIu64 " must be between %" PRIu64 " and %" PRIu64, field,
				 value, min, max);
	return 0;
}

/* A terminated copy; the caller has checked the bytes. */
static int copy_bytes(const void *bytes, size_t len, char **ret_copy)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	*ret_copy = copy;
	return 0;
}

int wire_read_token(ProtobufCBinaryData bytes, const char *field, char **ret_token,
		    struct error *err)
{
	auto_free char *token = NULL;
	int r;

	if (bytes.len > SUBJECT_TOKEN_MAX)
		return error_set(err, -E2BIG, "%s: longer than %d bytes", field, SUBJECT_TOKEN_MAX);
	r = copy_bytes(bytes.data, bytes.len, &token);
	if (r < 0)
		return r;
	if (strlen(token) != bytes.len || !subject_is_token(token))
		return wire_bad(err, field, "must be one or more of a-z, 0-9, '_' and '-'");
	*ret_token = TAKE(token);
	return 0;
}

int wire_read_object_name(ProtobufCBinaryData bytes, const char *field, char **ret_name,
			  struct error *err)
{
	char name_space[64], name[SUBJECT_TOKEN_MAX + 1], token[SUBJECT_TOKEN_MAX + 1];
	const uint8_t *slash = bytes.len ? memchr(bytes.data, '/', bytes.len) : NULL;
	size_t before = slash ? (size_t)(slash - bytes.data) : 0;
	size_t behind = slash ? bytes.len - before - 1 : 0;

	if (!slash || before >= sizeof(name_space) || behind > DESIRED_NAME_MAX ||
	    memchr(bytes.data, '\0', bytes.len))
		return wire_bad(err, field, "must be a namespace, '/' and a name");
	memcpy(name_space, bytes.data, before);
	name_space[before] = '\0';
	memcpy(name, slash + 1, behind);
	name[behind] = '\0';
	if (subject_net_token(name_space, name, token) == -EINVAL)
		return wire_bad(err, field, "must be a namespace, '/' and a name");
	return copy_bytes(bytes.data, bytes.len, ret_name);
}

int wire_read_word(ProtobufCBinaryData bytes, size_t max, const char *field, char **ret_word,
		   struct error *err)
{
	if (bytes.len > max)
		return error_set(err, -E2BIG, "%s: longer than %zu bytes", field, max);
	if (bytes.len == 0)
		return wire_bad(err, field, "must not be empty");
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.data[i] <= ' ' || bytes.data[i] > '~')
			return wire_bad(err, field, "must be visible ASCII characters");
	}
	return copy_bytes(bytes.data, bytes.len, ret_word);
}

/*
 * Length of the well-formed UTF-8 character at the beginning of `bytes`, 0 when there is none.
 * Source: table 3-7 of the Unicode Standard.
 */
static size_t utf8_len(const uint8_t *bytes, size_t len)
{
	uint8_t first = bytes[0], low = 0x80, high = 0xbf;
	size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (n == 0 || first > 0xf4 || n > len)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xf0)
		low = 0x90;
	if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++) {
		if (bytes[i] < low || bytes[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

/* U+0080 to U+009F are control characters too, and some terminals obey them. */
static bool is_control(const uint8_t *bytes, size_t len)
{
	return bytes[0] < ' ' || bytes[0] == 0x7f ||
	       (len == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0);
}

int wire_read_sentence(ProtobufCBinaryData bytes, char **ret_sentence)
{
	char clean[STATUS_SENTENCE_MAX];
	size_t len = 0;

	for (size_t i = 0; i < bytes.len;) {
		size_t n = utf8_len(bytes.data + i, bytes.len - i);
		bool is_bad = n == 0 || is_control(bytes.data + i, n);

		if (len + (is_bad ? 1 : n) > sizeof(clean))
			break;
		memcpy(clean + len, is_bad ? (const uint8_t *)"?" : bytes.data + i, is_bad ? 1 : n);
		len += is_bad ? 1 : n;
		i += n ? n : 1;
	}
	return copy_bytes(clean, len, ret_sentence);
}

int wire_read_uuid(ProtobufCBinaryData bytes, const char *field, struct uuid *ret_uuid,
		   struct error *err)
{
	if (bytes.len != sizeof(ret_uuid->bytes))
		return wire_bad(err, field, "must be 16 bytes");
	memcpy(ret_uuid->bytes, bytes.data, sizeof(ret_uuid->bytes));
	return 0;
}

int wire_read_address(ProtobufCBinaryData bytes, const char *field, struct address *ret_address,
		      struct error *err)
{
	if (address_from_bytes(bytes.data, bytes.len, ret_address) < 0)
		return wire_bad(err, field, "must be 4 or 16 bytes");
	return 0;
}

int wire_read_host(ProtobufCBinaryData bytes, const char *field, struct address *ret_address,
		   struct error *err)
{
	struct address address;
	char text[ADDRESS_TEXT_MAX];
	int r = wire_read_address(bytes, field, &address, err);

	if (r < 0)
		return r;
	if (address_why_not_host(&address))
		return error_set(err, -EBADMSG, "%s: %s is not a host's address but %s", field,
				 address_format(&address, text), address_why_not_host(&address));
	*ret_address = address;
	return 0;
}

/* protobuf-c's struct has no const; packing does not write. */
static ProtobufCBinaryData borrow(const void *bytes, size_t len)
{
	return (ProtobufCBinaryData){len, (uint8_t *)bytes};
}

ProtobufCBinaryData wire_text(const char *text)
{
	return borrow(text, text ? strlen(text) : 0);
}

ProtobufCBinaryData wire_sentence(const char *text)
{
	size_t len = text ? strnlen(text, STATUS_SENTENCE_MAX + 1) : 0;

	if (len > STATUS_SENTENCE_MAX) { /* not in the middle of a character */
		len = STATUS_SENTENCE_MAX;
		while (len && ((uint8_t)text[len] & 0xc0) == 0x80)
			len--;
	}
	return borrow(text, len);
}

ProtobufCBinaryData wire_uuid(const struct uuid *uuid)
{
	return borrow(uuid->bytes, sizeof(uuid->bytes));
}

ProtobufCBinaryData wire_address(const struct address *address)
{
	return borrow(address->bytes, address_len(address));
}
