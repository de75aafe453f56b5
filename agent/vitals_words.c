/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/vitals_private.h"
#include "base/array.h"
#include "base/text.h"
#include "messages/codec.h"
#include "messages/subjects.h"

enum {
	ANSWER_MS = 300, /* to a node that is new here, by all others */
	MEMORY_TIMEOUT_MS = 2000,
	MESSAGE_MAX = 8192, /* verdicts; more go in several messages, which replace nothing */
	OWED_ROUNDS = 3,    /* that there is nothing any more is said so often: each may be lost */
};

/* ---- the bus ---- */

static void say(struct vitals *vitals, struct health_verdict *verdicts, size_t n, bool full)
{
	const struct vitals_options *options = &vitals->options;
	struct health health = {
		.node = (char *)options->node,
		.net = (char *)options->net,
		.boot = *options->boot,
		.full = full,
		.verdicts = verdicts,
		.n_verdicts = n,
	};
	auto_free void *bytes = NULL;
	char subject[SUBJECT_MAX];
	size_t len;

	if (health_pack(&health, &bytes, &len) < 0 ||
	    bus_publish(options->bus, subject_health(subject, options->net, options->node), NULL,
			NULL, 0, bytes, len) < 0)
		return; /* all of it is said again soon, and when there is a connection */
}

struct list {
	struct health_verdict *verdicts;
	size_t n;
};

struct health_verdict vitals_link_verdict(const struct address *address, bool absent,
					  uint64_t since_ms)
{
	return (struct health_verdict){
		.address = *address,
		.check = HEALTH_CHECK_LINK,
		.healthy = !absent,
		.since_ms = since_ms,
		.reason = (char *)(absent ? "LinkDown" : "LinkUp"),
	};
}

static void add_link(void *user, const struct address *address, bool absent, uint64_t since_ms)
{
	struct list *list = user;

	list->verdicts[list->n++] = vitals_link_verdict(address, absent, since_ms);
}

/* Of checks, and of links that are down or were. */
static int list_verdicts(struct vitals *vitals, struct health_verdict **ret_verdicts,
			 size_t *ret_n_verdicts)
{
	struct list list;

	if (checks_verdicts(vitals->checks, residents_n_told(vitals->residents), &list.verdicts,
			    &list.n) < 0)
		return -ENOMEM;
	residents_visit_told(vitals->residents, add_link, &list);
	*ret_verdicts = list.verdicts;
	*ret_n_verdicts = list.n;
	return 0;
}

/*
 * A message to all nodes of a Network by each of them is a million where there are a thousand. So who
 * has nothing to say says nothing, unless checks are shared out among those that are heard, or it
 * has to take back what it, or an allocator about it, has said.
 */
static bool is_waited_for(struct vitals *vitals, size_t n_verdicts, bool full)
{
	if (n_verdicts > 0)
		vitals->n_owed = OWED_ROUNDS;
	if (vitals->word_at <= vitals_now(vitals)) {
		vitals->word_at = UINT64_MAX;
		vitals->n_owed += vitals->n_owed == 0;
	}
	if (n_verdicts > 0 || vitals->n_shared > 0)
		return true;
	if (vitals->n_owed == 0)
		return false;
	vitals->n_owed -= full;
	return true;
}

/* A node that has just started does not know everything, and what it said before still counts. */
void vitals_send_all(struct vitals *vitals)
{
	auto_free struct health_verdict *verdicts = NULL;
	bool full = vitals_now(vitals) - vitals->born_ms >= VITALS_YOUNG_MS;
	size_t n, at = 0;

	vitals->full_at =
		vitals_now(vitals) + VITALS_FULL_MS - arc4random_uniform(VITALS_FULL_MS / 5);
	if (list_verdicts(vitals, &verdicts, &n) < 0 || !is_waited_for(vitals, n, full))
		return;
	do {
		size_t n_now = n - at < MESSAGE_MAX ? n - at : MESSAGE_MAX;

		say(vitals, verdicts + at, n_now, full && n <= MESSAGE_MAX);
		at += n_now;
	} while (at < n);
}

void vitals_drop_news(struct vitals *vitals)
{
	for (size_t i = 0; i < vitals->n_news; i++)
		free(vitals->news[i].reason);
	free(TAKE(vitals->news));
	vitals->n_news = 0;
}

void vitals_send_news(struct vitals *vitals)
{
	if (vitals->n_news > MESSAGE_MAX)
		vitals_send_all(vitals);
	else if (vitals->n_news > 0)
		say(vitals, vitals->news, vitals->n_news, false);
	vitals_drop_news(vitals);
}

static void add_news(struct vitals *vitals, const struct health_verdict *verdict)
{
	struct health_verdict *news = ARRAY_ADD(vitals->news, vitals->n_news);

	if (news) { /* without memory the others hear it with all the rest */
		*news = *verdict;
		news->reason = strdup(verdict->reason);
	}
}

void vitals_tell_of(struct vitals *vitals, const struct ward *ward,
		    const struct health_verdict *verdict)
{
	char address[ADDRESS_TEXT_MAX], sentence[160];

	(void)snprintf(sentence, sizeof(sentence), "%s is %s: %s",
		       address_format(&verdict->address, address),
		       verdict->healthy ? "healthy" : "unhealthy", verdict->reason);
	vitals->options.on_event(vitals->options.user, ward->lb->name, !verdict->healthy,
				 verdict->healthy ? "DestinationHealthy" : "DestinationUnhealthy",
				 sentence);
}

