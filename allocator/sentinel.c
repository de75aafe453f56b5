/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/sentinel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocator/healthtable.h"
#include "allocator/journal.h"
#include "allocator/liveness.h"
#include "allocator/mirror.h"
#include "base/log.h"
#include "messages/codec.h"
#include "messages/subjects.h"

#define EXPIRE_MS 60000
#define TOUCH_MS  10000 /* how many are silent is shown by every LoadBalancer, so old at most */

struct sentinel {
	struct world *world;
	struct bus_subscription *on_health;
	sentinel_fault_fn *on_fault;
	void *user;
	bool was_sure;
	size_t n_ill; /* as it was told last */
	uint64_t expired_at_ms, touched_at_ms;
};

/* ---- what nodes say ---- */

/* Another allocator has found it out. */
static int recall(const struct sentinel *sentinel, const struct health *health)
{
	const struct roster_time time = {.now_ms = uv_now(sentinel->world->loop),
					 .unix_ms = world_unix_ms()};

	return liveness_recall(sentinel->world->roster, health->net, health->node, &time);
}

static int check(const struct sentinel *sentinel, const struct bus_message *message,
		 const struct health *health, struct error *err)
{
	struct subject subject;

	/* The server guards subjects, not bodies: a node speaks for itself only. */
	if (subject_parse(message->subject, &subject) < 0 ||
	    strcmp(subject.node, health->node) != 0 || strcmp(subject.net, health->net) != 0)
		return error_set(err, -EBADMSG, "it is about another node or Network");
	if (health->dead && recall(sentinel, health) < 0)
		return error_set(err, -E2BIG, "too many dead nodes, or out of memory");
	/* Nor is anything kept of Networks that it does not host. */
	if (!roster_hosts(sentinel->world->roster, health->node, health->net))
		return -ENOENT;
	return 0;
}

static void on_health(void *user, const struct bus_message *message)
{
	struct sentinel *sentinel = user;
	auto_call(health_freep) struct health *health = NULL;
	struct error err = {};
	int r = health_unpack(message->data, message->len, &health, &err);

	if (r == 0)
		r = check(sentinel, message, health, &err);
	if (r == 0 && healthtable_take(sentinel->world->healthtable, health,
				       uv_now(sentinel->world->loop)) < 0)
		r = error_set(&err, -E2BIG, "too many destinations, or out of memory");
	if (r < 0 && r != -ENOENT)
		sentinel->on_fault(sentinel->user, message, err.text);
}

/* ---- silent nodes ---- */

static bool on_probe_answer(void *user, int outcome, const struct bus_message *message)
{
	struct sentinel *sentinel = user;
	auto_call(probe_freep) struct probe *probe = NULL;
	struct error err;

	(void)outcome; /* without an answer nothing is known: time goes on */
	if (!message)
		return false;
	if (probe_unpack(message->data, message->len, &probe, &err) < 0)
		sentinel->on_fault(sentinel->user, message, err.text);
	else
		liveness_answer(sentinel->world->roster, probe->net, probe->node, probe->n_asked,
				probe->n_answered);
	return false;
}

static void ask_prober(void *user, const char *prober, const char *net, const char *node)
{
	struct sentinel *sentinel = user;
	const struct probe probe = {.net = (char *)net, .node = (char *)node};
	auto_free void *bytes = NULL;
	char subject[SUBJECT_MAX];
	size_t len;

	if (probe_pack(&probe, &bytes, &len) < 0 ||
	    bus_ask(sentinel->world->bus, subject_probe(subject, prober), NULL, 0, bytes, len,
		    LIVENESS_ANSWER_MS, on_probe_answer, sentinel, NULL) < 0)
		log_debug("node=%s: not asked about node=%s: no memory", prober, node);
}

static void say_of_node(struct world *world, const char *net, const char *node, bool dead)
{
	const struct health health = {.node = (char *)node, .net = (char *)net, .dead = dead};
	auto_free void *bytes = NULL;
	char subject[SUBJECT_MAX];
	size_t len;

	if (healthtable_take(world->healthtable, &health, uv_now(world->loop)) < 0)
		log_debug("node=%s net=%s: not shown as it is: no memory", node, net);
	if (health_pack(&health, &bytes, &len) < 0 ||
	    bus_publish(world->bus, subject_health(subject, net, node), NULL, NULL, 0, bytes, len) <
		    0)
		log_debug("node=%s net=%s: said later that it is %s", node, net,
			  dead ? "dead" : "alive");
}

