/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "agent/vitals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "agent/checks.h"
#include "agent/overlay.h"
#include "agent/probes.h"
#include "agent/residents.h"
#include "base/array.h"
#include "base/log.h"
#include "base/require.h"
#include "base/text.h"
#include "messages/codec.h"
#include "messages/subjects.h"
#include "messages/verdicts.h"

enum {
	TICK_MS = 1000,
	ANSWER_MS = 300, /* to a node that is new here, by all others */
	ROLL_MS = 1000,  /* to an allocator, by all nodes there are */
	MEMORY_TIMEOUT_MS = 2000,
	MESSAGE_MAX = 8192, /* verdicts; more go in several messages, which replace nothing */
};

/* What is known of one destination. */
struct mark {
	bool bad;   /* the last that was known, or what is taken for granted until something is */
	bool known; /* somebody says so */
	bool ours;  /* we check it */
	bool local; /* it lives on this node: one of residents */
};

/* A LoadBalancer as it was handed over last. */
struct ward {
	struct uuid uid;
	struct desired_lb *lb;
	uint64_t check_id; /* 0: none */
	struct mark *marks;
	uint64_t patience_until;
	bool dirty; /* not as it was handed over */
	uint64_t round;
	UT_hash_handle hh;
};

struct vitals {
	struct vitals_options options;
	struct bus_subscription *subscription;
	struct verdicts *verdicts;
	struct checks *checks;
	struct residents *residents;
	struct probes probes;
	struct ward *wards;
	uint64_t round;
	uint64_t peers; /* that checks were shared out among */
	uint64_t born_ms;
	uint64_t grace_until; /* what is new until then may be old; UINT64_MAX: never connected */
	uint64_t full_at;
	struct bus_request *question; /* what an allocator remembers */
	bool informed;                /* it was answered */
	uint64_t wait_until;
	bool restless;               /* something is not known: time alone may change what counts */
	struct health_verdict *news; /* to be said at once */
	size_t n_news;
	uv_timer_t tick, soon;
	unsigned n_handles;
};

static uint64_t now_of(const struct vitals *vitals)
{
	return uv_now(vitals->options.attempts->loop);
}

static void on_soon(uv_timer_t *timer);
static void act(struct vitals *vitals);

static void act_soon(struct vitals *vitals)
{
	if (!uv_is_active((uv_handle_t *)&vitals->soon))
		require(uv_timer_start(&vitals->soon, on_soon, VITALS_PAUSE_MS, 0) == 0);
}

/* ---- what counts ---- */

static uint64_t patience_of(const struct vitals *vitals, const struct ward *ward)
{
	return now_of(vitals) + VITALS_PATIENCE_MS + ward->lb->check.timeout_s * UINT64_C(1000);
}

/* Nobody says anything about it: as before, until our patience ends. */
static void judge_unknown(struct vitals *vitals, struct ward *ward, struct mark *mark)
{
	if (TAKE(mark->known))
		ward->patience_until = patience_of(vitals, ward);
	if (mark->bad)
		return;
	vitals->restless = true;
	if (bus_is_connected(vitals->options.bus) && vitals->grace_until != UINT64_MAX &&
	    now_of(vitals) >= ward->patience_until)
		mark->bad = true;
}

static void judge_one(struct vitals *vitals, struct ward *ward, size_t i)
{
	const struct desired_destination *destination = &ward->lb->destinations[i];
	struct mark *mark = &ward->marks[i];
	enum health_state state;

	if (!ward->check_id) {
		mark->bad = false;
		return;
	}
	state = verdicts_find(vitals->verdicts, destination->node, &destination->address,
			      ward->check_id, now_of(vitals));
	if (state == HEALTH_UNKNOWN) {
		judge_unknown(vitals, ward, mark);
		return;
	}
	mark->known = true;
	mark->bad = state == HEALTH_UNHEALTHY;
}

/* Its node is dead, or the link that leads to it is down: bad, whatever is checked. */
static bool is_gone(const struct verdicts *verdicts, const struct desired_destination *destination)
{
	return verdicts_is_dead(verdicts, destination->node) ||
	       verdicts_is_cut(verdicts, destination->node, &destination->address);
}

