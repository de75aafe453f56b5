/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/log.h"
#include "base/require.h"
#include "base/text.h"
#include "messages/codec.h"
#include "messages/note.h"
#include "messages/subjects.h"

enum {
	ANSWER_TIMEOUT_MS = 2000,
	WORKER_BUSY_MS = 20,      /* when its queue was full */
	STORE_PATIENCE_MS = 1000, /* forwarding does not wait longer for a disk */
	MEND_MS = 60000,          /* at 50 to 150 % of that */
	ASK_FIRST_MS = 500, /* where nothing is forwarded yet, and state from disk may be old */
	REOPEN_FIRST_MS = 500,
	REOPEN_MAX_MS = 30000,
};

static void step(struct network *network);

static uint64_t now_of(const struct network *network)
{
	return uv_now(network->context->loop);
}

static void note_arrival(struct network *network)
{
	if (network->arrived_at == 0)
		network->arrived_at = now_of(network);
}

static bool is_ours(const struct network *network, const struct desired *desired, struct error *err)
{
	if (text_equal(desired->net, network->net))
		return true;
	(void)error_set(err, -EBADMSG, "it is of the Network '%s'", desired->net);
	return false;
}

/* What the state machine found wrong with a message, which it has counted since `before`. */
static void note_refusal(struct network *network, const struct reconcile_counts *before,
			 enum fault fault, const struct bus_message *message)
{
	const struct reconcile_counts *now = &network->reconcile.counts;

	if (now->refused > before->refused)
		faults_note(&network->context->faults, fault, message,
			    "it does not follow what came before it");
	if (now->older + now->old_snapshots > before->older + before->old_snapshots)
		faults_note(&network->context->faults, FAULT_OLDER, message,
			    "its revision is smaller than that of the state");
}

static void on_delta(void *user, const struct bus_message *message)
{
	struct network *network = user;
	const struct reconcile_counts before = network->reconcile.counts;
	auto_call(desired_freep) struct desired *delta = NULL;
	struct error err = {};

	if (desired_unpack(message->data, message->len, &delta, &err) < 0 ||
	    !is_ours(network, delta, &err)) {
		faults_note(&network->context->faults, FAULT_STATE, message, err.text);
		return;
	}
	note_arrival(network);
	reconcile_delta(&network->reconcile, TAKE(delta), now_of(network));
	note_refusal(network, &before, FAULT_STATE, message);
	step(network);
}

/* Return: whether more parts must follow. */
static bool on_part(struct network *network, const struct bus_message *message)
{
	const struct reconcile_counts before = network->reconcile.counts;
	auto_call(desired_freep) struct desired *part = NULL;
	struct error err = {};
	bool more;

	if (bus_message_header(message, "Nats-Service-Error-Code")) {
		reconcile_failed(&network->reconcile, now_of(network));
		return false; /* 503: no replica has seen enough of the log; asked again soon */
	}
	if (desired_unpack(message->data, message->len, &part, &err) < 0 ||
	    !is_ours(network, part, &err)) {
		faults_note(&network->context->faults, FAULT_SNAPSHOT, message, err.text);
		reconcile_failed(&network->reconcile, now_of(network));
		return false;
	}
	note_arrival(network);
	more = reconcile_part(&network->reconcile, TAKE(part), now_of(network));
	note_refusal(network, &before, FAULT_SNAPSHOT, message);
	return more;
}

static bool on_answer(void *user, int outcome, const struct bus_message *message)
{
	struct network *network = user;
	bool more = false;

	(void)outcome; /* nobody there, no connection, no answer: the same to us */
	if (message)
		more = on_part(network, message);
	else
		reconcile_failed(&network->reconcile, now_of(network));
	if (!more)
		network->request = NULL;
	step(network);
	return more;
}

