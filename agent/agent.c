/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/counting.h"
#include "agent/metrics.h"
#include "agent/micro.h"
#include "agent/namespaces.h"
#include "agent/network.h"
#include "agent/sockets.h"
#include "base/array.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/require.h"
#include "messages/codec.h"
#include "messages/subjects.h"

enum {
	ALIVE_MS = 1000,
	SYNC_MS = 30000,      /* at 50 to 150 % of that */
	SYNC_RETRY_MS = 4000, /* the same, when nobody answered */
	SYNC_TIMEOUT_MS = 2000,
	LAGGED_PAUSE_MS = 60000,
	REPORTS_PER_TURN = 256, /* then the loop sees to its other work first */
};

struct agent {
	struct network_context context;
	struct namespaces *namespaces;
	struct network *networks; /* by net */
	struct metrics *metrics;
	struct micro micro;
	struct uuid boot;
	char inbox_prefix[SUBJECT_TOKEN_MAX + 32];
	struct bus_subscription *roll, *probe;
	uv_async_t reports; /* the kernel thread has something to say */
	uv_timer_t alive, sync;
	unsigned n_handles;
	bool closing;
	bool refused;          /* the server's refusal was logged */
	uint64_t lagged_at_ms; /* that messages were lost is not told again before */
};

static struct network *find(const struct agent *agent, const char *net)
{
	struct network *network;

	HASH_FIND_STR(agent->networks, net, network);
	return network;
}

static uint64_t spread(uint32_t ms)
{
	return ms / 2 + arc4random_uniform(ms);
}

/* For `systemctl status`. */
static void tell_manager(const struct agent *agent)
{
	notify_send("STATUS=%u Networks; NATS: %s", HASH_COUNT(agent->networks),
		    bus_is_connected(agent->context.bus) ? "connected" : "not reached");
}

static void add_network(struct agent *agent, const char *net)
{
	struct network *network;
	struct error err = {};

	/* One that no heartbeat names would forward what allocators believe to be gone. */
	if (HASH_COUNT(agent->networks) >= ALIVE_NETWORKS_MAX) {
		log_err("net=%s: not served: a node hosts at most %u Networks; when it hosts fewer, "
			"restart ilb-agent",
			net, ALIVE_NETWORKS_MAX);
		return;
	}
	if (network_new(&agent->context, net, &network, &err) < 0) {
		log_err("net=%s: not served: %s", net, err.text[0] ? err.text : "no memory");
		return;
	}
	HASH_ADD_KEYPTR(hh, agent->networks, network->net, strlen(network->net), network);
	log_info("net=%s: its namespace has appeared", net);
	tell_manager(agent);
}

/* What a namespace that went has left behind is gone. */
static void on_left(void *user, struct network *network)
{
	struct agent *agent = user;
	auto_free char *returns = network->returns ? strdup(network->net) : NULL;

	require(agent->networks);
	HASH_DELETE(hh, agent->networks, network);
	network_close(network);
	tell_manager(agent);
	if (returns)
		add_network(agent, returns);
}

static void on_namespace(void *user, const char *net, enum namespace_event event)
{
	struct agent *agent = user;
	struct network *network = find(agent, net);

	if (event == NAMESPACE_APPEARED) {
		if (network)
			network->returns = true; /* the one before it is being left */
		else
			add_network(agent, net);
		return;
	}
	if (!network)
		return;
	network->returns = false;
	if (network->leaving)
		return;
	log_info("net=%s: its namespace is gone", net);
	network_leave(network);
}

static void wake(void *user)
{
	struct agent *agent = user;

	(void)uv_async_send(&agent->reports); /* fails for a closing handle only */
}

static void take_report(struct agent *agent, struct worker_report *report)
{
	struct network *network;

	if (report->outcome == WORKER_COUNTED) {
		counting_on_report(agent->context.counting, report->count);
		return;
	}
	network = find(agent, report->net);
	if (network)
		network_on_report(network, report);
}

