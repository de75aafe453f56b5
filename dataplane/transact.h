/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/*
 * Many LoadBalancers' changes in few transactions, so that one which the kernel refuses holds back
 * no other. A refused transaction is halved until the pieces that cannot be are alone; neighbours
 * that release something exchange it among one another, and are refused together.
 */
struct transact_piece {
	const char *text; /* of one LoadBalancer: stays within one transaction */
	size_t len;
	size_t release_len; /* of the text: comes before all others' texts in a transaction */
	size_t n_elements;
	int result;     /* 0, or why it was refused */
	char *sentence; /* of a refused one; transact_deinit() */
};

void transact_deinit(struct transact_piece *pieces, size_t n_pieces);

/* Writes those that were not refused, as they go into one transaction. */
void transact_write(struct text *text, const struct transact_piece *pieces, size_t n_pieces);

/*
 * Runs nft text as one transaction, all or nothing.
 * Return: 0, -EPERM or -ENOMEM or another errno that says nothing about the text, or what
 *         nft_run() gives for a refusal.
 */
typedef int transact_run(void *user, const char *text, struct error *err);

/*
 * Runs the pieces in their order, neighbours together up to `max_elements`; a larger piece goes
 * alone. Neighbours that release something are one transaction, however large, without others. Each
 * piece gets its result.
 * Return: 0 (look at the results), -ENOMEM.
 */
must_check int transact_in_turn(struct transact_piece *pieces, size_t n_pieces, size_t max_elements,
				transact_run *run, void *user);

/*
 * Runs `head`, all pieces and `tail` as one transaction. Where that is refused, finds out with
 * `check` (which must change nothing) which pieces go together, and runs those.
 * @tail_if_refused: instead of `tail` when a piece was refused.
 * Return: 0 (look at the results), -ENOMEM, or what `run` said when even no piece at all would go.
 */
must_check int transact_at_once(struct transact_piece *pieces, size_t n_pieces, const char *head,
				const char *tail, const char *tail_if_refused, transact_run *run,
				transact_run *check, void *user, struct error *err);
