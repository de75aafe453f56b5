/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "dataplane/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <uthash.h>

#include "base/array.h"
#include "base/handoff.h"
#include "base/require.h"
#include "dataplane/forwarder.h"
#include "dataplane/nft.h"
#include "dataplane/remembered.h"

#define N_JOBS_MAX    8192
#define N_REPORTS_MAX 16384
#define PATH_ROOM     4096
#define COUNT_MS      500 /* of looking at all Networks; what is left comes first the next time */

enum job_kind { JOB_OPEN, JOB_APPLY, JOB_ATTEND, JOB_CLOSE, JOB_COUNT };

struct job {
	enum job_kind kind;
	char *net;                 /* all others than JOB_APPLY; JOB_COUNT: NULL: all */
	struct desired *desired;   /* JOB_APPLY */
	struct address *addresses; /* JOB_ATTEND */
	size_t n_addresses;
	bool destinations; /* JOB_COUNT */
	uint64_t token;    /* JOB_COUNT */
};

/* A Network that is served. Only the kernel thread sees these. */
struct site {
	char *net;
	struct forwarder *forwarder;
	UT_hash_handle hh;
};

struct worker {
	char *node, *netns_dir;
	struct handoff *jobs, *reports;
	int wakeup;            /* eventfd: the kernel thread polls it */
	_Atomic bool stopping; /* set once no more jobs will come */
	bool started, account;
	pthread_t thread;
	struct nft *nft;
	struct site *sites;
	struct remembered *remembered; /* of sites that were given up */
	struct site *count_next;       /* the first to be counted; NULL: the first of all */
	struct pollfd *fds;            /* wakeup, then FORWARDER_N_FDS of each site in turn */
	size_t n_fds;
};

static void job_free(struct job *job)
{
	if (!job)
		return;
	free(job->net);
	desired_free(job->desired);
	free(job->addresses);
	free(job);
}

static void discard_job(void *item)
{
	job_free(item);
}

static void count_free(struct worker_count *count)
{
	if (!count)
		return;
	for (size_t i = 0; i < count->n_networks; i++)
		traffic_free(count->networks[i]);
	free(count->networks);
	free(count);
}

void worker_report_free(struct worker_report *report)
{
	if (!report)
		return;
	free(report->net);
	status_free(report->status);
	count_free(report->count);
	free(report->absent);
	free(report);
}