/* Return: whether it must be handed over anew. Without memory nothing changes. */
static bool judge(struct vitals *vitals, struct ward *ward)
{
	auto_free bool *bad = calloc(ward->lb->n_destinations + 1, sizeof(*bad));

	if (!bad)
		return false;
	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		judge_one(vitals, ward, i);
		bad[i] =
			ward->marks[i].bad || is_gone(vitals->verdicts, &ward->lb->destinations[i]);
	}
	return overlay_apply(ward->lb, bad);
}

static void judge_all(struct vitals *vitals)
{
	bool any = false;

	vitals->restless = false;
	for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		if (judge(vitals, ward))
			ward->dirty = true;
		any = any || ward->dirty;
	}
	if (any)
		vitals->options.on_changed(vitals->options.user);
}

/* ---- whose it is to check ---- */

static void disown(struct vitals *vitals, struct ward *ward, size_t i)
{
	const struct address *address = &ward->lb->destinations[i].address;

	if (TAKE(ward->marks[i].ours) && checks_remove(vitals->checks, address, ward->check_id))
		verdicts_drop(vitals->verdicts, address, ward->check_id);
}

/* Takes up checks that are ours, and leaves others to others. */
static void share_out(struct vitals *vitals, struct ward *ward)
{
	for (size_t i = 0; ward->check_id && i < ward->lb->n_destinations; i++) {
		const struct desired_destination *destination = &ward->lb->destinations[i];
		bool ours = verdicts_is_ours(vitals->verdicts, destination->node,
					     &destination->address, ward->check_id, now_of(vitals));

		if (!ours)
			disown(vitals, ward, i);
		else if (!ward->marks[i].ours)
			ward->marks[i].ours = checks_add(vitals->checks, &destination->address,
							 &ward->lb->check) == 0;
	}
}

/* Return: whether other nodes are there than before. */
static bool share_out_all(struct vitals *vitals)
{
	uint64_t peers = verdicts_peers(vitals->verdicts, now_of(vitals));

	if (peers == vitals->peers)
		return false;
	vitals->peers = peers;
	for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next)
		share_out(vitals, ward);
	return true;
}

/* ---- who lives here ---- */

static void take_in(struct vitals *vitals, struct ward *ward)
{
	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		const struct desired_destination *destination = &ward->lb->destinations[i];

		ward->marks[i].local = text_equal(destination->node, vitals->options.node) &&
				       residents_add(vitals->residents, &destination->address) == 0;
	}
}

static void let_go(struct vitals *vitals, const struct ward *ward)
{
	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		const struct address *address = &ward->lb->destinations[i].address;

		if (ward->marks[i].local && residents_remove(vitals->residents, address))
			verdicts_drop(vitals->verdicts, address, HEALTH_CHECK_LINK);
	}
}

/* ---- LoadBalancers ---- */

static struct ward *find_ward(const struct vitals *vitals, const struct uuid *uid)
{
	struct ward *ward;

	HASH_FIND(hh, vitals->wards, uid, sizeof(*uid), ward);
	return ward;
}

static void ward_free(struct vitals *vitals, struct ward *ward)
{
	for (size_t i = 0; i < ward->lb->n_destinations; i++)
		disown(vitals, ward, i);
	let_go(vitals, ward);
	desired_lb_free(ward->lb);
	free(ward->marks);
	free(ward);
}

static void remove_ward(struct vitals *vitals, struct ward *ward)
{
	HASH_DEL(vitals->wards, ward);
	ward_free(vitals, ward);
}

static int compare_destinations(const void *a, const void *b)
{
	const struct desired_destination *x = a, *y = b;

	return address_compare(&x->address, &y->address);
}

/*
 * What holds until somebody says something: as it was in the LoadBalancer before, so that another
 * check or port takes nothing out. A new destination is bad, but for one that we may have forwarded
 * to before we were restarted.
 */
static void inherit(const struct vitals *vitals, struct ward *ward, const struct ward *old)
{
	const struct desired_lb *before = old ? old->lb : NULL;

	for (size_t i = 0; i < ward->lb->n_destinations; i++) {
		const struct desired_destination *found = NULL;

		if (before && before->n_destinations > 0)
			found = bsearch(&ward->lb->destinations[i], before->destinations,
					before->n_destinations, sizeof(*before->destinations),
					compare_destinations);
		ward->marks[i].bad = found ? old->marks[found - before->destinations].bad
					   : now_of(vitals) >= vitals->grace_until;
		ward->lb->destinations[i].dead = found && found->dead;
	}
}