static void ask(struct network *network)
{
	char subject[SUBJECT_MAX], min_rev[21], epoch[UUID_TEXT_MAX];
	const struct bus_header headers[] = {
		{"Ilb-Min-Rev", min_rev},
		{"Ilb-Epoch", uuid_format(&network->reconcile.epoch, epoch)},
	};
	int r;

	(void)snprintf(min_rev, sizeof(min_rev), "%" PRIu64, reconcile_asked(&network->reconcile));
	r = bus_ask(network->context->bus,
		    subject_snap(subject, network->context->node, network->net), headers,
		    ARRAY_SIZE(headers), NULL, 0, ANSWER_TIMEOUT_MS, on_answer, network,
		    &network->request);
	if (r < 0)
		reconcile_failed(&network->reconcile, now_of(network));
}

static void publish_status(struct network *network)
{
	struct report *report = &network->report;
	char subject[SUBJECT_MAX], revision[21], refused[21];
	auto_free void *bytes = NULL;
	auto_free char *addresses = NULL;
	size_t len;

	if (report_take(report, now_of(network), arc4random(), &bytes, &len, &addresses) < 0)
		return; /* no memory: the next time */
	(void)snprintf(revision, sizeof(revision), "%" PRIu64, report->status->revision);
	(void)snprintf(refused, sizeof(refused), "%" PRIu64, report->status->n_refused);
	const struct bus_header headers[] = {
		{"Ilb-Node", network->context->node},
		{"Ilb-Rev", revision},
		{"Ilb-Addresses", addresses},
		{"Ilb-Refused", refused},
	};
	if (bus_publish(network->context->bus,
			subject_status(subject, network->context->node, network->net), NULL,
			headers, ARRAY_SIZE(headers), bytes, len) < 0)
		log_debug("net=%s: a status was not sent, the next one follows", network->net);
}

void network_note(struct network *network, bool warning, const char *object, const char *reason,
		  const char *sentence)
{
	const struct notes_place place = {network->context->bus, network->context->node,
					  network->net};
	char name_space[64], name[254], own[NOTE_OBJECT_MAX];

	if (!object) {
		if (subject_net_names(network->net, name_space, name) < 0)
			return; /* a namespace that no Network can have */
		(void)snprintf(own, sizeof(own), "network/%s", name);
		object = own;
	}
	notes_say(&network->notes, &place, now_of(network), warning, object, reason, sentence);
}

static void set_condition(struct network *network, enum report_condition condition,
			  const char *sentence)
{
	bool is_news = report_set_condition(&network->report, condition, sentence, now_of(network));

	if (!is_news || !sentence)
		return;
	log_warning("net=%s: %s", network->net, sentence);
	network_note(network, true, NULL, report_condition_reason(condition), sentence);
}

/* Forwards what was kept on disk, until an allocator says more. */
static void use_recalled(struct network *network, struct desired *state, uint64_t at_ms)
{
	uint64_t revision = state->revision;
	time_t at = (time_t)(at_ms / 1000);
	char sentence[200], when[32];
	struct tm parts;

	if (reconcile_recall(&network->reconcile, state, now_of(network)) < 0)
		return; /* older than what was served already, or wrong: an allocator is asked */
	(void)strftime(when, sizeof(when), "%FT%TZ", gmtime_r(&at, &parts));
	(void)snprintf(sentence, sizeof(sentence),
		       "state of %s (revision %" PRIu64
		       ") from this node's disk is served; no allocator has confirmed it yet",
		       when, revision);
	network->recalled = true;
	network->kept_digest = network->reconcile.digests.sum;
	set_condition(network, REPORT_STATE_RECALLED, sentence);
	network->context->on_unsure(network->context->user);
}

static void on_loaded(void *user, struct desired *state, uint64_t at_ms)
{
	struct network *network = user;

	network->loading = false;
	if (network->leaving)
		desired_free(state);
	else if (state)
		use_recalled(network, state, at_ms);
	step(network);
}

static void load(struct network *network)
{
	network->load_wanted = false;
	network->loading = true;
	recall_load(network->recall, on_loaded, network);
}

/* What is served has moved on from what was on disk. */
static void forget_recalled(struct network *network)
{
	network->recalled = false;
	set_condition(network, REPORT_STATE_RECALLED, NULL);
}

