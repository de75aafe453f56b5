/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "agent/reconcile.h"
#include "base/array.h"
#include "base/text.h"
#include "tests/agent/make.h"
#include "tests/support/cmocka.h"

/*
 * A table of orders that events come in. The clock of a case starts at 1000 and is moved by WAIT
 * alone, and jitter is waited for with more than its range.
 */
enum step_kind {
	END,
	DELTA,     /* epoch, from, to, text: a change, as make_delta() */
	RESYNC,    /* epoch, from, to: a change too large to send */
	PART,      /* epoch, to, text, part, n_parts: as make_part() */
	ANSWER,    /* epoch, to, text: a whole snapshot */
	ASK,       /* to: it asks, with that minimum */
	QUIET,     /* it has nothing to ask */
	WAIT,      /* to: milliseconds pass */
	FAIL,      /* no answer */
	FRESH,     /* epoch, to */
	WAS_FRESH, /* epoch, to: that was true of what it had before */
	REFRESH,   /* to: it is to ask within so many milliseconds */
	STALE,     /* epoch, to */
	AGAIN,     /* the kernel thread lost it */
	CONNECTED, /* again */
	TAKE_ONE,  /* to, text: what there is for the kernel */
	NOTHING,   /* there is nothing for it */
};

struct step {
	enum step_kind kind;
	unsigned epoch;
	uint64_t from, to;
	const char *text;
	uint32_t part, n_parts;
};

#define START                                          \
	{.kind = ASK}, {ANSWER, 1, 0, 10, "ab", 0, 0}, \
	{                                              \
		TAKE_ONE, 0, 0, 10, "a10b10", 0, 0     \
	}

struct order_case {
	const char *name;
	struct step steps[24];
};

