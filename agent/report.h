/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "messages/status.h"

/*
 * What the node says of one Network: the newest status, at once, but no more often than
 * REPORT_PAUSE_MS; and again now and then, as messages get lost and allocators restart.
 * Times are milliseconds of the caller's clock.
 */

#define REPORT_PAUSE_MS   100
#define REPORT_REFRESH_MS 30000 /* at 50 to 150 % of that */
#define REPORT_NEVER      UINT64_MAX

/* What the agent itself has to say, whatever the kernel thread says. */
enum report_condition {
	REPORT_NAMESPACE_UNAVAILABLE,
	REPORT_STATE_RECALLED,
	REPORT_ALL_UNHEALTHY,
	REPORT_ADDRESSES_CUT, /* report_take()'s own */
	REPORT_N_CONDITIONS,
};

struct report {
	struct status *status; /* the newest; its conditions are the kernel thread's */
	char *sentences[REPORT_N_CONDITIONS]; /* NULL: the condition does not hold */
	uint64_t due;
	uint64_t pause_until;
};

/* `node` and `net` are copied. Nothing is due. Return: 0, -ENOMEM. */
must_check int report_init(struct report *report, const char *node, const char *net);
void report_deinit(struct report *report);

/*
 * There is a newer status (taken); its node and net are filled in here where they are missing.
 * Return: 0, -ENOMEM.
 */
must_check int report_set(struct report *report, struct status *status, uint64_t now);

/* @sentence: NULL: it does not hold any more. Return: whether that is news. */
bool report_set_condition(struct report *report, enum report_condition condition,
			  const char *sentence, uint64_t now);

const char *report_condition_reason(enum report_condition condition);

/* To be published again by `when` at the latest. */
void report_soon(struct report *report, uint64_t when);

/*
 * It is being published. Addresses that have no room in a message are left out, and a condition says
 * so. @random: any number, spreads the next time.
 * Return: 0, -ENOMEM.
 * @ret_bytes:     the packed status; the caller frees it.
 * @ret_addresses: the text of the header Ilb-Addresses; the caller frees it.
 */
must_check int report_take(struct report *report, uint64_t now, uint64_t random, void **ret_bytes,
			   size_t *ret_len, char **ret_addresses);
