/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bench/ilb: the node's data plane as one of the peers that bench/update, load, connect and bulk
 * compare. It serves the network namespace that it is started in as Network "net", with
 * dataplane/worker.h as in ilb-agent, until its standard input ends. Commands, a line each:
 *
 *	load N M      N LoadBalancers of M destinations (bench/plenty.h), from nothing
 *	change N      N times: a destination of one of them leaves and comes back
 *	chunks N M    the same elements as `load`, as text in chunks straight to libnftables:
 *	              what the same work costs without an agent
 *
 * Each is answered by a line of JSON: wall clock in microseconds of each step, the processor time
 * of all of them together (user and system, of the kernel thread), peak memory since the start.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/array.h"
#include "base/require.h"
#include "base/text.h"
#include "bench/plenty.h"
#include "dataplane/forwarding.h"
#include "dataplane/nft.h"
#include "dataplane/plan.h"
#include "dataplane/ruleset.h"
#include "dataplane/worker.h"

#define CHUNK 2000 /* elements */

struct bench {
	struct worker *worker;
	int wakeup;
	struct plenty plenty;
	uint32_t number; /* of the LoadBalancer that was changed last */
};

struct stopwatch {
	uint64_t wall, cpu; /* ns */
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench/ilb: %s\n", what);
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now); /* cannot fail for these clocks */
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Of all threads but this one, which makes the LoadBalancers up. */
static uint64_t worker_cpu(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static long peak_kb(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	while (file && kb < 0 && fgets(line, sizeof(line), file))
		(void)sscanf(line, "VmHWM: %ld", &kb);
	if (file)
		(void)fclose(file);
	return kb;
}

static void wake(void *user)
{
	(void)eventfd_write(*(int *)user, 1);
}

static void wait_for(struct bench *bench, enum worker_outcome outcome)
{
	for (;;) {
		auto_call(worker_report_freep) struct worker_report *report =
			worker_take_report(bench->worker);
		eventfd_t count;

		if (!report) {
			(void)eventfd_read(bench->wakeup, &count);
			continue;
		}
		if (report->outcome == WORKER_FAILED)
			die(report->sentence);
		if (report->status && report->status->n_refused)
			die("the kernel refused a LoadBalancer");
		if (report->outcome == outcome)
			return;
	}
}

/* Gives the wall clock that it took, in microseconds. */
static uint64_t apply(struct bench *bench, struct desired *desired)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC);

	if (worker_apply(bench->worker, desired) < 0)
		die("worker_apply");
	wait_for(bench, WORKER_APPLIED);
	return (clock_ns(CLOCK_MONOTONIC) - start) / 1000;
}

static void print_end(uint64_t cpu_ns)
{
	printf("], \"cpu_us\": %" PRIu64 ", \"peak_kb\": %ld}\n", cpu_ns / 1000, peak_kb());
	(void)fflush(stdout);
}

static void load(struct bench *bench)
{
	struct desired *desired = plenty_snapshot(&bench->plenty);
	uint64_t cpu = worker_cpu();

	printf("{\"wall_us\": [%" PRIu64, apply(bench, desired));
	print_end(worker_cpu() - cpu);
}

static void change(struct bench *bench, uint32_t n)
{
	uint64_t cpu = worker_cpu();

	if (!bench->plenty.n_lbs)
		die("nothing is loaded");
	printf("{\"wall_us\": [");
	for (uint32_t i = 0; i < n; i++) {
		bench->number = bench->number % bench->plenty.n_lbs + 1;
		for (int left = 1; left >= 0; left--)
			printf("%s%" PRIu64, i + !left ? ", " : "",
			       apply(bench, plenty_change(&bench->plenty, bench->number, left)));
	}
	print_end(worker_cpu() - cpu);
}

static void run(struct nft *nft, struct text *text)
{
	struct error err;

	if (text->failed || nft_run(nft, text->bytes, &err) < 0)
		die(text->failed ? "out of memory" : err.text);
	text_cut(text, 0);
}

/* The text of one LoadBalancer's elements. Gives their number. */
static size_t write_elements(const struct plenty *plenty, uint32_t number, struct text *text)
{
	auto_call(desired_lb_freep) struct desired_lb *lb = plenty_lb(plenty, number, false);
	auto_call(forwarding_freep) struct forwarding *forwarding = NULL;
	auto_call(plan_deinit) struct plan plan = {};
	struct error err;

	if (forwarding_new(lb, "here", &forwarding, &err) < 0)
		die(err.text);
	require(plan_diff(NULL, forwarding, &plan) == 0);
	text_add_bytes(text, plan.text.bytes, plan.text.len);
	return plan.n_elements;
}

/* Only what libnftables does is counted. */
static void load_chunks(const struct plenty *plenty)
{
	auto_call(text_deinit) struct text text = {};
	struct ruleset_options options = {};
	auto_call(nft_freep) struct nft *nft = NULL;
	uint64_t wall = 0, cpu = 0;
	size_t n_elements = 0;

	require(nft_new(&nft, NULL) == 0);
	ruleset_write(&text, &options);
	for (uint32_t number = 1; number <= plenty->n_lbs; number++) {
		n_elements += write_elements(plenty, number, &text);
		if (n_elements < CHUNK && number < plenty->n_lbs)
			continue;
		wall -= clock_ns(CLOCK_MONOTONIC);
		cpu -= clock_ns(CLOCK_THREAD_CPUTIME_ID);
		run(nft, &text);
		wall += clock_ns(CLOCK_MONOTONIC);
		cpu += clock_ns(CLOCK_THREAD_CPUTIME_ID);
		n_elements = 0;
	}
	printf("{\"wall_us\": [%" PRIu64, wall / 1000);
	print_end(cpu);
}

static void obey(struct bench *bench, const char *line)
{
	char verb[16] = "";
	uint32_t first = 0, second = 0;
	int n = sscanf(line, "%15s %" SCNu32 " %" SCNu32, verb, &first, &second);

	if (strcmp(verb, "change") == 0 && n == 2) {
		change(bench, first);
		return;
	}
	if (n != 3 || first < 1 || first > UINT16_MAX || second < 1 || second > INT8_MAX)
		die("what?");
	bench->plenty = (struct plenty){first, second};
	if (strcmp(verb, "load") == 0)
		load(bench);
	else if (strcmp(verb, "chunks") == 0)
		load_chunks(&bench->plenty);
	else
		die("what?");
}

int main(void)
{
	struct bench bench = {.wakeup = eventfd(0, EFD_CLOEXEC)};
	struct worker_options options = {
		.node = "here", .netns_dir = "/proc/self/ns", .wake = wake, .user = &bench.wakeup};
	struct error err;
	char line[256];

	if (worker_new(&options, &bench.worker, &err) < 0)
		die(err.text);
	if (worker_open(bench.worker, "net") < 0)
		die("worker_open");
	wait_for(&bench, WORKER_OPENED);
	while (fgets(line, sizeof(line), stdin))
		obey(&bench, line);
	worker_free(bench.worker);
	return 0;
}
