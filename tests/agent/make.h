/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "messages/desired.h"

/*
 * Desired state for tests, in short. LoadBalancers are named by a letter, which gives their uid;
 * their generation stands for all of their content.
 */

struct uuid make_uid(char letter);
struct uuid make_epoch(unsigned number); /* 0: none */
struct desired_lb *make_lb(char letter, uint64_t generation);

/*
 * A change from `previous` to `revision` in `epoch`. `what`: letters of LoadBalancers, "-" before
 * one that is gone: "a-b". Their generation is `revision`.
 */
struct desired *make_delta(unsigned epoch, uint64_t previous, uint64_t revision, const char *what);

/* A part of a snapshot; LoadBalancers are at the generation `revision`. */
struct desired *make_part(unsigned epoch, uint64_t revision, const char *what, uint32_t part,
			  uint32_t n_parts);

/* What a change says, in the same notation with generations: "a5c7-b"; sorted. Static storage. */
const char *make_text(const struct desired *desired);
