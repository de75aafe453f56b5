/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/transact.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

void transact_deinit(struct transact_piece *pieces, size_t n_pieces)
{
	for (size_t i = 0; i < n_pieces; i++)
		free(TAKE(pieces[i].sentence));
}

static void refuse(struct transact_piece *pieces, size_t n_pieces, int result,
		   const struct error *err)
{
	for (size_t i = 0; i < n_pieces; i++) {
		pieces[i].result = result;
		pieces[i].sentence = strdup(err->text); /* NULL: the number has to do */
	}
}

void transact_write(struct text *text, const struct transact_piece *pieces, size_t n_pieces)
{
	for (size_t i = 0; i < n_pieces; i++) {
		if (pieces[i].result == 0)
			text_add_bytes(text, pieces[i].text, pieces[i].release_len);
	}
	for (size_t i = 0; i < n_pieces; i++) {
		const struct transact_piece *piece = &pieces[i];

		if (piece->result == 0)
			text_add_bytes(text, piece->text + piece->release_len,
				       piece->len - piece->release_len);
	}
}

static int run_pieces(const struct transact_piece *pieces, size_t n_pieces, transact_run *run,
		      void *user, struct error *err)
{
	auto_call(text_deinit) struct text text = {};

	transact_write(&text, pieces, n_pieces);
	if (text.failed)
		return error_set(err, -ENOMEM, "out of memory");
	return text.len > 0 ? run(user, text.bytes, err) : 0;
}

/*
 * log2(n) + 1 transactions for each piece that is refused. Those that release something go together
 * or not at all: one of them alone may be accepted, and the other's release then takes from it what
 * they share.
 */
static void run_halving(struct transact_piece *pieces, size_t n_pieces, transact_run *run,
			void *user)
{
	struct error err = {};
	int r;

	r = run_pieces(pieces, n_pieces, run, user, &err);
	if (r == 0)
		return;
	if (n_pieces == 1 || pieces[0].release_len) {
		refuse(pieces, n_pieces, r, &err);
		return;
	}
	run_halving(pieces, n_pieces / 2, run, user);
	run_halving(pieces + n_pieces / 2, n_pieces - n_pieces / 2, run, user);
}

/*
 * Pieces from the first on that go into one transaction: at least one, and all that release
 * something or none that does.
 */
static size_t fitting(const struct transact_piece *pieces, size_t n_pieces, size_t max_elements)
{
	size_t n = 1, sum = pieces[0].n_elements;
	bool release = pieces[0].release_len;

	while (n < n_pieces && release == (pieces[n].release_len > 0) &&
	       (release || sum + pieces[n].n_elements <= max_elements))
		sum += pieces[n++].n_elements;
	return n;
}

int transact_in_turn(struct transact_piece *pieces, size_t n_pieces, size_t max_elements,
		     transact_run *run, void *user)
{
	size_t n;

	for (size_t i = 0; i < n_pieces; i += n) {
		n = fitting(pieces + i, n_pieces - i, max_elements);
		run_halving(pieces + i, n, run, user);
	}
	for (size_t i = 0; i < n_pieces; i++) {
		if (pieces[i].result == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* What transact_at_once() hands down. */
struct attempt {
	struct transact_piece *pieces;
	const char *head, *tail;
	transact_run *check;
	void *user;
};

/* Head, the accepted ones of the first `n` pieces, tail. */
static int run_first(const struct attempt *attempt, size_t n, transact_run *run, struct error *err)
{
	auto_call(text_deinit) struct text text = {};

	text_add(&text, attempt->head);
	transact_write(&text, attempt->pieces, n);
	text_add(&text, attempt->tail);
	if (text.failed)
		return error_set(err, -ENOMEM, "out of memory");
	return run(attempt->user, text.bytes, err);
}

/* Checks pieces start..end on top of those before `start` that were accepted. */
static void check_halving(const struct attempt *attempt, size_t start, size_t end)
{
	size_t middle = start + (end - start) / 2;
	struct error err = {};
	int r;

	r = run_first(attempt, end, attempt->check, &err);
	if (r == 0)
		return;
	if (end - start == 1) {
		refuse(&attempt->pieces[start], 1, r, &err);
		return;
	}
	check_halving(attempt, start, middle);
	check_halving(attempt, middle, end);
}

int transact_at_once(struct transact_piece *pieces, size_t n_pieces, const char *head,
		     const char *tail, const char *tail_if_refused, transact_run *run,
		     transact_run *check, void *user, struct error *err)
{
	struct attempt attempt = {pieces, head, tail, check, user};
	int r;

	r = run_first(&attempt, n_pieces, run, err);
	if (r == 0 || r == -ENOMEM)
		return r;
	attempt.tail = tail_if_refused;
	r = run_first(&attempt, 0, check, err);
	if (r < 0)
		return r;
	if (n_pieces > 0)
		check_halving(&attempt, 0, n_pieces);
	return run_first(&attempt, n_pieces, run, err);
}