static void on_stored(void *user)
{
	struct network *network = user;

	network->storing = false;
	network->ready_at = now_of(network);
	if (recall_is_broken(network->recall) && network->mend_at <= now_of(network)) {
		network->mend_at = now_of(network) + MEND_MS / 2 + arc4random_uniform(MEND_MS);
		reconcile_refresh(&network->reconcile, network->mend_at);
	}
	step(network);
}

/* One revision may have two contents: a snapshot mends what a comparison found to be wrong. */
static bool is_kept(const struct network *network)
{
	return recall_has(network->recall, network->ready) &&
	       network->kept_digest == network->ready_digest;
}

/* Before the kernel has it: what is kept is never older than what is served. */
static void store(struct network *network)
{
	network->ready_at = now_of(network);
	if (is_kept(network))
		return; /* it comes from there */
	network->kept_digest = network->ready_digest;
	if (recall_is_busy(network->recall) ||
	    recall_store(network->recall, network->ready, on_stored, network) < 0) {
		recall_outrun(network->recall);
		return;
	}
	network->storing = true;
	network->ready_at += STORE_PATIENCE_MS;
}

/* Later and later, at 50 to 150 % of the back-off. */
static uint64_t reopen_delay(unsigned n_failures)
{
	uint32_t delay = REOPEN_FIRST_MS << (n_failures < 8 ? n_failures : 8);

	if (delay > REOPEN_MAX_MS)
		delay = REOPEN_MAX_MS;
	return delay / 2 + arc4random_uniform(delay);
}

static void open_namespace(struct network *network)
{
	if (worker_open(network->context->worker, network->net) < 0)
		network->open_at = now_of(network) + WORKER_BUSY_MS;
	else
		network->stage = NETWORK_OPENING;
}

/* What the health of destinations changes in what the kernel thread was given. */
static struct desired *take_health(struct network *network)
{
	struct desired *change = network->handed ? vitals_take_change(network->vitals) : NULL;

	if (!change)
		return NULL;
	change->net = strdup(network->net);
	if (!change->net) { /* what is in it is dirty no more, but will be when it changes again */
		desired_free(change);
		return NULL;
	}
	change->epoch = network->ready_epoch;
	change->revision = change->previous = network->ready_revision;
	change->part = change->n_parts = 1;
	return change;
}

/* Return: whether there is something to hand over. State that is new is kept on disk first. */
static bool take_ready(struct network *network)
{
	struct desired *ready = reconcile_take(&network->reconcile);

	network->ready = ready ? ready : take_health(network);
	network->ready_at = now_of(network);
	if (!ready)
		return network->ready;
	network->ready_epoch = network->reconcile.epoch;
	network->ready_digest = network->reconcile.digests.sum;
	network->ready_revision = ready->revision;
	network->handed_at = TAKE(network->arrived_at);
	vitals_overlay(network->vitals, ready);
	store(network);
	return true;
}

/*
 * A machine that boots would send clients where nobody is any more: while nothing is forwarded that
 * waiting could interrupt, an allocator is asked first, if there is a connection.
 */
static bool is_held(const struct network *network)
{
	const struct network_context *context = network->context;

	return network->reconcile.recalled && now_of(network) < network->hold_until &&
	       (context->connecting || bus_is_connected(context->bus));
}

/* Hands the newest state to the kernel thread, which has nothing else to do for this Network. */
static void apply(struct network *network)
{
	uint64_t now = now_of(network);
	int r;

	if (!network->handed && now < vitals_wait_until(network->vitals))
		return; /* what the kernel has from before is better informed than we are */
	if (!network->ready && !take_ready(network))
		return;
	if (network->ready_at > now)
		return;
	if (TAKE(network->storing))
		recall_outrun(network->recall);
	r = worker_apply(network->context->worker, network->ready);
	if (r == -ENOBUFS || r == -ENOMEM) {
		network->ready_at = now + WORKER_BUSY_MS;
		return;
	}
	TAKE(network->ready);
	network->handed = true;
	network->stage = NETWORK_APPLYING;
}

