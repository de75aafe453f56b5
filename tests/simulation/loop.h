/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/auto.h"

/*
 * A clock that jumps from event to event, and everything that is random, from one seed. loop.c
 * stands in for libuv's timers and for arc4random_uniform(), so that the agents' own code runs by
 * this clock, as often as one likes in the same way.
 */

typedef void sim_fn(void *user);

void sim_begin(uint64_t seed);
void sim_end(void); /* forgets what was still to come */

uint64_t sim_now(void); /* ms; begins at 1000000 */
void sim_after(uint64_t ms, sim_fn *fn, void *user);
void sim_run(uint64_t ms); /* so much time goes by */

uint32_t sim_random(uint32_t below);
bool sim_chance(unsigned percent);
