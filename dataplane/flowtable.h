/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "dataplane/link.h"
#include "dataplane/nft.h"

/*
 * The devices of flowtable ft: packets of established flows that come in through one of them skip
 * the rules. The kernel drops a vanished device from the flowtable by itself, and one that returns
 * under the same name is another device, so devices are told apart by index.
 */
struct flowtable_device {
	int index;
	char name[IFNAMSIZ];
};

struct flowtable {
	struct flowtable_device *devices; /* in the kernel's flowtable, as far as we know */
	size_t n_devices;
};

/*
 * Whether this kernel has all that flowtables need, found out by asking it for a whole example in
 * check mode: single answers mislead. In the namespace that the thread is in.
 */
bool flowtable_is_supported(struct nft *nft);

/*
 * Makes the flowtable's devices all of `devices` but loopback. Each goes in a transaction of its
 * own: one that vanishes meanwhile, or cannot be offloaded from, hinders no other.
 * @ret_n_runs: transactions that succeeded.
 * Return: 0, -ENOMEM, or the last refusal that was not about a device that is gone.
 */
must_check int flowtable_update(struct flowtable *flowtable, struct nft *nft,
				const struct link_device *devices, size_t n_devices,
				uint32_t *ret_n_runs, struct error *err);

/* The table was written anew: its flowtable has no devices. */
void flowtable_forget(struct flowtable *flowtable);