static void on_reports(uv_async_t *async)
{
	struct agent *agent = async->data;
	struct worker_report *report;

	if (agent->closing)
		return;
	for (unsigned i = 0; i < REPORTS_PER_TURN; i++) {
		report = worker_take_report(agent->context.worker);
		if (!report)
			return;
		take_report(agent, report);
		worker_report_free(report);
	}
	wake(agent);
}

static void on_alive(uv_timer_t *timer)
{
	struct agent *agent = timer->data;
	struct alive alive = {
		.node = (char *)agent->context.node,
		.boot = agent->boot,
		.version = (char *)ILB_VERSION,
	};
	auto_free char **nets = calloc(ALIVE_NETWORKS_MAX, sizeof(*nets));
	auto_free void *bytes = NULL;
	char subject[SUBJECT_MAX];
	size_t len;

	for (struct network *network = agent->networks; nets && network;
	     network = network->hh.next) {
		if (!network->leaving && alive.n_nets < ALIVE_NETWORKS_MAX)
			nets[alive.n_nets++] = network->net;
	}
	alive.nets = nets;
	if (!nets || alive_pack(&alive, &bytes, &len) < 0 ||
	    bus_publish(agent->context.bus, subject_alive(subject, agent->context.node), NULL, NULL,
			0, bytes, len) < 0)
		return; /* the next one follows */
}

static void sync_in(struct agent *agent, uint64_t ms);

static void on_unsure(void *user)
{
	struct agent *agent = user;

	if (uv_timer_get_due_in(&agent->sync) > RECONCILE_HOLD_MS)
		sync_in(agent, RECONCILE_HOLD_MS); /* for all Networks that start together */
}

/* An answer for one of ours. */
static void take_sync(struct agent *agent, const struct sync *sync)
{
	for (size_t i = 0; i < sync->n_nets; i++) {
		struct network *network = find(agent, sync->nets[i].net);

		if (network)
			network_on_sync(network, sync, &sync->nets[i]);
	}
}

static bool on_sync_answer(void *user, int outcome, const struct bus_message *message)
{
	struct agent *agent = user;
	auto_call(sync_freep) struct sync *sync = NULL;
	struct error err = {};

	(void)outcome;
	if (!message || bus_message_header(message, "Nats-Service-Error-Code")) {
		if (uv_timer_get_due_in(&agent->sync) > 2ULL * SYNC_RETRY_MS)
			sync_in(agent, spread(SYNC_RETRY_MS));
		return false;
	}
	if (sync_unpack(message->data, message->len, &sync, &err) < 0)
		faults_note(&agent->context.faults, FAULT_SYNC, message, err.text);
	else
		take_sync(agent, sync);
	return false;
}

static void ask_sync(struct agent *agent, const struct sync *sync)
{
	auto_free void *bytes = NULL;
	char subject[SUBJECT_MAX];
	size_t len;

	if (sync_pack(sync, &bytes, &len) < 0 ||
	    bus_ask(agent->context.bus, subject_sync(subject, agent->context.node), NULL, 0, bytes,
		    len, SYNC_TIMEOUT_MS, on_sync_answer, agent, NULL) < 0)
		sync_in(agent, spread(SYNC_RETRY_MS)); /* no memory */
}

/*
 * Asks about every Network that we believe to have whole: a question for each epoch that we have
 * seen, which is one but right after the store was replaced.
 */
static void on_sync(uv_timer_t *timer)
{
	struct agent *agent = timer->data;
	auto_free struct sync_net *nets = calloc(SYNC_NETWORKS_MAX, sizeof(*nets));
	struct sync sync = {.node = (char *)agent->context.node, .nets = nets};

	sync_in(agent, spread(SYNC_MS));
	if (!nets || !bus_is_connected(agent->context.bus))
		return;
	for (struct network *network = agent->networks; network; network = network->hh.next) {
		const struct reconcile *reconcile = &network->reconcile;

		if (network->leaving || !reconcile->complete)
			continue;
		if (sync.n_nets > 0 && (sync.n_nets == SYNC_NETWORKS_MAX ||
					uuid_compare(&sync.epoch, &reconcile->epoch) != 0)) {
			ask_sync(agent, &sync);
			sync.n_nets = 0;
		}
		sync.epoch = reconcile->epoch;
		nets[sync.n_nets++] = (struct sync_net){
			.net = network->net,
			.revision = reconcile->asof,
			.digest = reconcile->digests.sum,
		};
	}
	if (sync.n_nets > 0)
		ask_sync(agent, &sync);
}

