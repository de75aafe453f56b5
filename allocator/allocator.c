/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/allocator.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "allocator/advice.h"
#include "allocator/api.h"
#include "allocator/events.h"
#include "allocator/healthtable.h"
#include "allocator/journal.h"
#include "allocator/metrics.h"
#include "allocator/micro.h"
#include "allocator/mirror.h"
#include "allocator/publish.h"
#include "allocator/sentinel.h"
#include "allocator/world.h"
#include "base/array.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/text.h"
#include "ipam/decide.h"
#include "messages/codec.h"

#define READY_MS        10000 /* who installs packages does not wait for a NATS that is yet to come */
#define TICK_MS         100
#define LAGGED_PAUSE_MS 60000
#define ROLL_PAUSE_MS   5000 /* the answers of all nodes must not be why the next roll is called */
#define EXPIRE_MS       500  /* how often silent nodes are looked for */
#define NEXT_MAX        32   /* decisions of ours in one turn */
#define NEXT_PERIOD_MS  1000 /* and they are looked for so often when nothing happens */
#define UNPUBLISHED_MS  10   /* changes wait so long at most for the pipeline to run empty */
#define EXIT_RESTART    75   /* EX_TEMPFAIL: systemd starts us anew */

struct allocator {
	struct world world;
	struct api *api;
	struct publisher *publisher;
	struct micro micro;
	struct metrics *metrics;
	struct sentinel *sentinel;
	struct bus_subscription *on_status, *on_alive;
	uv_timer_t tick;
	uv_idle_t work;
	uv_signal_t signals[2];
	bool stopping, loaded, ours;
	bool said_ready;
	uint64_t started_at_ms;
	unsigned replicas;
	bool advised; /* of what the server can and cannot */
	bool roll_wanted;
	uint64_t roll_at_ms;        /* not before */
	uint64_t lagged_at_ms;      /* that messages were lost is not told again before */
	bool next_wanted;           /* something happened that may make a decision possible */
	bool unpublished;           /* confirmed changes wait for the pipeline to run empty */
	uint64_t unpublished_at_ms; /* since when */
	uint64_t expired_at_ms, next_at_ms, watchdog_ms, watched_at_ms;
	uint64_t n_malformed;
	int exit_code;
};

static void on_work(uv_idle_t *idle);

/* To the service manager: when the store is loaded, or READY_MS after the start. */
static void say_ready(struct allocator *a)
{
	if (a->said_ready)
		return;
	a->said_ready = true;
	notify_send("READY=1");
}

static void wake(struct allocator *a)
{
	if (!a->stopping)
		(void)uv_idle_start(&a->work, on_work); /* fails without a callback only */
}

/* ---- the bus ---- */

/* What nodes said while we did not listen is lost: they are to say it anew. */
static void want_roll(struct allocator *a)
{
	struct roster_time time = world_time(&a->world);

	roster_listen(a->world.roster, &time);
	a->roll_wanted = true;
}

static void call_roll(struct allocator *a)
{
	if (!a->roll_wanted || uv_now(a->world.loop) < a->roll_at_ms)
		return;
	a->roll_wanted = false;
	a->roll_at_ms = uv_now(a->world.loop) + ROLL_PAUSE_MS;
	if (bus_publish(a->world.bus, SUBJECT_ROLL, NULL, NULL, 0, NULL, 0) < 0)
		log_debug("the roll was not called"); /* statuses come by themselves, later */
}

static void on_connected(struct allocator *a)
{
	log_info("nats=connected");
	want_roll(a);
	call_roll(a);
	store_on_connected(a->world.store);
	wake(a);
}

static void on_bus_event(void *user, enum bus_event event, const char *sentence)
{
	struct allocator *a = user;
	switch (event) {
	case BUS_CONNECTED:
		on_connected(a);
		return;
	case BUS_LAGGED: /* heartbeats and statuses may be among what was lost */
		want_roll(a);
		if (uv_now(a->world.loop) < a->lagged_at_ms)
			return; /* told already */
		a->lagged_at_ms = uv_now(a->world.loop) + LAGGED_PAUSE_MS;
		break;
	case BUS_UNREACHED: /* no news every second */
		return;
	case BUS_DISCONNECTED:
	case BUS_REFUSED:
		break;
	}
	log_warning("nats=%s error='%s'", bus_event_name(event), sentence ? sentence : "");
}

