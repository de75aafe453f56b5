/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/notes.h"

#include <time.h>

#include "messages/codec.h"
#include "messages/subjects.h"

bool notes_may(struct notes *notes, uint64_t now)
{
	if (notes->spent_until < now)
		notes->spent_until = now;
	if (notes->spent_until + NOTES_PAUSE_MS > now + (uint64_t)NOTES_BURST * NOTES_PAUSE_MS) {
		notes->n_left_out++;
		return false;
	}
	notes->spent_until += NOTES_PAUSE_MS;
	notes->n_said++;
	return true;
}

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void notes_say(struct notes *notes, const struct notes_place *place, uint64_t now, bool warning,
	       const char *object, const char *reason, const char *sentence)
{
	const struct note note = {
		.node = (char *)place->node,
		.net = (char *)place->net,
		.at_ms = wall_ms(),
		.warning = warning,
		.object = (char *)object,
		.reason = (char *)reason,
		.sentence = (char *)sentence,
	};
	auto_free void *bytes = NULL;
	char subject[SUBJECT_MAX];
	size_t len;

	if (!bus_is_connected(place->bus) || !notes_may(notes, now))
		return;
	if (note_pack(&note, &bytes, &len) < 0 ||
	    bus_publish(place->bus, subject_note(subject, place->node, place->net), NULL, NULL, 0,
			bytes, len) < 0)
		return; /* it is lost, as it is when no allocator listens */
}