static void sync_in(struct agent *agent, uint64_t ms)
{
	require(uv_timer_start(&agent->sync, on_sync, ms, 0) == 0);
}

/* An allocator cannot know what was said while it did not listen. */
static void on_roll(void *user, const struct bus_message *message)
{
	struct agent *agent = user;

	(void)message;
	on_alive(&agent->alive);
	for (struct network *network = agent->networks; network; network = network->hh.next)
		network_on_roll(network);
}

static void on_probe(void *user, const struct bus_message *message)
{
	struct agent *agent = user;
	auto_call(probe_freep) struct probe *probe = NULL;
	struct network *network;
	struct error err = {};

	if (!message->reply)
		return;
	if (probe_unpack(message->data, message->len, &probe, &err) < 0) {
		faults_note(&agent->context.faults, FAULT_HEALTH, message, err.text);
		return;
	}
	network = find(agent, probe->net);
	if (network)
		network_on_probe(network, probe->node, message->reply);
}

static void on_connected(struct agent *agent)
{
	struct network *network, *next;

	log_info("NATS: connected");
	tell_manager(agent);
	on_alive(&agent->alive);
	sync_in(agent, arc4random_uniform(RECONCILE_JITTER_MS));
	HASH_ITER(hh, agent->networks, network, next)
	network_on_connected(network);
}

static void on_unreached(struct agent *agent)
{
	struct network *network, *next;

	HASH_ITER(hh, agent->networks, network, next)
	network_on_unreached(network);
}

static void on_bus(void *user, enum bus_event event, const char *sentence)
{
	struct agent *agent = user;
	bool first = TAKE(agent->context.connecting);

	switch (event) {
	case BUS_CONNECTED:
		agent->refused = false;
		on_connected(agent);
		break;
	case BUS_DISCONNECTED:
		agent->context.n_disconnects++;
		log_warning("NATS: not connected: '%s'; what is programmed goes on forwarding",
			    sentence);
		tell_manager(agent);
		on_unreached(agent);
		break;
	case BUS_UNREACHED:
		if (first)
			on_unreached(agent);
		break;
	case BUS_LAGGED:
		agent->context.n_lags++;
		if (uv_now(agent->context.loop) >= agent->lagged_at_ms) {
			log_warning(
				"NATS: messages were lost on our side; all Networks are compared");
			agent->lagged_at_ms = uv_now(agent->context.loop) + LAGGED_PAUSE_MS;
		}
		sync_in(agent, arc4random_uniform(RECONCILE_JITTER_MS));
		break;
	case BUS_REFUSED:
		if (!agent->refused)
			log_err("NATS: refused: '%s'", sentence);
		agent->refused = true;
		break;
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct agent *agent = handle->data;

	if (--agent->n_handles == 0)
		free(agent);
}

/* Also half-built: `n_handles` of the loop's are initialized already. */
void agent_close(struct agent *agent)
{
	struct network *network, *next;

	if (!agent)
		return;
	agent->closing = agent->context.attempts.closing = true;
	namespaces_close(agent->namespaces);
	metrics_close(agent->metrics);
	micro_deinit(&agent->micro);
	network = agent->networks;
	HASH_CLEAR(hh, agent->networks);
	for (; network; network = next) {
		next = network->hh.next;
		network_close(network);
	}
	counting_close(agent->context.counting);
	sockets_close(agent->context.attempts.sockets);
	worker_free(agent->context.worker);
	bus_close(agent->context.bus);
	uv_close((uv_handle_t *)&agent->reports, on_closed);
	uv_close((uv_handle_t *)&agent->alive, on_closed);
	uv_close((uv_handle_t *)&agent->sync, on_closed);
}

/* Without it everything works, but for a start without an allocator. */
static void make_state_dir(const char *dir)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		log_warning("state directory '%s': %s; no state is kept there", dir,
			    strerror(errno));
}