static int ward_new(struct vitals *vitals, const struct desired_lb *lb, struct ward **ret_ward)
{
	struct ward *ward = calloc(1, sizeof(*ward));

	if (!ward)
		return -ENOMEM;
	ward->marks = calloc(lb->n_destinations + 1, sizeof(*ward->marks));
	if (!ward->marks || overlay_copy(lb, &ward->lb) < 0) {
		free(ward->marks);
		free(ward);
		return -ENOMEM;
	}
	ward->uid = lb->uid;
	ward->check_id = health_check_id(&lb->check);
	ward->round = vitals->round;
	ward->patience_until = patience_of(vitals, ward);
	*ret_ward = ward;
	return 0;
}

/* In place of the one before. */
static int put_ward(struct vitals *vitals, const struct desired_lb *lb, struct ward **ret_ward)
{
	struct ward *old = find_ward(vitals, &lb->uid), *ward;

	if (ward_new(vitals, lb, &ward) < 0)
		return -ENOMEM;
	inherit(vitals, ward, old);
	take_in(vitals, ward);
	share_out(vitals, ward); /* before the old one lets go, so that checks go on */
	if (old)
		remove_ward(vitals, old);
	HASH_ADD(hh, vitals->wards, uid, sizeof(ward->uid), ward);
	if (!ward->hh.tbl) {
		ward_free(vitals, ward);
		return -ENOMEM;
	}
	*ret_ward = ward;
	return 0;
}

static void overlay_one(struct vitals *vitals, struct desired_lb *lb)
{
	struct ward *ward;

	if (put_ward(vitals, lb, &ward) < 0)
		return;
	(void)judge(vitals, ward); /* it is being handed over as it becomes */
	for (size_t i = 0; i < lb->n_destinations; i++)
		lb->destinations[i].dead = ward->lb->destinations[i].dead;
}

void vitals_overlay(struct vitals *vitals, struct desired *desired)
{
	struct ward *ward, *next;

	vitals->round++;
	for (size_t i = 0; i < desired->n_lbs; i++)
		overlay_one(vitals, desired->lbs[i]);
	for (size_t i = 0; i < desired->n_removed; i++) {
		ward = find_ward(vitals, &desired->removed[i]);
		if (ward && ward->round != vitals->round)
			remove_ward(vitals, ward);
	}
	HASH_ITER(hh, vitals->wards, ward, next)
	{
		if (desired->snapshot && ward->round != vitals->round)
			remove_ward(vitals, ward);
	}
	if (residents_is_changed(vitals->residents))
		vitals->options.on_residents(vitals->options.user);
}

int vitals_residents(struct vitals *vitals, struct address **ret_addresses, size_t *ret_n_addresses)
{
	return residents_list(vitals->residents, ret_addresses, ret_n_addresses);
}

struct desired *vitals_take_change(struct vitals *vitals)
{
	auto_call(desired_freep) struct desired *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->lbs = calloc(HASH_COUNT(vitals->wards) + 1, sizeof(struct desired_lb *));
	if (!change->lbs)
		return NULL;
	for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		if (ward->dirty && overlay_copy(ward->lb, &change->lbs[change->n_lbs]) == 0) {
			change->n_lbs++;
			ward->dirty = false;
		}
	}
	return change->n_lbs > 0 ? TAKE(change) : NULL;
}

struct vitals_counts vitals_counts(const struct vitals *vitals)
{
	struct vitals_counts counts = {};

	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		bool open = false;

		for (size_t i = 0; ward->check_id && i < ward->lb->n_destinations; i++) {
			counts.n_checked++;
			counts.n_unhealthy += ward->marks[i].bad;
			open = open || (ward->marks[i].bad && !ward->lb->destinations[i].dead);
		}
		counts.n_open += open;
	}
	return counts;
}

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