/* A peer that speaks another language: told once, counted ever after. */
static void count_malformed(struct allocator *a, const struct bus_message *message,
			    const char *sentence)
{
	if (a->n_malformed++ == 0)
		log_warning("subject=%s error='%s' hint='further ones are only counted'",
			    message->subject, sentence);
}

/* The server guards subjects, not bodies: a node speaks for itself only. */
static bool is_from(const struct bus_message *message, const char *node, const char *net)
{
	struct subject subject;

	return subject_parse(message->subject, &subject) == 0 && strcmp(subject.node, node) == 0 &&
	       strcmp(subject.net, net) == 0;
}

static void take_status(struct allocator *a, const struct bus_message *message,
			struct status *status)
{
	struct roster_time time = world_time(&a->world);

	latency_programmed(publisher_latency(a->publisher), status->net,
			   roster_said(a->world.roster, status->node, status->net, &status->epoch),
			   status->revision, time.now_ms);
	if (roster_on_status(a->world.roster, status, &time) < 0)
		count_malformed(a, message, "too many nodes, or out of memory");
}

static void on_status(void *user, const struct bus_message *message)
{
	struct allocator *a = user;
	auto_call(status_freep) struct status *status = NULL;
	struct error err;

	if (status_unpack(message->data, message->len, &status, &err) < 0)
		count_malformed(a, message, err.text);
	else if (!is_from(message, status->node, status->net))
		count_malformed(a, message, "it is about another node or Network");
	else
		take_status(a, message, TAKE(status));
}

static void on_alive(void *user, const struct bus_message *message)
{
	struct allocator *a = user;
	struct roster_time time = world_time(&a->world);
	auto_call(alive_freep) struct alive *alive = NULL;
	struct error err;

	if (alive_unpack(message->data, message->len, &alive, &err) < 0)
		count_malformed(a, message, err.text);
	else if (!is_from(message, alive->node, ""))
		count_malformed(a, message, "it is about another node");
	else if (roster_on_alive(a->world.roster, alive, &time) < 0)
		count_malformed(a, message, "too many nodes, or out of memory");
}

/* ---- the nodes ---- */

static void on_roster_changed(void *user, const char *token, uint64_t since)
{
	struct allocator *a = user;

	mirror_touch_network(a->world.mirror, token, since);
	a->next_wanted = true;
	wake(a);
}

static bool touch_served(void *user, const struct object *lb)
{
	struct allocator *a = user;
	char key[OBJECT_KEY_MAX];

	mirror_touch(a->world.mirror, object_key(lb, key));
	return true;
}

static void on_health_changed(void *user, const char *token, const struct address *address)
{
	struct allocator *a = user;
	char name_space[64], name[254];

	if (!address)
		mirror_touch_network(a->world.mirror, token, 0);
	else if (subject_net_names(token, name_space, name) == 0)
		catalog_list_served(a->world.catalog, name_space, name, address, touch_served, a);
	wake(a);
}

static void on_health_fault(void *user, const struct bus_message *message, const char *sentence)
{
	count_malformed(user, message, sentence);
}

/* ---- the store ---- */

static void on_replaced(void *user, const char *sentence)
{
	struct allocator *a = user;

	log_err("store=lost error='%s' hint='starting anew'", sentence);
	a->exit_code = EXIT_RESTART;
	a->stopping = true; /* nothing is decided any more; the tick ends us outside this call */
}

static bool touch_status(void *user, const struct object *object)
{
	struct allocator *a = user;
	char key[OBJECT_KEY_MAX];

	mirror_touch(a->world.mirror, object_key(object, key));
	return true;
}

static void on_loaded(void *user)
{
	struct allocator *a = user;
	struct pipeline *pipeline = store_pipeline(a->world.store);
	size_t n = 0;

	world_touch(&a->world, 0);
	if (publisher_load(a->publisher, store_epoch(a->world.store), pipeline_sequence(pipeline)) <
	    0) {
		on_replaced(a, "out of memory while loading");
		return;
	}
	for (unsigned kind = 0; kind < KIND_N_KINDS; kind++) {
		n += catalog_count(a->world.catalog, (enum kind)kind);
		catalog_list(a->world.catalog, (enum kind)kind, NULL, NULL, NULL, touch_status, a);
	}
	a->loaded = true;
	a->next_wanted = true;
	log_info("store=ready sequence=%" PRIu64 " objects=%zu unreadable=%" PRIu64
		 " conflicts=%zu",
		 pipeline_sequence(pipeline), n, store_n_unreadable(a->world.store),
		 catalog_n_conflicts(a->world.catalog));
	notify_send("STATUS=Serving %zu objects", n);
	say_ready(a);
	wake(a);
}