static const struct order_case order_cases[] = {
	{"asks at once", {{.kind = ASK}, {.kind = QUIET}, {.kind = NOTHING}}},
	{"snapshot", {START, {.kind = QUIET}}},
	{"empty snapshot",
	 {{.kind = ASK}, {ANSWER, 1, 0, 3, "", 0, 0}, {TAKE_ONE, 0, 0, 3, "", 0, 0}}},
	{"delta", {START, {DELTA, 1, 10, 11, "b-a", 0, 0}, {TAKE_ONE, 0, 0, 11, "b11-a", 0, 0}}},
	{"delta from before",
	 {START, {DELTA, 1, 7, 11, "b", 0, 0}, {TAKE_ONE, 0, 0, 11, "b11", 0, 0}}},
	{"deltas are merged",
	 {START,
	  {DELTA, 1, 10, 11, "b", 0, 0},
	  {DELTA, 1, 11, 15, "c-b", 0, 0},
	  {TAKE_ONE, 0, 0, 15, "c15-b", 0, 0},
	  {.kind = NOTHING}}},
	{"duplicate", {START, {DELTA, 1, 9, 10, "c", 0, 0}, {.kind = NOTHING}, {.kind = QUIET}}},
	{"older", {START, {DELTA, 1, 4, 5, "c", 0, 0}, {.kind = NOTHING}, {.kind = QUIET}}},
	{"gap closes",
	 {START,
	  {DELTA, 1, 12, 13, "c", 0, 0},
	  {.kind = NOTHING},
	  {.kind = QUIET},
	  {.kind = WAIT, .to = 49},
	  {.kind = QUIET},
	  {DELTA, 1, 10, 12, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 13, "a12c13", 0, 0},
	  {.kind = WAIT, .to = 5000},
	  {.kind = QUIET}}},
	{"gap stays",
	 {START,
	  {DELTA, 1, 12, 13, "c", 0, 0},
	  {.kind = WAIT, .to = 50},
	  {.kind = ASK, .to = 12},
	  {ANSWER, 1, 0, 12, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 13, "a12c13", 0, 0},
	  {.kind = QUIET}}},
	{"a second gap behind a closed one",
	 {START,
	  {DELTA, 1, 12, 13, "c", 0, 0},
	  {DELTA, 1, 15, 16, "d", 0, 0},
	  {DELTA, 1, 10, 12, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 13, "a12c13", 0, 0},
	  {.kind = WAIT, .to = 50},
	  {.kind = ASK, .to = 15}}},
	{"deltas wait for the snapshot",
	 {{.kind = ASK},
	  {DELTA, 1, 12, 13, "c", 0, 0},
	  {DELTA, 1, 11, 12, "b", 0, 0},
	  {.kind = NOTHING},
	  {ANSWER, 1, 0, 11, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 13, "a11b12c13", 0, 0}}},
	{"snapshot newer than deltas",
	 {{.kind = ASK},
	  {DELTA, 1, 12, 13, "c", 0, 0},
	  {ANSWER, 1, 0, 20, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 20, "a20", 0, 0},
	  {.kind = QUIET}}},
	{"snapshot older than ours",
	 {START,
	  {.kind = STALE, .epoch = 1, .to = 10},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK, .to = 10},
	  {ANSWER, 1, 0, 9, "z", 0, 0},
	  {.kind = NOTHING},
	  {.kind = QUIET},
	  {.kind = WAIT, .to = 300},
	  {.kind = ASK, .to = 10}}},
	{"snapshot of the same revision",
	 {START,
	  {.kind = STALE, .epoch = 1, .to = 10},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK, .to = 10},
	  {ANSWER, 1, 0, 10, "z", 0, 0},
	  {TAKE_ONE, 0, 0, 10, "z10", 0, 0}}},
	{"snapshot short of what exists",
	 {START,
	  {DELTA, 1, 12, 13, "c", 0, 0},
	  {.kind = WAIT, .to = 50},
	  {.kind = ASK, .to = 12},
	  {ANSWER, 1, 0, 11, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 11, "a11", 0, 0},
	  {.kind = WAIT, .to = 300},
	  {.kind = ASK, .to = 12}}},
	{"snapshot of another epoch",
	 {START,
	  {.kind = STALE, .epoch = 2, .to = 3},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK},
	  {ANSWER, 2, 0, 3, "z", 0, 0},
	  {TAKE_ONE, 0, 0, 3, "z3", 0, 0},
	  {.kind = QUIET}}},
	{"delta of another epoch",
	 {START,
	  {DELTA, 2, 3, 4, "y", 0, 0},
	  {.kind = NOTHING},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK},
	  {ANSWER, 2, 0, 3, "z", 0, 0},
	  {TAKE_ONE, 0, 0, 4, "y4z3", 0, 0}}},
	{"delta of the epoch before",
	 {{.kind = ASK},
	  {ANSWER, 1, 0, 10, "a", 0, 0},
	  {.kind = STALE, .epoch = 2, .to = 3},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK},
	  {DELTA, 1, 10, 11, "b", 0, 0},
	  {ANSWER, 2, 0, 3, "z", 0, 0},
	  {TAKE_ONE, 0, 0, 3, "z3", 0, 0},
	  {.kind = QUIET}}},
	{"answer of an epoch, delta of another",
	 {{.kind = ASK},
	  {DELTA, 2, 3, 4, "y", 0, 0},
	  {ANSWER, 1, 0, 10, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 10, "a10", 0, 0},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK}}},
	{"parts",
	 {{.kind = ASK},
	  {PART, 1, 0, 5, "a", 1, 3},
	  {PART, 1, 0, 5, "b", 2, 3},
	  {.kind = NOTHING},
	  {PART, 1, 0, 5, "c", 3, 3},
	  {TAKE_ONE, 0, 0, 5, "a5b5c5", 0, 0}}},
	{"a part is lost",
	 {{.kind = ASK},
	  {PART, 1, 0, 5, "a", 1, 3},
	  {PART, 1, 0, 5, "c", 3, 3},
	  {.kind = NOTHING},
	  {.kind = QUIET},
	  {.kind = WAIT, .to = 300},
	  {.kind = ASK},
	  {ANSWER, 1, 0, 6, "b", 0, 0},
	  {TAKE_ONE, 0, 0, 6, "b6", 0, 0}}},
	{"the first part is lost", {{.kind = ASK}, {PART, 1, 0, 5, "a", 2, 2}, {.kind = NOTHING}}},
	{"parts of two revisions",
	 {{.kind = ASK},
	  {PART, 1, 0, 5, "a", 1, 2},
	  {PART, 1, 0, 6, "b", 2, 2},
	  {.kind = NOTHING},
	  {.kind = WAIT, .to = 300},
	  {.kind = ASK}}},
	{"parts of two epochs",
	 {{.kind = ASK},
	  {PART, 1, 0, 5, "a", 1, 2},
	  {PART, 2, 0, 5, "b", 2, 2},
	  {.kind = NOTHING}}},
	{"a LoadBalancer in two parts",
	 {{.kind = ASK},
	  {PART, 1, 0, 5, "a", 1, 2},
	  {PART, 1, 0, 5, "a", 2, 2},
	  {.kind = NOTHING},
	  {.kind = WAIT, .to = 300},
	  {.kind = ASK}}},
	{"an answer that is a change",
	 {{.kind = ASK}, {.kind = WAIT, .to = 1}, {ANSWER, 0, 0, 5, "a", 0, 0}, {.kind = NOTHING}}},
	{"an answer that nobody asked for",
	 {START, {ANSWER, 1, 0, 50, "z", 0, 0}, {.kind = NOTHING}}},
	{"a change that goes backwards", {START, {DELTA, 1, 20, 15, "z", 0, 0}, {.kind = NOTHING}}},
	{"a change without an epoch", {START, {DELTA, 0, 10, 15, "z", 0, 0}, {.kind = NOTHING}}},
	{"a change that contradicts itself",
	 {START,
	  {DELTA, 1, 10, 11, "zz", 0, 0},
	  {.kind = NOTHING},
	  {.kind = WAIT, .to = 200},
	  {.kind = ASK, .to = 10}}},
	{"too large to send",
	 {START,
	  {.kind = RESYNC, .epoch = 1, .from = 10, .to = 12},
	  {.kind = NOTHING},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK, .to = 12},
	  {ANSWER, 1, 0, 12, "z", 0, 0},
	  {TAKE_ONE, 0, 0, 12, "z12", 0, 0}}},
	{"too large to send, then a small one",
	 {START,
	  {.kind = RESYNC, .epoch = 1, .from = 10, .to = 12},
	  {DELTA, 1, 12, 13, "y", 0, 0},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK, .to = 12},
	  {ANSWER, 1, 0, 12, "z", 0, 0},
	  {TAKE_ONE, 0, 0, 13, "y13z12", 0, 0}}},
	{"no answer, later and later",
	 {{.kind = ASK},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 99},
	  {.kind = QUIET},
	  {.kind = WAIT, .to = 201},
	  {.kind = ASK},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 199},
	  {.kind = QUIET},
	  {.kind = WAIT, .to = 401},
	  {.kind = ASK}}},
	{"no answer does not hold up what follows",
	 {START,
	  {.kind = STALE, .epoch = 1, .to = 10},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK, .to = 10},
	  {DELTA, 1, 10, 11, "a", 0, 0},
	  {.kind = NOTHING},
	  {.kind = FAIL},
	  {TAKE_ONE, 0, 0, 11, "a11", 0, 0}}},
	{"a restored store is taken after some refusals",
	 {START,
	  {.kind = STALE, .epoch = 1, .to = 10},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK, .to = 10},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 5000},
	  {.kind = ASK, .to = 10},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 5000},
	  {.kind = ASK, .to = 10},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 5000},
	  {.kind = ASK, .to = 0},
	  {ANSWER, 2, 0, 3, "z", 0, 0},
	  {TAKE_ONE, 0, 0, 3, "z3", 0, 0}}},
	{"connected again",
	 {{.kind = ASK},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 300},
	  {.kind = ASK},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 600},
	  {.kind = ASK},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 1200},
	  {.kind = ASK},
	  {.kind = FAIL},
	  {.kind = WAIT, .to = 2400},
	  {.kind = ASK},
	  {.kind = FAIL},
	  {.kind = CONNECTED},
	  {.kind = WAIT, .to = 1000},
	  {.kind = ASK}}},
	{"fresh moves on",
	 {START,
	  {.kind = FRESH, .epoch = 1, .to = 20},
	  {DELTA, 1, 18, 21, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 21, "a21", 0, 0}}},
	{"fresh closes a gap",
	 {START,
	  {DELTA, 1, 18, 21, "a", 0, 0},
	  {.kind = FRESH, .epoch = 1, .to = 20},
	  {TAKE_ONE, 0, 0, 21, "a21", 0, 0},
	  {.kind = WAIT, .to = 100},
	  {.kind = QUIET}}},
	{"fresh from behind",
	 {START,
	  {.kind = FRESH, .epoch = 1, .to = 5},
	  {DELTA, 1, 5, 6, "a", 0, 0},
	  {.kind = NOTHING}}},
	{"what was fresh may not be, when changes came between",
	 {START,
	  {DELTA, 1, 10, 12, "a", 0, 0},
	  {.kind = WAS_FRESH, .epoch = 1, .to = 14},
	  {DELTA, 1, 12, 14, "b", 0, 0},
	  {TAKE_ONE, 0, 0, 14, "a12b14", 0, 0}}},
	{"a gap does not wait for a refresh that is far away",
	 {START,
	  {.kind = REFRESH, .to = 90000},
	  {DELTA, 1, 12, 13, "c", 0, 0},
	  {.kind = QUIET},
	  {.kind = WAIT, .to = 50},
	  {.kind = ASK, .to = 12}}},
	{"fresh of another epoch",
	 {START,
	  {.kind = FRESH, .epoch = 2, .to = 20},
	  {DELTA, 1, 10, 11, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 11, "a11", 0, 0}}},
	{"stale from behind",
	 {START,
	  {.kind = STALE, .epoch = 1, .to = 9},
	  {.kind = WAIT, .to = 3000},
	  {.kind = QUIET}}},
	{"the kernel thread lost it",
	 {START,
	  {.kind = AGAIN},
	  {.kind = ASK, .to = 10},
	  {ANSWER, 1, 0, 9, "z", 0, 0},
	  {.kind = NOTHING},
	  {.kind = WAIT, .to = 300},
	  {.kind = ASK, .to = 10},
	  {DELTA, 1, 10, 11, "b", 0, 0},
	  {ANSWER, 1, 0, 10, "a", 0, 0},
	  {TAKE_ONE, 0, 0, 11, "a10b11", 0, 0}}},
};

