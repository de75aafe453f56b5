/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/metrics_networks.h"
#include "base/array.h"
#include "base/log.h"
#include "base/require.h"
#include "messages/subjects.h"
#include "monitor/exposition.h"
#include "monitor/process.h"

struct metrics {
	struct metrics_options options;
	struct scrape *scrape;
	uv_work_t work;
	bool working, closing;
	struct text text;               /* what is written so far */
	struct metrics_traffic traffic; /* for the other thread */
	uint64_t n_late;                /* times that the kernel thread was too busy */
};

/* ---- the node ---- */

static void write_faults(const struct faults *faults, struct text *text)
{
	static const char name[] = "ilb_agent_messages_refused_total";
	static const char *const kinds[FAULT_N_KINDS] = {
		[FAULT_STATE] = "state", [FAULT_SNAPSHOT] = "snapshot", [FAULT_OLDER] = "older",
		[FAULT_SYNC] = "sync",   [FAULT_HEALTH] = "health",
	};

	exposition_metric(
		text, EXPOSITION_COUNTER, name,
		"Messages that were malformed, not for us or older than the state, by what "
		"they should be.");
	for (unsigned i = 0; i < FAULT_N_KINDS; i++)
		exposition_count(text, name, &(struct exposition_label){"kind", kinds[i]}, 1,
				 faults->counts[i]);
}

static void write_checks(const struct attempts *attempts, struct text *text)
{
	static const char name[] = "ilb_agent_health_checks_total";
	static const char *const results[] = {
		[ATTEMPT_SUCCEEDED] = "success",
		[ATTEMPT_FAILED] = "failure",
		[ATTEMPT_VOID] = "void",
	};

	exposition_metric(text, EXPOSITION_COUNTER, name,
			  "Health checks that this node made, by result; void: it could not try.");
	for (unsigned i = 0; i < ARRAY_SIZE(results); i++)
		exposition_count(text, name, &(struct exposition_label){"result", results[i]}, 1,
				 attempts->n_outcomes[i]);
}

static void write_info(const struct network_context *context, struct text *text)
{
	const struct exposition_label labels[] = {{"version", ILB_VERSION},
						  {"node", context->node}};

	exposition_metric(text, EXPOSITION_GAUGE, "ilb_agent_info", "What runs here; always 1.");
	exposition_count(text, "ilb_agent_info", labels, ARRAY_SIZE(labels), 1);
}

static void write_node(const struct metrics *metrics, struct text *text)
{
	const struct network_context *context = metrics->options.context;

	write_info(context, text);
	exposition_single(text, EXPOSITION_GAUGE, "ilb_agent_networks",
			  "Networks that have a namespace on this node.",
			  HASH_COUNT(*metrics->options.networks));
	exposition_single(text, EXPOSITION_GAUGE, "ilb_agent_nats_connected",
			  "1 while there is a connection to NATS.", bus_is_connected(context->bus));
	exposition_single(text, EXPOSITION_COUNTER, "ilb_agent_nats_disconnects_total",
			  "Connections to NATS that were lost.", context->n_disconnects);
	exposition_single(text, EXPOSITION_COUNTER, "ilb_agent_nats_overruns_total",
			  "Times that messages were lost because the agent was too slow.",
			  context->n_lags);
	write_faults(&context->faults, text);
	write_checks(&context->attempts, text);
	exposition_histogram(text, "ilb_agent_program_seconds",
			     "From a change's arrival until it is in the kernel.",
			     &context->programmed);
	exposition_single(text, EXPOSITION_COUNTER, "ilb_agent_counting_late_total",
			  "Scrapes without traffic: the kernel was being programmed for seconds.",
			  metrics->n_late);
	process_write(text);
}

static void write_kernel(const struct worker_count *count, struct text *text)
{
	exposition_single(text, EXPOSITION_COUNTER, "ilb_agent_nft_transactions_total",
			  "nftables transactions that were tried.", count->nft.n_transactions);
	exposition_single(text, EXPOSITION_COUNTER, "ilb_agent_nft_failures_total",
			  "nftables transactions that the kernel refused.", count->nft.n_failed);
	metrics_networks_write_kernel(count, text);
}

/* ---- a scrape ---- */

static void finish(struct metrics *metrics)
{
	char *bytes = NULL;
	size_t len = 0;

	if (text_take(&metrics->text, &bytes, &len) < 0) /* no memory: "not now" */
		bytes = NULL;
	scrape_finish(metrics->scrape, bytes, len);
}

static void write_traffic(uv_work_t *work)
{
	struct metrics *metrics = work->data;

	metrics_traffic_write(&metrics->traffic, &metrics->text);
}

static void metrics_free(struct metrics *metrics)
{
	metrics_traffic_deinit(&metrics->traffic);
	text_deinit(&metrics->text);
	free(metrics);
}

static void on_written(uv_work_t *work, int status)
{
	struct metrics *metrics = work->data;

	(void)status; /* nobody cancels it */
	metrics->working = false;
	metrics_traffic_deinit(&metrics->traffic);
	if (metrics->closing)
		metrics_free(metrics);
	else
		finish(metrics);
}

static void on_count(void *user, const struct worker_count *count)
{
	struct metrics *metrics = user;

	if (!count) {
		metrics->n_late++;
		finish(metrics);
		return;
	}
	write_kernel(count, &metrics->text);
	if (metrics_traffic_take(count, &metrics->traffic) < 0) {
		text_deinit(&metrics->text);
		metrics->text.failed = true;
		finish(metrics);
		return;
	}
	metrics->working = true;
	metrics->work.data = metrics;
	require(uv_queue_work(metrics->options.loop, &metrics->work, write_traffic, on_written) ==
		0);
}

static void collect(void *user)
{
	struct metrics *metrics = user;

	metrics->text = (struct text){};
	write_node(metrics, &metrics->text);
	metrics_networks_write(*metrics->options.networks, &metrics->text);
	if (counting_ask(metrics->options.counting, NULL, false, on_count, metrics) < 0)
		on_count(metrics, NULL);
}

int metrics_new(const struct metrics_options *options, struct metrics **ret_metrics,
		struct error *err)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	int r;

	if (!metrics)
		return error_set(err, -ENOMEM, "out of memory");
	metrics->options = *options;
	r = scrape_new(options->loop, &options->place, collect, metrics, &metrics->scrape, err);
	if (r < 0) {
		free(metrics);
		return r;
	}
	*ret_metrics = metrics;
	return 0;
}

void metrics_close(struct metrics *metrics)
{
	if (!metrics)
		return;
	scrape_close(TAKE(metrics->scrape));
	metrics->closing = true;
	if (!metrics->working)
		metrics_free(metrics);
}