/* Return: whether nothing of it is left, neither in the kernel thread nor on the way to disk. */
static bool close_namespace(struct network *network)
{
	if (network->stage != NETWORK_CLOSED && network->stage != NETWORK_CLOSING &&
	    worker_close(network->context->worker, network->net) == 0)
		network->stage = NETWORK_CLOSING;
	return network->stage == NETWORK_CLOSED && !recall_is_busy(network->recall);
}

static bool is_open(const struct network *network)
{
	return network->stage == NETWORK_OPEN || network->stage == NETWORK_APPLYING;
}

/* Which links are to be watched. */
static void attend(struct network *network)
{
	auto_free struct address *addresses = NULL;
	size_t n_addresses;

	if (vitals_residents(network->vitals, &addresses, &n_addresses) == 0 &&
	    worker_attend(network->context->worker, network->net, addresses, n_addresses) == 0)
		network->attend_due = false;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void on_timer(uv_timer_t *timer)
{
	step(timer->data);
}

/* What disk has is looked at before anybody is asked. */
static bool is_loading(const struct network *network)
{
	return network->load_wanted || network->loading;
}

/* The next moment at which time alone changes what step() does. */
static void wait_for_due(struct network *network)
{
	bool connected = bus_is_connected(network->context->bus);
	uint64_t now = now_of(network), due = UINT64_MAX;

	if (network->leaving && network->stage != NETWORK_CLOSING)
		due = now + WORKER_BUSY_MS;
	if (!network->leaving && network->attend_due && is_open(network))
		due = now + WORKER_BUSY_MS;
	if (!network->leaving && network->stage == NETWORK_CLOSED)
		due = earlier(due, network->open_at);
	if (!network->leaving && network->stage == NETWORK_OPEN && network->ready)
		due = earlier(due, network->ready_at);
	if (!network->leaving && is_held(network))
		due = earlier(due, network->hold_until);
	if (!network->leaving && network->stage == NETWORK_OPEN && !network->handed &&
	    now < vitals_wait_until(network->vitals))
		due = earlier(due, vitals_wait_until(network->vitals));
	if (!network->leaving && connected)
		due = earlier(due, network->report.due);
	if (!network->leaving && connected && !is_loading(network))
		due = earlier(due, reconcile_due(&network->reconcile));
	if (due == UINT64_MAX)
		(void)uv_timer_stop(&network->timer); /* never fails */
	else /* never 0: libuv would call it again before it looks at anything else */
		require(uv_timer_start(&network->timer, on_timer, due > now ? due - now : 1, 0) ==
			0);
}

static void serve(struct network *network)
{
	uint64_t now = now_of(network);

	if (network->load_wanted && !recall_is_busy(network->recall))
		load(network);
	if (network->recalled && !network->reconcile.recalled)
		forget_recalled(network);
	if (network->stage == NETWORK_CLOSED && network->open_at <= now)
		open_namespace(network);
	if (network->stage == NETWORK_OPEN && !is_held(network))
		apply(network);
	if (network->attend_due && is_open(network))
		attend(network);
	if (!bus_is_connected(network->context->bus))
		return;
	if (!is_loading(network) && reconcile_should_ask(&network->reconcile, now))
		ask(network);
	if (network->report.due <= now)
		publish_status(network);
}

/* Does what is due, and waits for what is due next. The network may be closed by it: do it last. */
static void step(struct network *network)
{
	bool left = false;

	if (network->leaving)
		left = close_namespace(network);
	else
		serve(network);
	wait_for_due(network);
	if (left)
		network->context->on_left(network->context->user, network);
}

static void on_vitals(void *user)
{
	struct network *network = user;
	struct vitals_counts counts = vitals_counts(network->vitals);
	char sentence[200];

	(void)snprintf(sentence, sizeof(sentence),
		       "%zu LoadBalancers have no healthy destination and send to all of them, as "
		       "whenAllUnhealthy asks: see to the %zu unhealthy destinations",
		       counts.n_open, counts.n_unhealthy);
	set_condition(network, REPORT_ALL_UNHEALTHY, counts.n_open > 0 ? sentence : NULL);
	step(network);
}

static void on_residents(void *user)
{
	struct network *network = user;

	network->attend_due = true;
}

static void on_vitals_event(void *user, const char *name, bool warning, const char *reason,
			    const char *sentence)
{
	const char *slash = strchr(name, '/');
	char object[NOTE_OBJECT_MAX];

	(void)snprintf(object, sizeof(object), "loadbalancer/%s", slash ? slash + 1 : name);
	network_note(user, warning, object, reason, sentence);
}

static void on_vitals_fault(void *user, const struct bus_message *message, const char *sentence)
{
	struct network *network = user;

	faults_note(&network->context->faults, FAULT_HEALTH, message, sentence);
}

static int start_vitals(struct network *network, struct error *err)
{
	struct network_context *context = network->context;
	const struct vitals_options options = {
		.bus = context->bus,
		.attempts = &context->attempts,
		.node = context->node,
		.net = network->net,
		.boot = context->boot,
		.on_changed = on_vitals,
		.on_residents = on_residents,
		.on_event = on_vitals_event,
		.on_fault = on_vitals_fault,
		.user = network,
	};

	return vitals_new(&options, &network->vitals, err);
}

static int start_top(struct network *network, struct error *err)
{
	struct network_context *context = network->context;
	const struct top_options options = {
		.bus = context->bus,
		.counting = context->counting,
		.node = context->node,
		.net = network->net,
		.counters = &context->top_counters,
	};

	return top_new(&options, &network->top, err);
}

static int network_init(struct network *network, const char *net, struct error *err)
{
	struct network_context *context = network->context;
	char subject[SUBJECT_MAX];
	int r;

	reconcile_init(&network->reconcile, ((uint64_t)arc4random() << 32) | arc4random(),
		       uv_now(context->loop));
	network->net = strdup(net);
	if (!network->net)
		return -ENOMEM;
	r = report_init(&network->report, context->node, net);
	if (r == 0)
		r = recall_new(context->loop, context->state_dir, net, &network->recall);
	network->load_wanted = true;
	if (r == 0)
		r = bus_subscribe(context->bus, subject_state(subject, net), NULL, on_delta,
				  network, &network->subscription, err);
	if (r == 0)
		r = start_top(network, err);
	return r < 0 ? r : start_vitals(network, err);
}

int network_new(struct network_context *context, const char *net, struct network **ret_network,
		struct error *err)
{
	struct network *network = calloc(1, sizeof(*network));
	int r;

	if (!network)
		return -ENOMEM;
	network->context = context;
	require(uv_timer_init(context->loop, &network->timer) == 0);
	network->timer.data = network;
	r = network_init(network, net, err);
	if (r < 0) {
		network_close(network);
		return r;
	}
	step(network);
	*ret_network = network;
	return 0;
}

static void leave_bus(struct network *network)
{
	bus_unsubscribe(TAKE(network->subscription));
	vitals_close(TAKE(network->vitals));
	top_free(TAKE(network->top));
	if (network->request)
		bus_cancel(TAKE(network->request));
}

static void on_closed(uv_handle_t *handle)
{
	struct network *network = handle->data;

	reconcile_deinit(&network->reconcile);
	report_deinit(&network->report);
	desired_free(network->ready);
	free(network->net);
	free(network);
}

void network_close(struct network *network)
{
	leave_bus(network);
	recall_close(TAKE(network->recall));
	uv_close((uv_handle_t *)&network->timer, on_closed);
}

void network_leave(struct network *network)
{
	network->leaving = true;
	leave_bus(network);
	step(network);
}

static bool has_condition(const struct status *status, const char *reason)
{
	for (size_t i = 0; i < status->n_conditions; i++) {
		if (text_equal(status->conditions[i].reason, reason))
			return true;
	}
	return false;
}

/* What holds now and did not before. */
static void note_conditions(struct network *network, const struct status *before,
			    const struct status *status)
{
	for (size_t i = 0; i < status->n_conditions; i++) {
		const struct status_condition *condition = &status->conditions[i];

		if (!has_condition(before, condition->reason))
			network_note(network, true, NULL, condition->reason, condition->sentence);
	}
}

/* The kernel thread says how it is; which state that is, we know. */
static void take_status(struct network *network, struct worker_report *report)
{
	struct status *status = TAKE(report->status);

	if (!status)
		return;
	status->epoch = network->applied_epoch;
	status->digest = network->applied_digest;
	note_conditions(network, network->report.status, status);
	if (report_set(&network->report, status, now_of(network)) < 0)
		log_warning("net=%s: its status is not published: no memory", network->net);
}

static void on_opened(struct network *network, const struct worker_report *report)
{
	log_info("net=%s: served from now on", network->net);
	network->stage = NETWORK_OPEN;
	network->hold_until = report->empty ? now_of(network) + ASK_FIRST_MS : 0;
	network->n_failures = 0;
	set_condition(network, REPORT_NAMESPACE_UNAVAILABLE, NULL);
	network->attend_due = true;
}

static void on_applied(struct network *network, struct worker_report *report)
{
	uint64_t arrived_at = TAKE(network->handed_at);

	if (arrived_at > 0)
		histogram_note(&network->context->programmed, now_of(network) - arrived_at);
	network->stage = NETWORK_OPEN;
	network->applied_epoch = network->ready_epoch;
	network->applied_digest = network->ready_digest;
	take_status(network, report);
}

/* What the namespace holds is unknown now: when it can be opened again, all is applied anew. */
static void on_failed(struct network *network, const struct worker_report *report)
{
	network->stage = NETWORK_CLOSED;
	network->open_at = now_of(network) + reopen_delay(network->n_failures++);
	if (network->handed) {
		desired_free(TAKE(network->ready));
		network->storing = false;
		reconcile_again(&network->reconcile, now_of(network));
		network->handed = false;
		network->load_wanted = true; /* no allocator may be there to ask */
	}
	set_condition(network, REPORT_NAMESPACE_UNAVAILABLE, report->sentence);
}

void network_on_report(struct network *network, struct worker_report *report)
{
	if (network->leaving) {
		if (report->outcome == WORKER_CLOSED ||
		    (report->outcome == WORKER_FAILED && network->stage != NETWORK_CLOSING))
			network->stage = NETWORK_CLOSED;
		step(network);
		return;
	}
	switch (report->outcome) {
	case WORKER_OPENED:
		on_opened(network, report);
		break;
	case WORKER_APPLIED:
		on_applied(network, report);
		break;
	case WORKER_CHANGED:
		take_status(network, report);
		break;
	case WORKER_FAILED:
		on_failed(network, report);
		break;
	case WORKER_LINKS:
		vitals_on_links(network->vitals, report->absent, report->n_absent);
		break;
	case WORKER_CLOSED:  /* only when leaving */
	case WORKER_COUNTED: /* of no Network */
		break;
	}
	step(network);
}

void network_on_roll(struct network *network)
{
	if (network->leaving)
		return;
	if (network->report.due != REPORT_NEVER) /* else there is nothing to say yet */
		report_soon(&network->report,
			    now_of(network) + arc4random_uniform(RECONCILE_JITTER_MS));
	vitals_on_roll(network->vitals);
	step(network);
}

void network_on_connected(struct network *network)
{
	if (network->leaving)
		return;
	reconcile_connected(&network->reconcile, now_of(network));
	vitals_on_connected(network->vitals);
	if (network->reconcile.recalled)
		network->context->on_unsure(network->context->user);
	network_on_roll(network);
}

void network_on_unreached(struct network *network)
{
	step(network);
}

void network_on_probe(struct network *network, const char *node, const char *reply)
{
	if (!network->leaving)
		vitals_probe(network->vitals, node, reply);
}

void network_on_sync(struct network *network, const struct sync *sync, const struct sync_net *net)
{
	if (network->leaving)
		return;
	network->n_stale += net->stale;
	if (net->stale)
		reconcile_stale(&network->reconcile, &sync->epoch, sync->revision, now_of(network));
	else
		reconcile_fresh(&network->reconcile, &sync->epoch, sync->revision, net->digest,
				now_of(network));
	step(network);
}