static struct health_verdict link_verdict(const struct address *address, bool absent,
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

static void add_absent(void *user, const struct address *address, uint64_t since_ms)
{
	struct list *list = user;

	list->verdicts[list->n++] = link_verdict(address, true, since_ms);
}

/* Of checks, and of links that are down. */
static int list_verdicts(struct vitals *vitals, struct health_verdict **ret_verdicts,
			 size_t *ret_n_verdicts)
{
	struct list list;

	if (checks_verdicts(vitals->checks, residents_n_absent(vitals->residents), &list.verdicts,
			    &list.n) < 0)
		return -ENOMEM;
	residents_visit_absent(vitals->residents, add_absent, &list);
	*ret_verdicts = list.verdicts;
	*ret_n_verdicts = list.n;
	return 0;
}

/* A node that has just started does not know everything, and what it said before still counts. */
static void send_all(struct vitals *vitals)
{
	auto_free struct health_verdict *verdicts = NULL;
	bool full = now_of(vitals) - vitals->born_ms >= VITALS_YOUNG_MS;
	size_t n, at = 0;

	vitals->full_at = now_of(vitals) + VITALS_FULL_MS - arc4random_uniform(VITALS_FULL_MS / 5);
	if (list_verdicts(vitals, &verdicts, &n) < 0)
		return;
	do {
		size_t n_now = n - at < MESSAGE_MAX ? n - at : MESSAGE_MAX;

		say(vitals, verdicts + at, n_now, full && n <= MESSAGE_MAX);
		at += n_now;
	} while (at < n);
}

static void drop_news(struct vitals *vitals)
{
	for (size_t i = 0; i < vitals->n_news; i++)
		free(vitals->news[i].reason);
	free(TAKE(vitals->news));
	vitals->n_news = 0;
}

static void send_news(struct vitals *vitals)
{
	if (vitals->n_news > MESSAGE_MAX)
		send_all(vitals);
	else if (vitals->n_news > 0)
		say(vitals, vitals->news, vitals->n_news, false);
	drop_news(vitals);
}

static void add_news(struct vitals *vitals, const struct health_verdict *verdict)
{
	struct health_verdict *news = ARRAY_ADD(vitals->news, vitals->n_news);

	if (news) { /* without memory the others hear it with all the rest */
		*news = *verdict;
		news->reason = strdup(verdict->reason);
	}
}

static void tell_of(struct vitals *vitals, const struct ward *ward,
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

	return (verdict->check == HEALTH_CHECK_LINK || verdict->check == ward->check_id) &&
	       lb->n_destinations > 0 &&
	       bsearch(&wanted, lb->destinations, lb->n_destinations, sizeof(wanted),
		       compare_destinations);
}

/* We have found out something ourselves. */
static void on_verdict(void *user, const struct health_verdict *verdict)
{
	struct vitals *vitals = user;

	add_news(vitals, verdict);
	if (verdicts_note(vitals->verdicts, verdict) == 0)
		act_soon(vitals);
	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		if (concerns(ward, verdict))
			tell_of(vitals, ward, verdict);
	}
}

static void send_all_within(struct vitals *vitals, uint64_t ms)
{
	if (vitals->full_at > now_of(vitals) + ms)
		vitals->full_at = now_of(vitals) + ms;
	act_soon(vitals);
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
		if (health->dead) /* an allocator is wrong about us */
			send_all_within(vitals, 0);
		return 0;
	}
	r = verdicts_take(vitals->verdicts, health, now_of(vitals), &new_peer);
	if (r == 0 && new_peer) /* it knows nothing of us yet */
		send_all_within(vitals, arc4random_uniform(ANSWER_MS));
	if (verdicts_n_changes(vitals->verdicts) != before)
		act_soon(vitals);
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

static void on_message(void *user, const struct bus_message *message)
{
	struct vitals *vitals = user;
	auto_call(health_freep) struct health *health = NULL;
	struct error err = {};

	if (health_unpack(message->data, message->len, &health, &err) < 0 ||
	    check_subject(message, health, &err) < 0 || take(vitals, health, &err) < 0)
		vitals->options.on_fault(vitals->options.user, message, err.text);
}

/* ---- links ---- */

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_link(void *user, const struct address *address, bool absent)
{
	struct vitals *vitals = user;
	struct health_verdict verdict = link_verdict(address, absent, wall_ms());
	char text[ADDRESS_TEXT_MAX];

	log_info("net=%s destination=%s: its link is %s", vitals->options.net,
		 address_format(address, text), absent ? "down" : "up");
	on_verdict(vitals, &verdict);
	if (!absent)
		checks_retry(vitals->checks, address);
}

