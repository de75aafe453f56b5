/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Work that events ask for, which anybody may cause and whose cost grows with the size of things:
 * done at once, and then not again for a while, so that a storm of events takes a small part of the
 * thread's time. Pure; zeroed: nothing is due, and what comes is done at once.
 */
struct pace {
	bool due;
	uint64_t after_ms; /* not before */
};

/* Return: whether it is to be done now; then it is due no more, and pace_end() comes after it. */
bool pace_begin(struct pace *pace, uint64_t now_ms);

/* It took so long, beginning at `now_ms`. */
void pace_end(struct pace *pace, uint64_t now_ms, uint64_t took_ms);

/* When pace_begin() says so; UINT64_MAX: nothing is due. */
uint64_t pace_next_ms(const struct pace *pace);