static void on_recorded(void *user, uint64_t sequence, bool ours, const struct object *old,
			const struct object *new)
{
	struct allocator *a = user;

	if (!ours)
		world_touch(&a->world, sequence);
	if (old)
		mirror_touch_object(a->world.mirror, old);
	if (new)
		mirror_touch_object(a->world.mirror, new);
	events_record(a->world.events, sequence, ours, old, new);
	if (ours)
		journal_record(a->world.journal, old, new);
	a->ours = a->ours || ours;
	if (!a->unpublished)
		a->unpublished_at_ms = uv_now(a->world.loop);
	a->unpublished = true;
	wake(a);
}

static void on_undone(void *user)
{
	struct allocator *a = user;

	world_touch(&a->world, 0);
	networks_undone(a->world.networks, pipeline_sequence(store_pipeline(a->world.store)));
	a->next_wanted = true;
	wake(a);
}

static void wake_up(void *user)
{
	wake(user);
}

static void on_turned(void *user, enum store_state state, const char *sentence)
{
	struct allocator *a = user;

	switch (state) {
	case STORE_STARTING:
		log_warning("store=waiting error='%s'", sentence);
		notify_send("STATUS=Waiting for the store: %s", sentence);
		break;
	case STORE_LOADING:
		log_info("store=loading");
		notify_send("STATUS=Loading the store");
		break;
	case STORE_READY:
		if (a->loaded) {
			log_info("store=ready");
			notify_send("STATUS=Serving");
		}
		break;
	case STORE_FAILING:
		log_err("store=failing error='%s' hint='reads go on, changes are refused'",
			sentence);
		notify_send("STATUS=The store does not take writes: %s", sentence);
		break;
	}
	wake(a);
}

/* ---- work ---- */

static uint64_t confirmed(void *user, const char *name_space, const char *network)
{
	const struct allocator *a = user;
	struct roster_time time = world_time(&a->world);
	char token[SUBJECT_TOKEN_MAX + 1];
	struct roster_truth truth;

	if (subject_net_token(name_space, network, token) < 0)
		return UINT64_MAX; /* no node can host it */
	truth = world_truth(&a->world, token);
	return roster_confirmed(a->world.roster, &truth, &time);
}

static void on_next_committed(void *user, enum commit_outcome outcome, size_t n_stored)
{
	struct allocator *a = user;

	(void)n_stored;
	(void)outcome; /* decided again in any case, on what is then there */
	a->next_wanted = true;
	wake(a);
}

static int commit_verdict(struct allocator *a, struct verdict *verdict)
{
	struct pipeline *pipeline = store_pipeline(a->world.store);
	uint64_t sequence = pipeline_next_sequence(pipeline);
	char key[OBJECT_KEY_MAX];
	struct batch batch = {};
	int r;

	if (verdict->outcome == VERDICT_DELETED)
		r = batch_remove(&batch, a->world.catalog, object_key(verdict->object, key));
	else
		r = batch_put(&batch, a->world.catalog, TAKE(verdict->object), sequence);
	world_touch(&a->world, sequence);
	if (r == 0)
		r = pipeline_commit(pipeline, &batch, on_next_committed, a);
	batch_deinit(&batch);
	return r;
}

/* What has become possible by itself. Return: true when there may be more. */
static bool decide_more(struct allocator *a)
{
	for (unsigned n = 0; n < NEXT_MAX; n++) {
		struct moment moment = {.now_ms = world_unix_ms()};
		struct verdict verdict = {};
		int r;

		uuid_random(&moment.fresh_uid);
		r = decide_next(a->world.catalog, confirmed, a, &moment, &verdict);
		if (r == 1 && commit_verdict(a, &verdict) < 0)
			r = -ENOMEM;
		verdict_deinit(&verdict);
		if (r < 1)
			return false; /* nothing, or no memory: looked for again soon */
	}
	return true;
}

/* Nothing is under way: what is in the catalog is stored, and may be told. */
static void settle(struct allocator *a)
{
	uint64_t sequence = pipeline_sequence(store_pipeline(a->world.store));

	if (networks_is_touched(a->world.networks) ||
	    networks_settled_at(a->world.networks) != sequence || a->unpublished)
		publisher_settle(a->publisher, store_epoch(a->world.store), sequence, a->ours);
	a->unpublished = a->ours = false;
}

static bool must_drain(const struct allocator *a)
{
	return a->unpublished && uv_now(a->world.loop) - a->unpublished_at_ms >= UNPUBLISHED_MS;
}

