/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "messages/desired.h"
#include "messages/health.h"
#include "messages/note.h"
#include "messages/status.h"

/*
 * Between bytes on the wire (ilb.proto) and our own structs. Only the codec*.c see generated
 * types. Unpacking checks every count, length and range against the limits in desired.h and
 * status.h, in a memory arena bounded by the size of the message: what it gives can be trusted to
 * be well formed, not to be true.
 *
 * pack: gives malloc'ed bytes. Return: 0, -ENOMEM. Sentences are cut at STATUS_SENTENCE_MAX, all
 *   else is the caller's: what is over a limit is packed and refused by whoever gets it.
 * unpack: Return: 0, -EBADMSG with a sentence that names the field, -E2BIG over a limit, -ENOMEM.
 */

#define CODEC_MESSAGE_MAX (1U << 20) /* bytes; NATS' default max_payload */

must_check int desired_pack(const struct desired *desired, void **ret_bytes, size_t *ret_len);
must_check int desired_unpack(const void *bytes, size_t len, struct desired **ret_desired,
			      struct error *err);

must_check int status_pack(const struct status *status, void **ret_bytes, size_t *ret_len);
must_check int status_unpack(const void *bytes, size_t len, struct status **ret_status,
			     struct error *err);

must_check int alive_pack(const struct alive *alive, void **ret_bytes, size_t *ret_len);
must_check int alive_unpack(const void *bytes, size_t len, struct alive **ret_alive,
			    struct error *err);

must_check int health_pack(const struct health *health, void **ret_bytes, size_t *ret_len);
must_check int health_unpack(const void *bytes, size_t len, struct health **ret_health,
			     struct error *err);

must_check int probe_pack(const struct probe *probe, void **ret_bytes, size_t *ret_len);
must_check int probe_unpack(const void *bytes, size_t len, struct probe **ret_probe,
			    struct error *err);

must_check int note_pack(const struct note *note, void **ret_bytes, size_t *ret_len);
must_check int note_unpack(const void *bytes, size_t len, struct note **ret_note,
			   struct error *err);

must_check int sync_pack(const struct sync *sync, void **ret_bytes, size_t *ret_len);
must_check int sync_unpack(const void *bytes, size_t len, struct sync **ret_sync,
			   struct error *err);

/*
 * A LoadBalancer's share of a Network's digest: hash_bytes() of its packed form. The digest of a
 * Network is the sum, modulo 2^64, over its LoadBalancers; equal digests mean equal state.
 * Return: 0, -ENOMEM.
 */
must_check int codec_digest(const struct desired_lb *lb, uint64_t *ret_digest);

/*
 * Bytes that the LoadBalancer takes in a message: what a snapshot is cut into parts by.
 * CODEC_MESSAGE_MAX without memory.
 */
size_t codec_size(const struct desired_lb *lb);