static void step_one(struct reconcile *reconcile, const struct step *step, uint64_t *now)
{
	struct uuid epoch = make_epoch(step->epoch);
	struct desired *change;

	switch (step->kind) {
	case END:
		break;
	case DELTA:
	case RESYNC:
		change =
			make_delta(step->epoch, step->from, step->to, step->text ? step->text : "");
		change->resync = step->kind == RESYNC;
		reconcile_delta(reconcile, change, *now);
		break;
	case PART:
		assert_true(reconcile->asking);
		(void)reconcile_part(
			reconcile,
			make_part(step->epoch, step->to, step->text, step->part, step->n_parts),
			*now);
		break;
	case ANSWER:
		assert_false(reconcile_part(
			reconcile, make_part(step->epoch, step->to, step->text, 1, 1), *now));
		break;
	case ASK:
		assert_true(reconcile_due(reconcile) <= *now);
		assert_true(reconcile_should_ask(reconcile, *now));
		assert_int_equal(reconcile_asked(reconcile), step->to);
		break;
	case QUIET:
		assert_false(reconcile_should_ask(reconcile, *now));
		break;
	case WAIT:
		*now += step->to;
		break;
	case FAIL:
		reconcile_failed(reconcile, *now);
		break;
	case FRESH:
		reconcile_fresh(reconcile, &epoch, step->to, reconcile->digests.sum, *now);
		break;
	case WAS_FRESH:
		reconcile_fresh(reconcile, &epoch, step->to, reconcile->digests.sum + 1, *now);
		break;
	case REFRESH:
		reconcile_refresh(reconcile, *now + step->to);
		break;
	case STALE:
		reconcile_stale(reconcile, &epoch, step->to, *now);
		break;
	case AGAIN:
		reconcile_again(reconcile, *now);
		break;
	case CONNECTED:
		reconcile_connected(reconcile, *now);
		break;
	case TAKE_ONE:
		change = reconcile_take(reconcile);
		assert_non_null(change);
		assert_string_equal(make_text(change), step->text);
		assert_int_equal(change->revision, step->to);
		desired_free(change);
		break;
	case NOTHING:
		assert_null(reconcile_take(reconcile));
		break;
	}
}