/* Each replica finds it out; what is said within a minute is kept once. */
static void tell_of_node(struct world *world, const char *net, const char *node, bool dead)
{
	int64_t now_ms = world_unix_ms();
	char name_space[64], network[254], id[SUBJECT_MAX];
	const struct journal_entry entry = {
		.name_space = name_space,
		.kind = kind_token(KIND_NETWORK),
		.name = network,
		.node = node,
		.warning = dead,
		.reason = dead ? "NodeDead" : "NodeBack",
		.message = dead ? "it is silent, and none of its destinations answers other nodes: "
				  "they are taken out"
				: "it or one of its destinations answers: they are back",
		.at_ms = now_ms,
		.id = id,
	};

	if (subject_net_names(net, name_space, network) < 0)
		return;
	(void)snprintf(id, sizeof(id), "%s %s %d %lld", net, node, dead,
		       (long long)(now_ms / 60000));
	journal_tell(world->journal, &entry);
}

static void bury_node(void *user, const char *net, const char *node, bool first)
{
	const struct sentinel *sentinel = user;

	if (first)
		tell_of_node(sentinel->world, net, node, true);
	if (first)
		log_warning("node=%s net=%s: silent, and none of its destinations answers the "
			    "other nodes: they are taken out",
			    node, net);
	say_of_node(sentinel->world, net, node, true);
}

static void revive_node(void *user, const char *net, const char *node)
{
	const struct sentinel *sentinel = user;

	tell_of_node(sentinel->world, net, node, false);
	log_info("node=%s net=%s: it or one of its destinations answers: they are back", node, net);
	say_of_node(sentinel->world, net, node, false);
}

/* ---- status ---- */

static bool touch(void *user, const struct object *lb)
{
	const struct sentinel *sentinel = user;
	char key[OBJECT_KEY_MAX];

	mirror_touch(sentinel->world->mirror, object_key(lb, key));
	return true;
}

static bool touch_checked(void *user, const struct object *lb)
{
	return lb->lb.check.interval_s ? touch(user, lb) : true;
}

static void touch_lbs(struct sentinel *sentinel, catalog_visit_fn *visit)
{
	catalog_list(sentinel->world->catalog, KIND_LOAD_BALANCER, NULL, NULL, NULL, visit,
		     sentinel);
}

static void find_the_dead(struct sentinel *sentinel, const struct roster_time *time)
{
	const struct liveness_actions actions = {
		.ask = ask_prober, .bury = bury_node, .revive = revive_node, .user = sentinel};
	size_t n_ill;

	liveness_step(sentinel->world->roster, time, &actions);
	n_ill = liveness_illness(sentinel->world->roster).n_silent;
	if (!sentinel->n_ill && n_ill)
		log_warning("nodes=silent hint='most of them at once: it is the control plane that "
			    "is ill, so no destination is taken out'");
	if (sentinel->n_ill == n_ill ||
	    (sentinel->n_ill && n_ill && time->now_ms - sentinel->touched_at_ms < TOUCH_MS))
		return;
	touch_lbs(sentinel, touch);
	sentinel->n_ill = n_ill;
	sentinel->touched_at_ms = time->now_ms;
}

void sentinel_tick(struct sentinel *sentinel, const struct roster_time *time)
{
	bool sure = roster_is_sure(sentinel->world->roster, time);

	find_the_dead(sentinel, time);
	if (sure && !sentinel->was_sure) /* who was waited for may not have come */
		touch_lbs(sentinel, touch_checked);
	sentinel->was_sure = sure;
	if (time->now_ms - sentinel->expired_at_ms < EXPIRE_MS)
		return;
	sentinel->expired_at_ms = time->now_ms;
	healthtable_expire(sentinel->world->healthtable, time->now_ms);
}

int sentinel_new(struct world *world, sentinel_fault_fn *on_fault, void *user,
		 struct sentinel **ret_sentinel, struct error *err)
{
	struct sentinel *sentinel = calloc(1, sizeof(*sentinel));
	char subject[SUBJECT_MAX];
	int r;

	if (!sentinel)
		return error_set(err, -ENOMEM, "out of memory");
	sentinel->world = world;
	sentinel->on_fault = on_fault;
	sentinel->user = user;
	r = bus_subscribe(world->bus, subject_health(subject, "*", "*"), NULL, on_health, sentinel,
			  &sentinel->on_health, err);
	if (r < 0) {
		free(sentinel);
		return r;
	}
	*ret_sentinel = sentinel;
	return 0;
}

void sentinel_free(struct sentinel *sentinel)
{
	if (!sentinel)
		return;
	bus_unsubscribe(sentinel->on_health);
	free(sentinel);
}