void vitals_on_links(struct vitals *vitals, const struct address *absent, size_t n_absent)
{
	residents_note(vitals->residents, absent, n_absent, wall_ms(), on_link, vitals);
	if (vitals->n_news > 0) /* at once: until then clients are sent to where nobody is */
		act(vitals);
}

/* ---- what allocators remember ---- */

static void recall(struct vitals *vitals, const struct bus_message *message)
{
	auto_call(health_freep) struct health *health = NULL;
	struct error err = {};
	int r = health_unpack(message->data, message->len, &health, &err);

	if (r == 0 && !text_equal(health->net, vitals->options.net))
		r = error_set(&err, -EBADMSG, "it is of the Network '%s'", health->net);
	if (r == 0)
		r = verdicts_recall(vitals->verdicts, health);
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
	judge_all(vitals);
	vitals->options.on_changed(vitals->options.user);
	return false;
}

static void ask_for_memory(struct vitals *vitals)
{
	static const struct bus_header header = {"Ilb-Health", "only"};
	const struct vitals_options *options = &vitals->options;
	char subject[SUBJECT_MAX];

	if (vitals->informed || vitals->question)
		return;
	if (bus_ask(options->bus, subject_snap(subject, options->node, options->net), &header, 1,
		    NULL, 0, MEMORY_TIMEOUT_MS, on_memory, vitals, &vitals->question) < 0)
		vitals->question = NULL; /* no memory: the nodes themselves tell us */
}

uint64_t vitals_wait_until(const struct vitals *vitals)
{
	return vitals->wait_until;
}

void vitals_on_roll(struct vitals *vitals)
{
	send_all_within(vitals, arc4random_uniform(ROLL_MS));
}

void vitals_on_connected(struct vitals *vitals)
{
	if (vitals->grace_until == UINT64_MAX) {
		vitals->grace_until = now_of(vitals) + VITALS_YOUNG_MS;
		for (struct ward *ward = vitals->wards; ward; ward = ward->hh.next)
			ward->patience_until = patience_of(vitals, ward);
	}
	ask_for_memory(vitals);
	send_all_within(vitals, arc4random_uniform(ANSWER_MS));
}

static uint16_t port_to_ask(const struct desired_lb *lb)
{
	if (lb->check.interval_s)
		return lb->check.port;
	for (size_t i = 0; i < lb->n_ports; i++) {
		if (lb->ports[i].protocol == PROTOCOL_TCP)
			return lb->ports[i].target;
	}
	return lb->n_ports > 0 ? lb->ports[0].target : 1; /* any machine refuses it */
}

static bool is_among(const struct probe_target *targets, size_t n, const struct address *address)
{
	for (size_t i = 0; i < n; i++) {
		if (address_equal(&targets[i].address, address))
			return true;
	}
	return false;
}

static size_t find_targets(const struct vitals *vitals, const char *node,
			   struct probe_target targets[static PROBES_TARGETS_MAX])
{
	size_t n = 0;

	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		ARRAY_FOREACH(destination, ward->lb->destinations, ward->lb->n_destinations) {
			if (n == PROBES_TARGETS_MAX || !text_equal(destination->node, node) ||
			    is_among(targets, n, &destination->address))
				continue;
			targets[n++] = (struct probe_target){.address = destination->address,
							     .port = port_to_ask(ward->lb)};
		}
	}
	return n;
}

static bool is_control(const struct vitals *vitals, const char *node, const char *suspect)
{
	return node && !text_equal(node, suspect) && !text_equal(node, vitals->options.node) &&
	       !verdicts_is_dead(vitals->verdicts, node);
}

/* Any, each as likely as the others. Source: reservoir sampling (Vitter 1985, algorithm R). */
static size_t find_controls(const struct vitals *vitals, const char *suspect,
			    struct probe_target controls[static PROBES_CONTROLS_MAX])
{
	uint32_t n_seen = 0;

