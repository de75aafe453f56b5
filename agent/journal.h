/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "messages/desired.h"

/*
 * The bytes of the file that keeps the last state of a Network: a head with the format's version,
 * the parts of a snapshot, then changes as they came. Each record carries a checksum, so that what
 * a crash left half-written is found, and is as if it had never been begun.
 *
 *	head     "ilb recall 1\n"
 *	record   checksum of all that follows 8, time 8, length 4, flags 4, bytes as on the wire
 *
 * Numbers are in the byte order of the machine, which does not change between two starts.
 */

#define JOURNAL_LEN_MAX (256U << 20) /* bytes of a file; a Network is far from it */

/*
 * Writes a snapshot: a whole file; or a change: what is to be appended to one.
 * @change: its `previous` must be the revision of what is in the file already.
 * @at_ms:  wall clock, tells how old the state is.
 * Return: 0, -ENOMEM.
 */
must_check int journal_pack(const struct desired *change, uint64_t at_ms, struct text *text);

/*
 * Reads a file, up to what is broken or does not follow.
 * @ret_state:    the state, as a snapshot; the caller frees it.
 * @ret_at_ms:    of its last change.
 * @ret_good_len: bytes that were read; what is behind is worth nothing.
 * Return: 0, -EBADMSG (not one whole snapshot of the Network in it), -ENOMEM.
 */
must_check int journal_read(const char *net, const void *bytes, size_t len,
			    struct desired **ret_state, uint64_t *ret_at_ms, size_t *ret_good_len,
			    struct error *err);