static void test_orders(void **state)
{
	(void)state;
	ARRAY_FOREACH(c, order_cases, ARRAY_SIZE(order_cases)) {
		struct reconcile reconcile;
		uint64_t now = 1000;

		reconcile_init(&reconcile, 4711, now);
		for (size_t i = 0; c->steps[i].kind != END; i++) {
			print_message("  %s, step %zu\n", c->name, i + 1);
			step_one(&reconcile, &c->steps[i], &now);
		}
		reconcile_deinit(&reconcile);
	}
}

static void test_buffer_overflows(void **state)
{
	struct reconcile reconcile;
	struct desired *change;

	(void)state;
	reconcile_init(&reconcile, 1, 0);
	assert_true(reconcile_should_ask(&reconcile, 0));
	(void)reconcile_asked(&reconcile);
	for (uint64_t i = 0; i < DELTAS_MAX + 1; i++)
		reconcile_delta(&reconcile, make_delta(1, 100 + i, 101 + i, "a"), 0);
	assert_int_equal(reconcile.counts.overflows, 1);
	assert_int_equal(reconcile.buffer.n_items, 1);
	/* The answer may be from before what was dropped. */
	assert_false(reconcile_part(&reconcile, make_part(1, 90, "b", 1, 1), 0));
	change = reconcile_take(&reconcile);
	assert_string_equal(make_text(change), "b90");
	desired_free(change);
	assert_true(reconcile_should_ask(&reconcile, RECONCILE_JITTER_MS));
	reconcile_deinit(&reconcile);
}