/* Forwarding does not depend on somebody watching it. */
static void start_metrics(struct agent *agent, const struct scrape_place *place)
{
	const struct metrics_options options = {
		.loop = agent->context.loop,
		.place = *place,
		.counting = agent->context.counting,
		.networks = &agent->networks,
		.context = &agent->context,
	};
	struct error err = {};

	if (place->address.family != FAMILY_NONE &&
	    metrics_new(&options, &agent->metrics, &err) < 0)
		log_err("%s", err.text);
}

static int start(struct agent *agent, const struct agent_options *options, struct error *err)
{
	struct bus_options bus = options->bus;
	struct worker_options worker = {
		.node = options->node,
		.netns_dir = options->netns_dir,
		.wake = wake,
		.user = agent,
		.account = options->metrics.address.family != FAMILY_NONE,
	};
	uv_loop_t *loop = agent->context.loop;
	char subject[SUBJECT_MAX];
	int r;

	(void)snprintf(agent->inbox_prefix, sizeof(agent->inbox_prefix), "_INBOX_agent.%s",
		       options->node);
	bus.name = "ilb-agent";
	bus.inbox_prefix = bus.inbox_prefix ?: agent->inbox_prefix;
	make_state_dir(options->state_dir);
	recall_sweep(options->state_dir);
	r = bus_new(loop, &bus, on_bus, agent, &agent->context.bus, err);
	if (r == 0)
		r = bus_subscribe(agent->context.bus, SUBJECT_ROLL, NULL, on_roll, agent,
				  &agent->roll, err);
	if (r == 0)
		r = bus_subscribe(agent->context.bus, subject_probe(subject, options->node), NULL,
				  on_probe, agent, &agent->probe, err);
	if (r == 0)
		r = worker_new(&worker, &agent->context.worker, err);
	if (r == 0)
		r = counting_new(loop, agent->context.worker, &agent->context.counting);
	if (r == 0)
		start_metrics(agent, &options->metrics);
	if (r == 0)
		r = micro_init(&agent->micro, &agent->context, &agent->networks, err);
	if (r == 0)
		r = sockets_new(loop, options->netns_dir, &agent->context.attempts.sockets, err);
	if (r == 0)
		r = namespaces_new(loop, options->netns_dir, on_namespace, agent,
				   &agent->namespaces, err);
	if (r == 0)
		require(uv_timer_start(&agent->alive, on_alive, ALIVE_MS, ALIVE_MS) == 0);
	return r;
}

int agent_new(uv_loop_t *loop, const struct agent_options *options, struct agent **ret_agent,
	      struct error *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (!agent)
		return error_set(err, -ENOMEM, "no memory");
	agent->context.loop = agent->context.attempts.loop = loop;
	agent->context.boot = &agent->boot;
	agent->context.node = options->node;
	agent->context.state_dir = options->state_dir;
	agent->context.connecting = true;
	agent->context.on_left = on_left;
	agent->context.on_unsure = on_unsure;
	agent->context.user = agent;
	uuid_random(&agent->boot);
	r = uv_async_init(loop, &agent->reports, on_reports);
	if (r < 0) {
		free(agent);
		return error_errno(err, r, "event loop");
	}
	require(uv_timer_init(loop, &agent->alive) == 0 && uv_timer_init(loop, &agent->sync) == 0);
	agent->n_handles = 3;
	agent->reports.data = agent->alive.data = agent->sync.data = agent;
	r = start(agent, options, err);
	if (r < 0) {
		agent_close(agent);
		return r;
	}
	*ret_agent = agent;
	return 0;
}