static bool is_settled(const struct allocator *a)
{
	return pipeline_is_settled(store_pipeline(a->world.store));
}

static bool work_settled(struct allocator *a)
{
	bool more = false;

	settle(a);
	events_work(a->world.events);
	more = mirror_work(a->world.mirror);
	if (a->next_wanted && store_state(a->world.store) == STORE_READY &&
	    pipeline_has_room(store_pipeline(a->world.store))) {
		a->next_wanted = decide_more(a);
		a->next_at_ms = uv_now(a->world.loop) + NEXT_PERIOD_MS;
	}
	return more;
}

/* A turn of work. The idle handle keeps the loop from sleeping while there is more. */
static void on_work(uv_idle_t *idle)
{
	struct allocator *a = idle->data;
	bool more = false;

	if (!a->loaded || a->stopping) {
		(void)uv_idle_stop(idle);
		return;
	}
	if (is_settled(a))
		more = work_settled(a);
	if (!must_drain(a))
		more = api_work(a->api) || more;
	if (is_settled(a) && a->unpublished)
		more = true;
	if (!is_settled(a))
		publisher_unsettle(a->publisher);
	if (!more)
		(void)uv_idle_stop(idle);
}

static void allocator_stop(struct allocator *a);

/* ---- time ---- */

static void expire_nodes(struct allocator *a)
{
	struct roster_time time = world_time(&a->world);

	roster_tick(a->world.roster, &time, bus_is_connected(a->world.bus));
	sentinel_tick(a->sentinel, &time);
	if (time.now_ms - a->expired_at_ms < EXPIRE_MS)
		return;
	a->expired_at_ms = time.now_ms;
	roster_expire(a->world.roster, &time);
}

/* Once, as soon as the version is known. */
static void advise(struct allocator *a)
{
	const char *version = bus_server_version(a->world.bus);

	if (a->advised || !*version)
		return;
	a->advised = true;
	log_info("nats-server=%s hint='%s'", version, advice_for(version, a->replicas));
}

static void on_tick(uv_timer_t *timer)
{
	struct allocator *a = timer->data;
	uint64_t now_ms = uv_now(a->world.loop);

	if (a->stopping) {
		allocator_stop(a);
		return;
	}
	expire_nodes(a);
	call_roll(a);
	advise(a);
	if (now_ms - a->started_at_ms >= READY_MS)
		say_ready(a);
	store_tick(a->world.store);
	api_tick(a->api);
	publisher_tick(a->publisher);
	mirror_tick(a->world.mirror);
	journal_tick(a->world.journal);
	if (now_ms >= a->next_at_ms)
		a->next_wanted = true;
	if (a->watchdog_ms && now_ms - a->watched_at_ms >= a->watchdog_ms / 2) {
		notify_send("WATCHDOG=1");
		a->watched_at_ms = now_ms;
	}
	wake(a);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct allocator *a = handle->data;

	log_info("signal=%s", number == SIGTERM ? "TERM" : "INT");
	allocator_stop(a);
}

/* ---- beginning and end ---- */

static int start_handles(struct allocator *a, uv_loop_t *loop)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	int r = uv_timer_init(loop, &a->tick);

	a->tick.data = a->work.data = a;
	if (r == 0)
		r = uv_idle_init(loop, &a->work);
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && r == 0; i++) {
		a->signals[i].data = a;
		r = uv_signal_init(loop, &a->signals[i]);
		if (r == 0)
			r = uv_signal_start(&a->signals[i], on_signal, numbers[i]);
	}
	if (r == 0)
		r = uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
	return r;
}

static int start_parts(struct allocator *a, const struct allocator_options *options,
		       struct error *err)
{
	static const struct store_handlers handlers = {
		.loaded = on_loaded,
		.recorded = on_recorded,
		.undone = on_undone,
		.settled = wake_up,
		.turned = on_turned,
		.replaced = on_replaced,
	};
	struct world *world = &a->world;