static bool concerns(const struct ward *ward, const struct health_verdict *verdict)
{
	const struct desired_destination wanted = {.address = verdict->address};
	const struct desired_lb *lb = ward->lb;

	return verdict->check == ward->check_id && lb->n_destinations > 0 &&
	       bsearch(&wanted, lb->destinations, lb->n_destinations, sizeof(wanted),
		       vitals_compare_destinations);
}

void vitals_note(struct vitals *vitals, const struct health_verdict *verdict)
{
	add_news(vitals, verdict);
	if (verdicts_note(vitals->verdicts, verdict) == 0)
		vitals_act_soon(vitals);
}

/* We have found out something ourselves. */
void vitals_on_verdict(void *user, const struct health_verdict *verdict)
{
	struct vitals *vitals = user;

	vitals_note(vitals, verdict);
	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		if (concerns(ward, verdict))
			vitals_tell_of(vitals, ward, verdict);
	}
}

void vitals_send_all_within(struct vitals *vitals, uint64_t ms)
{
	if (vitals->full_at > vitals_now(vitals) + ms)
		vitals->full_at = vitals_now(vitals) + ms;
	vitals_act_soon(vitals);
}

void vitals_greet(struct vitals *vitals)
{
	vitals_send_all_within(vitals, arc4random_uniform(ANSWER_MS));
}

/* Mostly it is what is known: in large Networks that comes often, and judging takes long. */
static int take(struct vitals *vitals, const struct health *health, struct error *err)
{
	uint64_t before = verdicts_n_changes(vitals->verdicts);
	bool new_peer = false;
	int r;

	if (!text_equal(health->net, vitals->options.net))
		return error_set(err, -EBADMSG, "it is of the Network '%s'", health->net);
	if (text_equal(health->node, vitals->options.node)) {
		if (health->dead) { /* an allocator is wrong about us */
			vitals->n_owed += vitals->n_owed == 0;
			vitals_send_all_within(vitals, 0);
		}
		return 0;
	}
	r = verdicts_take(vitals->verdicts, health, vitals_now(vitals), &new_peer);
	if (r == 0 && new_peer)
		vitals_greet(vitals);
	if (verdicts_n_changes(vitals->verdicts) != before)
		vitals_act_soon(vitals);
	return r == -E2BIG ? error_set(err, r, "too many nodes in the Network") : r;
}

/* The server guards subjects, not bodies. */
static int check_subject(const struct bus_message *message, const struct health *health,
			 struct error *err)
{
	char subject[SUBJECT_MAX];

	if (text_equal(message->subject, subject_health(subject, health->net, health->node)))
		return 0;
	return error_set(err, -EBADMSG, "it is about node '%s' of Network '%s'", health->node,
			 health->net);
}

void vitals_on_message(void *user, const struct bus_message *message)
{
	struct vitals *vitals = user;
	auto_call(health_freep) struct health *health = NULL;
	struct error err = {};

	if (health_unpack(message->data, message->len, &health, &err) < 0 ||
	    check_subject(message, health, &err) < 0 || take(vitals, health, &err) < 0)
		vitals->options.on_fault(vitals->options.user, message, err.text);
}

/* ---- what allocators remember ---- */

static void recall(struct vitals *vitals, const struct bus_message *message)
{
	auto_call(health_freep) struct health *health = NULL;
	struct error err = {};
	int r = health_unpack(message->data, message->len, &health, &err);

	if (r == 0 && !text_equal(health->net, vitals->options.net))
		r = error_set(&err, -EBADMSG, "it is of the Network '%s'", health->net);
	if (r == 0 && text_equal(health->node, vitals->options.node)) {
		vitals->n_owed = OWED_ROUNDS; /* of before we were restarted */
		vitals_greet(vitals);
	}
	if (r == 0)
		r = verdicts_recall(vitals->verdicts, health, vitals_now(vitals));
	if (r < 0)
		vitals->options.on_fault(vitals->options.user, message, err.text);
}

/* Whoever answers with something else is of an older version, and remembers nothing. */
static bool on_memory(void *user, int outcome, const struct bus_message *message)
{
	struct vitals *vitals = user;
	const char *header = message ? bus_message_header(message, "Ilb-Health") : NULL;

	(void)outcome; /* nobody there: the nodes themselves tell us */
	if (text_equal(header, "more")) {
		recall(vitals, message);
		return true;
	}
	vitals->question = NULL;
	vitals->informed = vitals->informed || message;
	vitals->wait_until = 0;
	vitals_judge_all(vitals);
	vitals->options.on_changed(vitals->options.user);
	return false;
}

void vitals_ask_for_memory(struct vitals *vitals)
{
	static const struct bus_header header = {"Ilb-Health", "only"};
	const struct vitals_options *options = &vitals->options;
	char subject[SUBJECT_MAX];

	if (vitals->question)
		return;
	if (bus_ask(options->bus, subject_snap(subject, options->node, options->net), &header, 1,
		    NULL, 0, MEMORY_TIMEOUT_MS, on_memory, vitals, &vitals->question) < 0)
		vitals->question = NULL; /* no memory: the nodes themselves tell us */
}

uint64_t vitals_wait_until(const struct vitals *vitals)
{
	return vitals->wait_until;
}