static void discard_report(void *item)
{
	worker_report_free(item);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* From any thread: jobs are there, or no more will come. */
static void wake_thread(void *user)
{
	struct worker *worker = user;
	uint64_t one = 1;
	ssize_t n = write(worker->wakeup, &one, sizeof(one));

	(void)n; /* EAGAIN: it is awake already */
}

/*
 * The loop takes reports as they come, so a full queue empties: waiting is right. At the end nobody
 * takes them any more: worker_free() throws away what is in the queue to let the last ones in.
 */
static void put_report(struct worker *worker, struct worker_report *report)
{
	struct timespec pause = {.tv_nsec = 1000000};

	while (handoff_put(worker->reports, report) < 0)
		(void)nanosleep(&pause, NULL);
}

/* Without memory even for a report the worker cannot keep its promises to the loop. */
static struct worker_report *new_report(const char *net, enum worker_outcome outcome)
{
	struct worker_report *item = calloc(1, sizeof(*item));

	require(item);
	item->net = strdup(net);
	require(item->net);
	item->outcome = outcome;
	return item;
}

static void report(struct worker *worker, const char *net, enum worker_outcome outcome,
		   struct status *status, const char *sentence)
{
	struct worker_report *item = new_report(net, outcome);

	item->status = status;
	(void)snprintf(item->sentence, sizeof(item->sentence), "%s", sentence); /* cut */
	put_report(worker, item);
}

static struct site *find(const struct worker *worker, const char *net)
{
	struct site *site;

	HASH_FIND_STR(worker->sites, net, site);
	return site;
}

static void site_free(struct worker *worker, struct site *site)
{
	if (worker->count_next == site)
		worker->count_next = site->hh.next;
	HASH_DEL(worker->sites, site);
	forwarder_free(site->forwarder);
	free(site->net);
	free(site);
}

/* The namespace cannot be served any longer; it may be opened again. */
static void give_up(struct worker *worker, struct site *site, const char *sentence)
{
	struct presence presence = {};

	forwarder_swap_presence(site->forwarder, &presence);
	remembered_keep(&worker->remembered, site->net, forwarder_inode(site->forwarder),
			&presence);
	report(worker, site->net, WORKER_FAILED, NULL, sentence);
	site_free(worker, site);
}

static void recall_machines(struct worker *worker, struct site *site)
{
	struct presence presence =
		remembered_take(&worker->remembered, site->net, forwarder_inode(site->forwarder));

	forwarder_swap_presence(site->forwarder, &presence); /* that of a new one is empty */
}

static int add_site(struct worker *worker, const char *net, struct error *err)
{
	char path[PATH_ROOM];
	struct site *site;
	int r;

	if (find(worker, net))
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", worker->netns_dir, net) >= (int)sizeof(path))
		return error_set(err, -ENAMETOOLONG, "the namespace's path is too long");
	site = calloc(1, sizeof(*site));
	if (!site)
		return error_set(err, -ENOMEM, "out of memory");
	site->net = strdup(net);
	r = site->net ? forwarder_new(path, worker->node, worker->nft, worker->account, now_ms(),
				      &site->forwarder, err)
		      : error_set(err, -ENOMEM, "out of memory");
	if (r == 0) {
		HASH_ADD_KEYPTR(hh, worker->sites, site->net, strlen(site->net), site);
		if (site->hh.tbl) {
			recall_machines(worker, site);
			return 0;
		}
		r = error_set(err, -ENOMEM, "out of memory");
	}
	forwarder_free(site->forwarder);
	free(site->net);
	free(site);
	return r;
}

static void report_status(struct worker *worker, struct site *site, enum worker_outcome outcome)
{
	struct status *status = NULL;

	if (forwarder_status(site->forwarder, &status) == 0) {
		status->net = strdup(site->net);
		if (status->net) {
			report(worker, site->net, outcome, status, "");
			return;
		}
	}
	status_free(status);
	give_up(worker, site, "out of memory");
}

static void open_site(struct worker *worker, const char *net)
{
	struct worker_report *item;
	struct error err = {};

	if (add_site(worker, net, &err) < 0) {
		report(worker, net, WORKER_FAILED, NULL, err.text);
		return;
	}
	item = new_report(net, WORKER_OPENED);
	item->empty = !forwarder_found_table(find(worker, net)->forwarder);
	put_report(worker, item);
}

static void apply(struct worker *worker, const struct desired *desired)
{
	struct site *site = find(worker, desired->net);
	struct error err = {};

	if (!site)
		report(worker, desired->net, WORKER_FAILED, NULL, "the namespace is not open");
	else if (forwarder_apply(site->forwarder, desired, now_ms(), &err) < 0)
		give_up(worker, site, err.text);
	else
		report_status(worker, site, WORKER_APPLIED);
}

static void count_site(struct site *site, bool destinations, struct worker_count *count)
{
	auto_call(traffic_freep) struct traffic *traffic = NULL;
	struct traffic **slot = NULL;
	struct error err = {};

	if (forwarder_count(site->forwarder, destinations, now_ms(), &traffic, &err) == 0) {
		traffic->net = strdup(site->net);
		slot = traffic->net ? ARRAY_ADD(count->networks, count->n_networks) : NULL;
	}
	if (slot)
		*slot = TAKE(traffic);
	else
		count->n_unknown++;
}

/* All, each once, as far as time suffices: whoever wants something programmed waits meanwhile. */
static void count_all(struct worker *worker, bool destinations, struct worker_count *count)
{
	uint64_t until_ms = now_ms() + COUNT_MS;
	struct site *site = TAKE(worker->count_next);

	for (unsigned i = HASH_COUNT(worker->sites); i > 0; i--) {
		if (now_ms() >= until_ms) {
			count->n_unknown += i;
			worker->count_next = site;
			return;
		}
		if (!site)
			site = worker->sites;
		count_site(site, destinations, count);
		site = site->hh.next;
	}
}

/* Where there is no memory even for nothing, an empty answer is what is left. */
static void count_sites(struct worker *worker, const struct job *job)
{
	struct worker_report *item = calloc(1, sizeof(*item));
	struct worker_count *result = calloc(1, sizeof(*result));
	struct site *only = job->net ? find(worker, job->net) : NULL;

	require(item && result);
	result->token = job->token;
	result->nft = nft_counts(worker->nft);
	if (only)
		count_site(only, job->destinations, result);
	else if (!job->net)
		count_all(worker, job->destinations, result);
	item->outcome = WORKER_COUNTED;
	item->count = result;
	put_report(worker, item);
}

/* Where it fails, the machines are taken for present. */
static void attend(struct worker *worker, const struct job *job)
{
	struct site *site = find(worker, job->net);

	if (site && forwarder_attend(site->forwarder, job->addresses, job->n_addresses) < 0)
		give_up(worker, site, "out of memory");
}

static void close_site(struct worker *worker, const char *net)
{
	struct site *site = find(worker, net);

	if (site)
		site_free(worker, site);
	remembered_drop(&worker->remembered, net);
	report(worker, net, WORKER_CLOSED, NULL, "");
}

static void work(struct worker *worker, struct job *job)
{
	switch (job->kind) {
	case JOB_OPEN:
		open_site(worker, job->net);
		break;
	case JOB_APPLY:
		apply(worker, job->desired);
		break;
	case JOB_ATTEND:
		attend(worker, job);
		break;
	case JOB_CLOSE:
		close_site(worker, job->net);
		break;
	case JOB_COUNT:
		count_sites(worker, job);
		break;
	}
	job_free(job);
}

static void report_links(struct worker *worker, const struct site *site)
{
	struct address *absent;
	struct worker_report *item;
	size_t n_absent;

	if (!forwarder_take_absent(site->forwarder, &absent, &n_absent))
		return;
	item = new_report(site->net, WORKER_LINKS);
	item->absent = absent;
	item->n_absent = n_absent;
	put_report(worker, item);
}

static void step(struct worker *worker, struct site *site)
{
	struct error err = {};
	bool changed = false;

	if (forwarder_step(site->forwarder, now_ms(), &changed, &err) < 0) {
		give_up(worker, site, err.text);
		return;
	}
	report_links(worker, site);
	if (changed)
		report_status(worker, site, WORKER_CHANGED);
}

static void step_all(struct worker *worker)
{
	struct site *site, *next;

	HASH_ITER(hh, worker->sites, site, next)
	step(worker, site);
}

static int next_timeout(const struct worker *worker)
{
	uint64_t next = UINT64_MAX, now = now_ms();

	for (const struct site *site = worker->sites; site; site = site->hh.next) {
		uint64_t due = forwarder_next_ms(site->forwarder);

		if (due < next)
			next = due;
	}
	if (next == UINT64_MAX)
		return -1;
	if (next <= now)
		return 0;
	return next - now < 60000 ? (int)(next - now) : 60000;
}

static void fill_fds(struct worker *worker)
{
	size_t n = 1, n_wanted = 1 + FORWARDER_N_FDS * HASH_COUNT(worker->sites);
	struct pollfd *fds = worker->fds;
	int site_fds[FORWARDER_N_FDS];

	if (n_wanted > worker->n_fds) {
		fds = realloc(worker->fds, n_wanted * sizeof(*fds));
		require(fds); /* without it the thread would be deaf */
		worker->fds = fds;
	}
	worker->n_fds = n_wanted;
	fds[0] = (struct pollfd){.fd = worker->wakeup, .events = POLLIN};
	for (const struct site *site = worker->sites; site; site = site->hh.next) {
		forwarder_fds(site->forwarder, site_fds);
		for (size_t i = 0; i < FORWARDER_N_FDS; i++)
			fds[n++] = (struct pollfd){.fd = site_fds[i], .events = POLLIN};
	}
}

static void wait_for_something(struct worker *worker)
{
	uint64_t count;
	ssize_t n;

	fill_fds(worker);
	(void)poll(worker->fds, worker->n_fds, next_timeout(worker)); /* EINTR: look around */
	n = read(worker->wakeup, &count, sizeof(count));
	(void)n; /* nonblocking: nothing to read where something else woke us */
}

static void *run(void *user)
{
	struct worker *worker = user;
	struct job *job;
	bool last = false;

	while (!last) {
		wait_for_something(worker);
		last = worker->stopping;
		while ((job = handoff_take(worker->jobs)))
			work(worker, job);
		step_all(worker);
	}
	return NULL;
}

static int start(struct worker *worker, struct error *err)
{
	int r;

	r = pthread_create(&worker->thread, NULL, run, worker);
	if (r != 0)
		return error_errno(err, -r, "kernel thread");
	(void)pthread_setname_np(worker->thread, "ilb-kernel"); /* for ps and nft monitor */
	worker->started = true;
	return 0;
}

int worker_new(const struct worker_options *options, struct worker **ret_worker, struct error *err)
{
	auto_call(worker_freep) struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return error_set(err, -ENOMEM, "out of memory");
	worker->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wakeup < 0)
		return error_errno(err, -errno, "eventfd");
	r = nft_new(&worker->nft, err);
	if (r < 0)
		return r;
	worker->account = options->account;
	worker->node = strdup(options->node);
	worker->netns_dir = strdup(options->netns_dir);
	if (!worker->node || !worker->netns_dir ||
	    handoff_new(N_JOBS_MAX, wake_thread, worker, &worker->jobs) < 0 ||
	    handoff_new(N_REPORTS_MAX, options->wake, options->user, &worker->reports) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	r = start(worker, err);
	if (r < 0)
		return r;
	*ret_worker = TAKE(worker);
	return 0;
}

/* The thread may be waiting for room for its reports. */
static void stop(struct worker *worker)
{
	struct timespec until;

	handoff_close(worker->jobs);
	worker->stopping = true;
	wake_thread(worker);
	do {
		struct worker_report *item;

		while ((item = worker_take_report(worker)))
			worker_report_free(item);
		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(worker->thread, NULL, &until) == ETIMEDOUT);
}

void worker_free(struct worker *worker)
{
	struct site *site, *next;

	if (!worker)
		return;
	if (worker->started)
		stop(worker);
	HASH_ITER(hh, worker->sites, site, next)
	site_free(worker, site);
	remembered_clear(&worker->remembered);
	handoff_free(worker->jobs, discard_job);
	handoff_free(worker->reports, discard_report);
	nft_free(worker->nft);
	if (worker->wakeup >= 0)
		(void)close(worker->wakeup);
	free(worker->fds);
	free(worker->node);
	free(worker->netns_dir);
	free(worker);
}

/*
 * @like: what is in it is copied, but for the desired state and the addresses, which are taken unless
 *        it fails.
 */
static int give(struct worker *worker, const struct job *like)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	*job = *like;
	if (like->net) {
		job->net = strdup(like->net);
		if (!job->net) {
			free(job);
			return -ENOMEM;
		}
	}
	if (handoff_put(worker->jobs, job) == 0)
		return 0;
	job->desired = NULL; /* these stay the caller's */
	job->addresses = NULL;
	job_free(job);
	return -ENOBUFS;
}

