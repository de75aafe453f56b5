/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "ipam/catalog.h"
#include "ipam/decide.h"

/*
 * A catalog with a log that always commits: what tests do with decisions, in words. Answers are
 * sentences, so that tables of steps compare them.
 *
 *	apply LINE of tests/ipam/build.h	"created 10.0.0.1 -": an address, or "-", for each entry, and
 *						"~10.0.0.2" for one still to be given back; or the refusal
 *	delete KIND NAME
 *	confirm N			nodes have confirmed the log up to N (0: all)
 *	next				one decision, or "nothing"
 *	settle				how many decisions until there is nothing to do
 *	show KIND NAME			the addresses
 *	usage PREFIX			"used/size largest=/28 waiters=2"
 *	destinations LB			"10.0.0.5*1@node ..."; "none: ..."
 *	restart				the catalog is made anew from what is stored
 *	touched				LoadBalancers taken from catalog_take_touched()
 */
struct cloud {
	struct catalog *catalog;
	uint64_t sequence;  /* of the last record */
	uint64_t confirmed; /* 0: everything */
	char answer[4096];
};

void cloud_init(struct cloud *cloud);
void cloud_deinit(struct cloud *cloud);
const char *cloud_do(struct cloud *cloud, const char *command);

struct cloud_step {
	const char *command, *answer;
};

/* Runs steps until one without a command; fails with the row's name. */
void cloud_run(const char *name, const struct cloud_step *steps);

/* Commits a verdict: the record gets the next sequence. The verdict is emptied. */
void cloud_commit(struct cloud *cloud, struct verdict *verdict);
