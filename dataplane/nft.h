/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * nftables, through libnftables: text in, one transaction each. For one thread of the process only:
 * libnftables keeps static variables of its own.
 *
 * What must never be asked of it here (measured with 650,000 elements): echo (20 s, 1 GB), `get
 * element` (29 s), listing with elements (36 s). Nothing in this interface can.
 */
struct nft;

/*
 * Each operation opens a context of its own: a kept one costs 650 KB, a new one 0.2 ms. It needs a
 * file descriptor below 1024 (libnftables uses select() and aborts above), and exits the process
 * when it gets none, so one is held ready from here on: make this early in the program.
 * Return: 0, -ENOMEM, -EMFILE (no descriptor low enough is free).
 */
must_check int nft_new(struct nft **ret_nft, struct error *err);
void nft_free(struct nft *nft);
AUTO_DEFINE(struct nft, nft_free);

/*
 * Runs `text` as one transaction in the namespace that the thread is in now (netns_visit()).
 * Transient refusals (ENOBUFS, EAGAIN, EINTR) are repeated some times.
 * Return: 0, -ENOBUFS, -EAGAIN, -EPERM, -ENOMEM, -EEXIST, -ENOENT, -EOPNOTSUPP, or -EINVAL for all
 *         other refusals; `err` has the first line of what libnftables said.
 */
must_check int nft_run(struct nft *nft, const char *text, struct error *err);

/* The same, but nothing changes: says whether the kernel would take it. */
must_check int nft_check(struct nft *nft, const char *text, struct error *err);

struct nft_counts {
	uint64_t n_transactions, n_failed; /* of nft_run(), repetitions apart */
};

struct nft_counts nft_counts(const struct nft *nft);

/* Gives the memory of a large load back to the system: glibc keeps it otherwise. */
void nft_trim(void);
