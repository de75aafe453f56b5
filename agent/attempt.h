/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "agent/sockets.h"
#include "messages/desired.h"

/*
 * One check of one destination, once: connect, and for HTTP ask and read the status. However many
 * are wanted, ATTEMPTS_MAX run at a time, the others wait in line; the time-out counts from when
 * an attempt runs.
 */
#define ATTEMPTS_MAX 256

/* All attempts of the node. */
struct attempts {
	uv_loop_t *loop;
	struct sockets *sockets; /* borrowed */
	struct attempt *waiting; /* in line */
	unsigned n_running;
	bool closing;
	uint64_t n_outcomes[3]; /* by enum attempt_outcome, of checks of health */
};

struct attempt;

enum attempt_outcome {
	ATTEMPT_SUCCEEDED,
	ATTEMPT_FAILED,
	ATTEMPT_VOID, /* says nothing about the destination: there was no socket for it */
};

struct attempt_result {
	enum attempt_outcome outcome;
	/* "Connected", "HTTPStatus 200"; "ConnectionRefused", "Timeout", "Unreachable" ... */
	char reason[32];
	struct address source; /* that it came from; family none where it came to nothing */
};

typedef void attempt_fn(void *user, const struct attempt_result *result);

/*
 * @net, @check: borrowed until on_done() or attempt_cancel().
 * on_done is called once, never from within.
 * Return: 0, -ENOMEM.
 */
must_check int attempt_start(struct attempts *attempts, const char *net,
			     const struct address *address, const struct desired_check *check,
			     attempt_fn *on_done, void *user, struct attempt **ret_attempt);

/* on_done will not be called. Only before it was. NULL is fine. */
void attempt_cancel(struct attempt *attempt);
