/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "messages/desired.h"

/*
 * The digest of a Network's state (messages/codec.h), kept while LoadBalancers come and go. All
 * that the agent remembers of a LoadBalancer once the kernel has it: 24 bytes.
 */

struct digest {
	struct uuid uid;
	uint64_t value;
};

/* All-zero is empty. */
struct digests {
	struct digest *entries; /* sorted by uid */
	size_t n_entries;
	uint64_t sum; /* of the values, modulo 2^64: the Network's digest */
};

void digests_deinit(struct digests *digests);

/* Puts a LoadBalancer in, or in the place of its older self. Return: 0, -ENOMEM. */
must_check int digests_put(struct digests *digests, const struct desired_lb *lb);

/* Takes one out; fine when it is not in. */
void digests_remove(struct digests *digests, const struct uuid *uid);
