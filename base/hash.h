/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A 64-bit hash that is the same on every machine and for ever: it names content on the wire
 * (digests of state, see docs/wire.md) and on disk. Not for secrets, and not for hash tables that
 * strangers fill: those use uthash with its own function.
 *
 * Source: FNV-1a, 64 bits (draft-eastlake-fnv), finished with the mixer of MurmurHash3 so that
 * sums of hashes keep their spread.
 */
uint64_t hash_bytes(const void *bytes, size_t len);