static void test_recalled(void **state)
{
	struct reconcile reconcile;
	struct desired *change;

	(void)state;
	reconcile_init(&reconcile, 1, 0);
	assert_int_equal(reconcile_recall(&reconcile, make_part(1, 7, "ba", 1, 1), 0), 0);
	assert_false(reconcile_should_ask(&reconcile, 10000));
	change = reconcile_take(&reconcile);
	assert_string_equal(make_text(change), "a7b7");
	desired_free(change);
	reconcile_delta(&reconcile, make_delta(1, 7, 8, "c"), 0);
	change = reconcile_take(&reconcile);
	assert_string_equal(make_text(change), "c8");
	desired_free(change);
	reconcile_deinit(&reconcile);

	reconcile_init(&reconcile, 1, 0);
	assert_int_equal(reconcile_recall(&reconcile, make_part(1, 7, "aa", 1, 1), 0), -EBADMSG);
	assert_true(reconcile_should_ask(&reconcile, 0));
	reconcile_deinit(&reconcile);
}

/* Clients are sent to what may be nowhere any more: no wait that spreads the questions. */
static void test_recalled_is_stale(void **state)
{
	struct reconcile reconcile;
	struct uuid epoch = make_epoch(1);

	(void)state;
	reconcile_init(&reconcile, 1, 0);
	assert_int_equal(reconcile_recall(&reconcile, make_part(1, 7, "a", 1, 1), 0), 0);
	assert_true(reconcile.recalled);
	reconcile_stale(&reconcile, &epoch, 9, 0);
	assert_true(reconcile_should_ask(&reconcile, 0));
	assert_int_equal(reconcile_asked(&reconcile), 9);
	assert_false(reconcile_part(&reconcile, make_part(1, 9, "b", 1, 1), 0));
	assert_false(reconcile.recalled);
	reconcile_deinit(&reconcile);

	reconcile_init(&reconcile, 1, 0);
	assert_int_equal(reconcile_recall(&reconcile, make_part(1, 7, "a", 1, 1), 0), 0);
	reconcile_fresh(&reconcile, &epoch, 7, reconcile.digests.sum, 0);
	assert_false(reconcile.recalled);
	reconcile_deinit(&reconcile);
}