	for (const struct ward *ward = vitals->wards; ward; ward = ward->hh.next) {
		ARRAY_FOREACH(destination, ward->lb->destinations, ward->lb->n_destinations) {
			uint32_t at;

			if (!is_control(vitals, destination->node, suspect))
				continue;
			at = n_seen < PROBES_CONTROLS_MAX ? n_seen : arc4random_uniform(n_seen + 1);
			n_seen++;
			if (at < PROBES_CONTROLS_MAX)
				controls[at] =
					(struct probe_target){.address = destination->address,
							      .port = port_to_ask(ward->lb),
							      .control = true};
		}
	}
	return n_seen < PROBES_CONTROLS_MAX ? n_seen : PROBES_CONTROLS_MAX;
}

void vitals_probe(struct vitals *vitals, const char *node, const char *reply)
{
	struct probe_target targets[PROBES_TARGETS_MAX + PROBES_CONTROLS_MAX];
	size_t n = find_targets(vitals, node, targets);

	if (n > 0)
		n += find_controls(vitals, node, targets + n);
	if (probes_start(&vitals->probes, node, reply, targets, n) < 0)
		return; /* others are asked, too, and we are asked again */
}

/* ---- time ---- */

static void act(struct vitals *vitals)
{
	if (vitals->full_at <= now_of(vitals)) {
		drop_news(vitals);
		send_all(vitals);
	}
	send_news(vitals);
	(void)share_out_all(vitals);
	judge_all(vitals);
}

static void on_soon(uv_timer_t *timer)
{
	act(timer->data);
}

static void on_tick(uv_timer_t *timer)
{
	struct vitals *vitals = timer->data;

	if (share_out_all(vitals) || vitals->restless || vitals->full_at <= now_of(vitals))
		act_soon(vitals);
}

static void on_closed(uv_handle_t *handle)
{
	struct vitals *vitals = handle->data;

	if (--vitals->n_handles > 0)
		return;
	drop_news(vitals);
	free(vitals);
}

void vitals_close(struct vitals *vitals)
{
	struct ward *ward, *next;

	if (!vitals)
		return;
	bus_unsubscribe(TAKE(vitals->subscription));
	if (vitals->question)
		bus_cancel(TAKE(vitals->question));
	probes_deinit(&vitals->probes);
	HASH_ITER(hh, vitals->wards, ward, next)
	remove_ward(vitals, ward);
	checks_free(TAKE(vitals->checks));
	residents_free(TAKE(vitals->residents));
	verdicts_free(TAKE(vitals->verdicts));
	uv_close((uv_handle_t *)&vitals->tick, on_closed);
	uv_close((uv_handle_t *)&vitals->soon, on_closed);
}

int vitals_new(const struct vitals_options *options, struct vitals **ret_vitals, struct error *err)
{
	struct vitals *vitals = calloc(1, sizeof(*vitals));
	char subject[SUBJECT_MAX];
	int r;

	if (!vitals)
		return -ENOMEM;
	vitals->options = *options;
	vitals->probes = (struct probes){
		.bus = options->bus, .attempts = options->attempts, .net = options->net};
	vitals->born_ms = now_of(vitals);
	vitals->grace_until = UINT64_MAX;
	vitals->full_at = vitals->born_ms;
	vitals->wait_until = vitals->born_ms + VITALS_ASK_MS;
	require(uv_timer_init(options->attempts->loop, &vitals->tick) == 0 &&
		uv_timer_init(options->attempts->loop, &vitals->soon) == 0);
	vitals->tick.data = vitals->soon.data = vitals;
	vitals->n_handles = 2;
	r = verdicts_new(options->node, NULL, NULL, &vitals->verdicts);
	if (r == 0)
		r = residents_new(&vitals->residents);
	if (r == 0)
		r = checks_new(options->attempts, options->net, on_verdict, vitals,
			       &vitals->checks);
	if (r == 0)
		r = bus_subscribe(options->bus, subject_health(subject, options->net, "*"), NULL,
				  on_message, vitals, &vitals->subscription, err);
	if (r < 0) {
		vitals_close(vitals);
		return r;
	}
	vitals->peers = verdicts_peers(vitals->verdicts, vitals->born_ms);
	require(uv_timer_start(&vitals->tick, on_tick, TICK_MS, TICK_MS) == 0);
	if (bus_is_connected(options->bus))
		vitals_on_connected(vitals);
	*ret_vitals = vitals;
	return 0;
}
