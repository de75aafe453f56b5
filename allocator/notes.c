/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/notes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/allowance.h"
#include "base/log.h"
#include "base/text.h"
#include "messages/codec.h"
#include "messages/subjects.h"

#define YEAR_10000_MS UINT64_C(253402300800000)

struct held {
	struct note *note;
	uint64_t until_ms;
};

struct notes {
	struct world *world;
	notes_fn *tell;
	void *user;
	struct bus_subscription *on_note;
	struct allowance allowance;
	struct held held[NOTES_HELD_MAX]; /* the oldest first */
	size_t n_held;
	uint64_t n_refused, n_left_out;
};

static void refuse(struct notes *notes, const char *subject, const char *why)
{
	if (notes->n_refused++ == 0)
		log_warning("subject=%s error='%s' hint='further ones are only counted'", subject,
			    why);
}

static void pass_on(struct notes *notes, const struct note *note)
{
	const char *slash = strchr(note->object, '/'); /* the codec has looked */
	char name_space[64], network[254], kind[64];
	const struct journal_entry entry = {
		.name_space = name_space,
		.kind = kind,
		.name = slash + 1,
		.node = note->node,
		.warning = note->warning,
		.reason = note->reason,
		.message = note->sentence,
		.at_ms = (int64_t)(note->at_ms % YEAR_10000_MS),
	};

	if (!allowance_take(&notes->allowance, uv_now(notes->world->loop))) {
		if (notes->n_left_out++ == 0)
			log_warning("notes=full hint='nodes tell more than is kept'");
		return;
	}
	if (subject_net_names(note->net, name_space, network) < 0)
		return; /* on_note() has looked */
	(void)snprintf(kind, sizeof(kind), "%.*s", (int)(slash - note->object), note->object);
	notes->tell(notes->user, &entry);
}

static bool is_hosted(const struct notes *notes, const struct note *note)
{
	return roster_hosts(notes->world->roster, note->node, note->net);
}

static void hold(struct notes *notes, const char *subject, struct note **note)
{
	if (notes->n_held == NOTES_HELD_MAX) {
		refuse(notes, subject, "too many are about Networks that their nodes do not host");
		return;
	}
	notes->held[notes->n_held++] = (struct held){
		.note = TAKE(*note),
		.until_ms = uv_now(notes->world->loop) + NOTES_WAIT_MS,
	};
}

static void on_note(void *user, const struct bus_message *message)
{
	struct notes *notes = user;
	auto_call(note_freep) struct note *note = NULL;
	char name_space[64], network[254], subject[SUBJECT_MAX];
	struct error err = {};

	if (note_unpack(message->data, message->len, &note, &err) < 0)
		refuse(notes, message->subject, err.text[0] ? err.text : "out of memory");
	else if (!text_equal(message->subject, subject_note(subject, note->node, note->net)) ||
		 subject_net_names(note->net, name_space, network) < 0)
		refuse(notes, message->subject, "it is about another node or Network");
	else if (is_hosted(notes, note))
		pass_on(notes, note);
	else
		hold(notes, message->subject, &note);
}

/* Return: true when it is settled. */
static bool settle(struct notes *notes, const struct held *held)
{
	char subject[SUBJECT_MAX];

	if (is_hosted(notes, held->note)) {
		pass_on(notes, held->note);
		return true;
	}
	if (uv_now(notes->world->loop) < held->until_ms)
		return false;
	refuse(notes, subject_note(subject, held->note->node, held->note->net),
	       "it is about a Network that the node does not host");
	return true;
}

void notes_tick(struct notes *notes)
{
	size_t n = 0;

	for (size_t i = 0; i < notes->n_held; i++) {
		if (settle(notes, &notes->held[i]))
			note_free(notes->held[i].note);
		else
			notes->held[n++] = notes->held[i];
	}
	notes->n_held = n;
}

int notes_new(struct world *world, notes_fn *tell, void *user, struct notes **ret_notes,
	      struct error *err)
{
	auto_call(notes_freep) struct notes *notes = calloc(1, sizeof(*notes));
	char subject[SUBJECT_MAX];
	int r;

	if (!notes)
		return error_set(err, -ENOMEM, "out of memory");
	notes->world = world;
	notes->tell = tell;
	notes->user = user;
	notes->allowance = (struct allowance){.burst = NOTES_BURST, .per_s = NOTES_PER_S};
	r = bus_subscribe(world->bus, subject_note(subject, "*", "*"), SUBJECT_QUEUE, on_note,
			  notes, &notes->on_note, err);
	if (r < 0)
		return r;
	*ret_notes = TAKE(notes);
	return 0;
}

void notes_free(struct notes *notes)
{
	if (!notes)
		return;
	bus_unsubscribe(notes->on_note);
	for (size_t i = 0; i < notes->n_held; i++)
		note_free(notes->held[i].note);
	free(notes);
}