/* The kernel lost all of it while a question is on its way, to which nobody may answer. */
static void test_recalled_while_asking(void **state)
{
	struct reconcile reconcile;
	struct desired *change;

	(void)state;
	reconcile_init(&reconcile, 1, 0);
	(void)reconcile_asked(&reconcile);
	assert_int_equal(reconcile_recall(&reconcile, make_part(1, 7, "a", 1, 1), 0), 0);
	change = reconcile_take(&reconcile);
	assert_string_equal(make_text(change), "a7");
	desired_free(change);
	assert_false(reconcile_part(&reconcile, make_part(1, 6, "z", 1, 1), 0)); /* older */
	assert_null(reconcile_take(&reconcile));
	assert_true(reconcile_should_ask(&reconcile, 10000));
	(void)reconcile_asked(&reconcile);
	assert_false(reconcile_part(&reconcile, make_part(1, 8, "b", 1, 1), 0));
	change = reconcile_take(&reconcile);
	assert_string_equal(make_text(change), "b8");
	desired_free(change);
	reconcile_deinit(&reconcile);
}

/*
 * A model of everything around it: a store of several epochs, a bus that loses, doubles and
 * reorders, replicas that lag, a kernel thread that takes what it gets at random moments.
 */
enum { N_LETTERS = 6, N_REVISIONS = 400, N_EPOCHS = 4, N_FLIGHT = 64 };

/* Generation of each LoadBalancer, 0: none. */
struct model_state {
	uint64_t generations[N_LETTERS];
};

struct model {
	uint64_t random;
	struct model_state history[N_EPOCHS + 1][N_REVISIONS + 1];
	uint64_t touched[N_EPOCHS + 1]
			[N_REVISIONS + 1]; /* last revision that touched the Network */
	unsigned epoch;
	uint64_t revision, first_revision; /* of the epoch */

	struct desired *flight[N_FLIGHT];
	size_t n_flight;

	struct reconcile reconcile;
	uint64_t now;
	struct model_state kernel;
	unsigned kernel_epoch;
	uint64_t kernel_revision;
	bool kernel_lost;
};

static uint64_t roll(struct model *model, uint64_t below)
{
	model->random = model->random * 6364136223846793005U + 1442695040888963407U;
	return (model->random >> 33) % below;
}

static bool chance(struct model *model, uint64_t percent)
{
	return roll(model, 100) < percent;
}

static void send_delta(struct model *model, struct desired *delta)
{
	if (model->n_flight == N_FLIGHT || chance(model, 10)) {
		desired_free(delta);
		return;
	}
	model->flight[model->n_flight++] = delta;
}

/* A commit that may touch the Network, or only raises the revision. */
static void commit(struct model *model)
{
	const struct model_state *before = &model->history[model->epoch][model->revision];
	struct model_state after = *before;
	char text[3 * N_LETTERS + 1] = "";
	uint64_t previous = model->touched[model->epoch][model->revision];
	uint64_t revision = model->revision + 1;

	if (model->revision == N_REVISIONS)
		return;
	for (unsigned i = 0; i < N_LETTERS && chance(model, 70); i++) {
		unsigned letter = (unsigned)roll(model, N_LETTERS);
		const char name[] = {(char)('a' + letter), '\0'};

		if (strstr(text, name))
			continue;
		after.generations[letter] = chance(model, 70) ? revision : 0;
		strcat(text, after.generations[letter] ? "" : "-");
		strcat(text, name);
	}
	model->revision = revision;
	model->history[model->epoch][revision] = after;
	model->touched[model->epoch][revision] = text[0] ? revision : previous;
	if (text[0]) {
		for (unsigned i = 0; i == 0 || chance(model, 20); i++) {
			/* A replica that started later does not know how far back the change before was. */
			uint64_t known = chance(model, 10) ? revision - 1 : previous;
			bool large = chance(model, 5);
			struct desired *delta =
				make_delta(model->epoch, known, revision, large ? "" : text);

			delta->resync = large;
			send_delta(model, delta);
		}
	}
}

