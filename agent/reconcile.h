/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/deltas.h"
#include "agent/digests.h"
#include "messages/desired.h"

/*
 * What a node knows of one Network's desired state, and what it has to ask for: the section
 * "Distribution" of docs/wire.md as a state machine. No clock, no randomness, no bus: times are
 * milliseconds of the caller's clock, and randomness is a seed.
 *
 *	                  reconcile_delta()            reconcile_take()
 *	    bus  ---------------------------> buffer ----------------> kernel thread
 *	     ^            reconcile_part()    pending
 *	     |
 *	     +---  reconcile_should_ask(), when reconcile_due() has come
 *
 * Whatever order events come in: state of an epoch is never replaced by older state of the same
 * epoch, and once messages get through again, it ends at the newest.
 */

#define RECONCILE_LBS_MAX   65536 /* LoadBalancers of one Network */
#define RECONCILE_HOLD_MS   50    /* two replicas may publish out of order */
#define RECONCILE_RETRY_MS  200   /* first back-off after a question without answer */
#define RECONCILE_RETRY_MAX 5000  /* and the longest */
#define RECONCILE_JITTER_MS 1000  /* where many nodes learn at once that they must ask */
#define RECONCILE_NEVER     UINT64_MAX

/* `older`: of the duplicates, those that are older than the state. */
struct reconcile_counts {
	uint64_t deltas, duplicates, older, gaps, overflows, snapshots, old_snapshots, refused;
};

struct reconcile {
	struct uuid epoch; /* none: no state was ever taken */
	uint64_t asof;     /* revision of the state; nothing older in this epoch is taken */
	bool complete;     /* the state is whole as of `asof`, so changes may follow it */
	bool recalled;     /* it comes from disk, and nobody has confirmed it or added to it yet */
	struct digests digests;
	struct desired *pending; /* taken, and not yet fetched by reconcile_take() */

	struct deltas buffer;
	uint64_t hold_until; /* when a gap in the buffer is a loss */

	bool asking;
	struct desired *joining; /* parts of the answer so far */
	uint64_t ask_at;
	uint64_t min_rev;  /* that the next snapshot should have; 0: any */
	unsigned failures; /* questions without a good answer, in a row */
	bool ask_again;    /* the answer on its way may be older than changes that were dropped */

	uint64_t random;
	struct reconcile_counts counts;
};

/* Wants a snapshot at once. */
void reconcile_init(struct reconcile *reconcile, uint64_t seed, uint64_t now);
void reconcile_deinit(struct reconcile *reconcile);

/*
 * Takes state that was kept on disk instead of asking: `snapshot` (taken) is pending, and no
 * question is due; one that is on its way goes on. For a state that is not complete.
 * Return: 0; -ESTALE (older than what was there before, or of another epoch), -EALREADY (it is
 *         complete), -EBADMSG, -ENOMEM: as if it had not been called.
 */
must_check int reconcile_recall(struct reconcile *reconcile, struct desired *snapshot,
				uint64_t now);

/* A change has come; taken in every case. */
void reconcile_delta(struct reconcile *reconcile, struct desired *delta, uint64_t now);

/*
 * A part of the answer to our question has come; taken in every case. A bad one ends the question.
 * Return: true while more parts must follow.
 */
bool reconcile_part(struct reconcile *reconcile, struct desired *part, uint64_t now);

/* The question had no answer, or one that is none: asked again later and later. */
void reconcile_failed(struct reconcile *reconcile, uint64_t now);

/*
 * An allocator that has seen the log up to `revision` says that what we have is (not) what it has.
 * Who learns that what it recalled is stale, asks at once: clients are sent astray meanwhile.
 * @digest: of the state that it was asked about.
 */
void reconcile_fresh(struct reconcile *reconcile, const struct uuid *epoch, uint64_t revision,
		     uint64_t digest, uint64_t now);
void reconcile_stale(struct reconcile *reconcile, const struct uuid *epoch, uint64_t revision,
		     uint64_t now);

/* There is a connection (again): what failed without one is tried soon. */
void reconcile_connected(struct reconcile *reconcile, uint64_t now);

/* The kernel thread has lost the state that was taken: all of it is needed anew, nothing older. */
void reconcile_again(struct reconcile *reconcile, uint64_t now);

/* Asks for a snapshot by `when`, though nothing is missing. */
void reconcile_refresh(struct reconcile *reconcile, uint64_t when);

/* The next time that reconcile_should_ask() may say something else; RECONCILE_NEVER. */
uint64_t reconcile_due(const struct reconcile *reconcile);

/* Whether a snapshot is to be asked for now. */
bool reconcile_should_ask(struct reconcile *reconcile, uint64_t now);

/* It is being asked for. Return: the revision it should have at least, 0 for any. */
uint64_t reconcile_asked(struct reconcile *reconcile);

/*
 * What the kernel should be brought to: everything since it was last called, as one change. NULL
 * when nothing changed. The caller frees it.
 */
struct desired *reconcile_take(struct reconcile *reconcile);
