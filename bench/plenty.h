/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "messages/desired.h"

/*
 * LoadBalancers by the thousand, all different, for measurements. Number i (from 1) has one VIP in
 * 10.0.0.0/16 and destinations of its own in 10.128.0.0/9; bench/peers.py gives its peers the same.
 */
struct plenty {
	uint32_t n_lbs;          /* at most 65535 */
	uint32_t n_destinations; /* of each, at most 127 */
};

/* Number `number`, without its last destination when `short_of_one`. Port 80, TCP and UDP. */
struct desired_lb *plenty_lb(const struct plenty *plenty, uint32_t number, bool short_of_one);

/* All of them, as the first state of Network "net". */
struct desired *plenty_snapshot(const struct plenty *plenty);

/* A change of one of them. */
struct desired *plenty_change(const struct plenty *plenty, uint32_t number, bool short_of_one);
