/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "messages/bus.h"

/*
 * Messages that were refused: counted, and the first of each kind logged. Nothing else comes of
 * them, so whoever sends them fills neither the log nor anything else.
 */
enum fault {
	FAULT_STATE,    /* a change that is malformed, or not of its subject's Network */
	FAULT_SNAPSHOT, /* the same of an answer to our question */
	FAULT_OLDER,    /* a change or snapshot older than the state: late, or told again */
	FAULT_SYNC,
	FAULT_HEALTH,
	FAULT_N_KINDS,
};

struct faults {
	uint64_t counts[FAULT_N_KINDS];
};

/* @message: the culprit. @sentence: what is wrong with it. */
void faults_note(struct faults *faults, enum fault fault, const struct bus_message *message,
		 const char *sentence);