static void replace_store(struct model *model)
{
	if (model->epoch == N_EPOCHS)
		return;
	model->epoch++;
	model->revision = model->first_revision = roll(model, 5);
	model->touched[model->epoch][model->revision] = model->revision;
	for (unsigned i = 0; i < N_LETTERS; i++)
		model->history[model->epoch][model->revision].generations[i] =
			chance(model, 50) ? model->revision : 0;
}

static void deliver(struct model *model)
{
	size_t i;

	if (model->n_flight == 0)
		return;
	i = chance(model, 70) ? 0 : roll(model, model->n_flight);
	reconcile_delta(&model->reconcile, model->flight[i], model->now);
	model->n_flight--;
	memmove(&model->flight[i], &model->flight[i + 1],
		(model->n_flight - i) * sizeof(struct desired *));
}

/* The text of make_part() for those letters of a state that are `part`'s. */
static void state_text(const struct model_state *state, uint32_t part, uint32_t n_parts,
		       char text[static N_LETTERS + 1])
{
	for (unsigned i = 0; i < N_LETTERS; i++) {
		if (state->generations[i] && i % n_parts == part - 1)
			*text++ = (char)('a' + i);
	}
	*text = '\0';
}

static void answer(struct model *model, uint64_t min_rev, bool reliable)
{
	uint64_t lag = reliable || chance(model, 70) ? 0 : roll(model, 5);
	uint64_t at = model->revision >= model->first_revision + lag ? model->revision - lag
								     : model->revision;
	uint32_t n_parts = 1 + (uint32_t)roll(model, 3);
	const struct model_state *state = &model->history[model->epoch][at];

	if (at < min_rev || (!reliable && chance(model, 20))) {
		reconcile_failed(&model->reconcile, model->now);
		return;
	}
	for (uint32_t part = 1; part <= n_parts; part++) {
		char text[N_LETTERS + 1];
		struct desired *message;

		if (!reliable && chance(model, 10))
			continue; /* lost */
		state_text(state, part, n_parts, text);
		message = make_part(model->epoch, at, text, part, n_parts);
		for (size_t i = 0; i < message->n_lbs; i++)
			message->lbs[i]->generation =
				state->generations[message->lbs[i]->uid.bytes[0] - 'a'];
		if (!reconcile_part(&model->reconcile, message, model->now))
			return;
		while (!reliable && chance(model, 30))
			deliver(model);
	}
	reconcile_failed(&model->reconcile, model->now);
}

static void sync_now(struct model *model)
{
	struct digests digests = {};
	struct reconcile *reconcile = &model->reconcile;
	struct uuid epoch = make_epoch(model->epoch);
	const struct model_state *state = &model->history[model->epoch][model->revision];

	if (!reconcile->complete)
		return;
	for (unsigned i = 0; i < N_LETTERS; i++) {
		if (state->generations[i]) {
			auto_call(desired_lb_freep) struct desired_lb *lb =
				make_lb((char)('a' + i), state->generations[i]);

			assert_int_equal(digests_put(&digests, lb), 0);
		}
	}
	if (uuid_compare(&reconcile->epoch, &epoch) == 0 && digests.sum == reconcile->digests.sum)
		reconcile_fresh(reconcile, &epoch, model->revision, digests.sum, model->now);
	else
		reconcile_stale(reconcile, &epoch, model->revision, model->now);
	digests_deinit(&digests);
}

