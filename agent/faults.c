/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/faults.h"

#include "base/log.h"

static const char *const fault_names[FAULT_N_KINDS] = {
	[FAULT_STATE] = "change of state",        [FAULT_SNAPSHOT] = "snapshot",
	[FAULT_OLDER] = "message of older state", [FAULT_SYNC] = "answer to a sync",
	[FAULT_HEALTH] = "message of health",
};

void faults_note(struct faults *faults, enum fault fault, const struct bus_message *message,
		 const char *sentence)
{
	if (faults->counts[fault]++ > 0)
		return;
	log_warning(
		"a %s was refused, nothing changed: subject='%s' bytes=%zu: %s; further ones are "
		"only counted",
		fault_names[fault], message->subject, message->len, sentence);
}