int worker_open(struct worker *worker, const char *net)
{
	return give(worker, &(struct job){.kind = JOB_OPEN, .net = (char *)net});
}

int worker_apply(struct worker *worker, struct desired *desired)
{
	return give(worker, &(struct job){.kind = JOB_APPLY, .desired = desired});
}

int worker_attend(struct worker *worker, const char *net, const struct address *addresses,
		  size_t n_addresses)
{
	auto_free struct address *copy = calloc(n_addresses + 1, sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	if (n_addresses > 0)
		memcpy(copy, addresses, n_addresses * sizeof(*copy));
	r = give(worker, &(struct job){.kind = JOB_ATTEND,
				       .net = (char *)net,
				       .addresses = copy,
				       .n_addresses = n_addresses});
	if (r == 0)
		TAKE(copy);
	return r;
}

int worker_close(struct worker *worker, const char *net)
{
	return give(worker, &(struct job){.kind = JOB_CLOSE, .net = (char *)net});
}

int worker_count(struct worker *worker, const char *net, bool destinations, uint64_t token)
{
	return give(worker, &(struct job){.kind = JOB_COUNT,
					  .net = (char *)net,
					  .destinations = destinations,
					  .token = token});
}

struct worker_report *worker_take_report(struct worker *worker)
{
	return handoff_take(worker->reports);
}