static void program(struct model *model)
{
	auto_call(desired_freep) struct desired *change = reconcile_take(&model->reconcile);

	if (!change)
		return;
	if (change->epoch.bytes[0] == model->kernel_epoch)
		assert_true(change->revision >= model->kernel_revision);
	else
		assert_true(change->snapshot);
	assert_true(change->snapshot || !model->kernel_lost);
	if (change->snapshot)
		model->kernel = (struct model_state){};
	for (size_t i = 0; i < change->n_lbs; i++)
		model->kernel.generations[change->lbs[i]->uid.bytes[0] - 'a'] =
			change->lbs[i]->generation;
	for (size_t i = 0; i < change->n_removed; i++)
		model->kernel.generations[change->removed[i].bytes[0] - 'a'] = 0;
	model->kernel_epoch = change->epoch.bytes[0];
	model->kernel_revision = change->revision;
	model->kernel_lost = false;
	assert_memory_equal(&model->kernel,
			    &model->history[model->kernel_epoch][model->kernel_revision],
			    sizeof(model->kernel));
}

static void random_step(struct model *model)
{
	switch (roll(model, 12)) {
	case 0:
	case 1:
	case 2:
		commit(model);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		deliver(model);
		break;
	case 7:
		program(model);
		break;
	case 8:
		model->now += roll(model, 100);
		break;
	case 9:
		if (reconcile_should_ask(&model->reconcile, model->now))
			answer(model, reconcile_asked(&model->reconcile), false);
		break;
	case 10:
		if (chance(model, 20))
			sync_now(model);
		break;
	default:
		if (chance(model, 2)) {
			replace_store(model);
		} else if (chance(model, 5)) {
			reconcile_again(&model->reconcile, model->now);
			model->kernel_lost = true;
		} else if (chance(model, 5)) {
			reconcile_connected(&model->reconcile, model->now);
		}
		break;
	}
}

/* Nothing is lost any more, and time passes. */
static void settle(struct model *model)
{
	while (model->n_flight > 0)
		deliver(model);
	for (unsigned i = 0; i < 40; i++) {
		model->now += 2 * RECONCILE_RETRY_MAX;
		sync_now(model);
		model->now += 2 * RECONCILE_RETRY_MAX;
		if (reconcile_should_ask(&model->reconcile, model->now))
			answer(model, reconcile_asked(&model->reconcile), true);
		program(model);
	}
	assert_int_equal(model->kernel_epoch, model->epoch);
	assert_memory_equal(&model->kernel, &model->history[model->epoch][model->revision],
			    sizeof(model->kernel));
	assert_int_equal(model->reconcile.buffer.n_items, 0);
	assert_false(reconcile_should_ask(&model->reconcile, model->now));
}

static void model_one(uint64_t seed, unsigned n_steps)
{
	auto_free struct model *model = calloc(1, sizeof(*model));

	assert_non_null(model);
	model->random = seed;
	model->epoch = 1;
	model->now = 1;
	reconcile_init(&model->reconcile, seed, model->now);
	for (unsigned i = 0; i < n_steps; i++)
		random_step(model);
	settle(model);
	reconcile_deinit(&model->reconcile);
}

/* ILB_TEST_SEED=N runs that one alone. */
static void test_random_orders(void **state)
{
	const char *chosen = getenv("ILB_TEST_SEED");
	uint64_t first = 1, last = 1500;

	(void)state;
	if (chosen) {
		assert_int_equal(text_parse_u64(chosen, UINT64_MAX, &first), 0);
		last = first;
	}
	for (uint64_t seed = first; seed <= last; seed++) {
		print_message("  ILB_TEST_SEED=%" PRIu64 "\n", seed);
		model_one(seed, 50 + (unsigned)(seed % 10) * 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_buffer_overflows),
		cmocka_unit_test(test_recalled),
		cmocka_unit_test(test_recalled_is_stale),
		cmocka_unit_test(test_recalled_while_asking),
		cmocka_unit_test(test_random_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