	if (catalog_new(&world->catalog) < 0 ||
	    networks_new(world->catalog, &world->networks) < 0 ||
	    roster_new(on_roster_changed, a, &world->roster) < 0 ||
	    healthtable_new(on_health_changed, a, &world->healthtable) < 0 ||
	    mirror_new(world, options->replicas, &world->mirror) < 0 ||
	    store_new(world->loop, world->bus, world->catalog, options->replicas, &handlers, a,
		      &world->store) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int subscribe(struct allocator *a, struct error *err)
{
	char subject[SUBJECT_MAX];
	struct bus *bus = a->world.bus;
	int r;

	r = bus_subscribe(bus, subject_status(subject, "*", "*"), NULL, on_status, a, &a->on_status,
			  err);
	if (r == 0)
		r = bus_subscribe(bus, subject_alive(subject, "*"), NULL, on_alive, a, &a->on_alive,
				  err);
	if (r == 0)
		r = events_new(&a->world, &a->world.events, err);
	if (r == 0)
		r = journal_new(&a->world, a->replicas, &a->world.journal, err);
	if (r == 0)
		r = publisher_new(a->world.loop, bus, a->world.networks, a->world.healthtable,
				  &a->publisher, err);
	if (r == 0)
		r = sentinel_new(&a->world, on_health_fault, a, &a->sentinel, err);
	if (r == 0)
		r = api_new(&a->world, wake_up, a, &a->api, err);
	if (r == 0)
		r = micro_init(&a->micro, &a->world, a->api, a->publisher, err);
	return r;
}

/* Load balancers do not depend on somebody watching it. */
static void start_metrics(struct allocator *a, const struct scrape_place *place)
{
	const struct metrics_options options = {
		.place = *place,
		.world = &a->world,
		.api = a->api,
		.publisher = a->publisher,
		.n_malformed = &a->n_malformed,
	};
	struct error err = {};

	if (place->address.family != FAMILY_NONE && metrics_new(&options, &a->metrics, &err) < 0)
		log_err("error='%s'", err.text);
}

static void make_id(char id[static 9])
{
	char text[UUID_TEXT_MAX];
	struct uuid uuid;

	uuid_random(&uuid);
	(void)snprintf(id, 9, "%.8s", uuid_format(&uuid, text));
	srandom(uuid.bytes[0] | (unsigned)uuid.bytes[1] << 8 | (unsigned)uuid.bytes[2] << 16);
}

int allocator_new(uv_loop_t *loop, const struct allocator_options *options,
		  struct allocator **ret_allocator, struct error *err)
{
	struct allocator *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return error_set(err, -ENOMEM, "out of memory");
	a->world.loop = loop;
	a->started_at_ms = uv_now(loop);
	a->watchdog_ms = notify_watchdog_ms();
	make_id(a->world.id);
	a->replicas = options->replicas;
	r = start_handles(a, loop);
	if (r < 0)
		r = error_set(err, r, "libuv: %s", uv_strerror(r));
	if (r == 0)
		r = bus_new(loop, &options->bus, on_bus_event, a, &a->world.bus, err);
	if (r == 0)
		r = start_parts(a, options, err);
	if (r == 0)
		r = subscribe(a, err);
	if (r == 0)
		start_metrics(a, &options->metrics);
	if (r < 0) {
		allocator_stop(a);
		(void)uv_run(loop, UV_RUN_DEFAULT); /* closes what was begun */
		allocator_free(a);
		return r;
	}
	log_info("version=" ILB_VERSION " id=%s", a->world.id);
	*ret_allocator = a;
	return 0;
}

static void close_handle(uv_handle_t *handle)
{
	if (handle->loop && !uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void free_parts(struct allocator *a)
{
	metrics_free(TAKE(a->metrics));
	micro_deinit(&a->micro);
	store_free(TAKE(a->world.store));
	api_free(TAKE(a->api));
	publisher_free(TAKE(a->publisher));
	bus_unsubscribe(TAKE(a->on_status));
	bus_unsubscribe(TAKE(a->on_alive));
	sentinel_free(TAKE(a->sentinel));
	events_free(TAKE(a->world.events));
	journal_free(TAKE(a->world.journal));
	mirror_free(TAKE(a->world.mirror));
	roster_free(TAKE(a->world.roster));
	healthtable_free(TAKE(a->world.healthtable));
	networks_free(TAKE(a->world.networks));
	catalog_free(TAKE(a->world.catalog));
}

static void allocator_stop(struct allocator *a)
{
	a->stopping = true;
	notify_send("STOPPING=1");
	close_handle((uv_handle_t *)&a->tick);
	close_handle((uv_handle_t *)&a->work);
	for (size_t i = 0; i < ARRAY_SIZE(a->signals); i++)
		close_handle((uv_handle_t *)&a->signals[i]);
	free_parts(a);
	if (a->world.bus)
		bus_close(TAKE(a->world.bus));
}

void allocator_free(struct allocator *a)
{
	free(a);
}

int allocator_exit_code(const struct allocator *a)
{
	return a->exit_code;
}
