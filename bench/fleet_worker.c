/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "agent/namespaces.h"
#include "agent/recall.h"
#include "base/array.h"
#include "bench/fleet.h"
#include "dataplane/worker.h"

/*
 * What stands for kernel, namespaces and disk of an agent of bench/fleet: the same interfaces,
 * answered at once from memory. Linked before the real ones.
 */

struct fleet_options fleet_options;

/* ---- namespaces: the same Networks on every node, and one of its own on the first ---- */

struct namespaces {
	uv_idle_t idle;
	namespaces_fn *on_event;
	void *user;
};

static unsigned n_agents;

static void on_idle(uv_idle_t *idle)
{
	struct namespaces *namespaces = idle->data;
	char net[64];

	(void)uv_idle_stop(idle);
	for (unsigned i = 0; i < fleet_options.n_networks; i++) {
		(void)snprintf(net, sizeof(net), "default_net-%u", i);
		namespaces->on_event(namespaces->user, net, NAMESPACE_APPEARED);
	}
	if (fleet_options.first == 0 && n_agents++ == 0)
		namespaces->on_event(namespaces->user, "default_lonely", NAMESPACE_APPEARED);
}

int namespaces_new(uv_loop_t *loop, const char *dir, namespaces_fn *on_event, void *user,
		   struct namespaces **ret_namespaces, struct error *err)
{
	struct namespaces *namespaces = calloc(1, sizeof(*namespaces));

	(void)dir;
	if (!namespaces)
		return error_set(err, -ENOMEM, "out of memory");
	namespaces->on_event = on_event;
	namespaces->user = user;
	namespaces->idle.data = namespaces;
	(void)uv_idle_init(loop, &namespaces->idle);
	(void)uv_idle_start(&namespaces->idle, on_idle);
	*ret_namespaces = namespaces;
	return 0;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle->data);
}

void namespaces_close(struct namespaces *namespaces)
{
	if (namespaces)
		uv_close((uv_handle_t *)&namespaces->idle, free_handle);
}

/* ---- disk: nothing is kept ---- */

struct recall {
	char unused;
};

void recall_sweep(const char *dir)
{
	(void)dir;
}

int recall_new(uv_loop_t *loop, const char *dir, const char *net, struct recall **ret_recall)
{
	(void)loop;
	(void)dir;
	(void)net;
	*ret_recall = calloc(1, sizeof(**ret_recall));
	return *ret_recall ? 0 : -ENOMEM;
}

void recall_close(struct recall *recall)
{
	free(recall);
}

bool recall_is_busy(const struct recall *recall)
{
	(void)recall;
	return false;
}

bool recall_is_broken(const struct recall *recall)
{
	(void)recall;
	return false;
}

bool recall_has(const struct recall *recall, const struct desired *state)
{
	(void)recall;
	(void)state;
	return true;
}

void recall_load(struct recall *recall, recall_loaded_fn *on_loaded, void *user)
{
	(void)recall;
	on_loaded(user, NULL, 0);
}

int recall_store(struct recall *recall, const struct desired *change, recall_stored_fn *on_stored,
		 void *user)
{
	(void)recall;
	(void)change;
	(void)on_stored;
	(void)user;
	return -ENOMEM; /* never called: what is kept is always as new */
}

void recall_outrun(struct recall *recall)
{
	(void)recall;
}

/* ---- kernel: VIPs by Network, every job is done at once ---- */

struct served {
	struct uuid uid;
	struct address vips[2];
	size_t n_vips;
};

struct space {
	char net[64];
	struct served *items;
	size_t n_items;
	UT_hash_handle hh;
};

struct worker {
	struct worker_options options;
	struct space *spaces;
	struct worker_report **reports;
	size_t n_reports, n_taken;
};

int worker_new(const struct worker_options *options, struct worker **ret_worker, struct error *err)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return error_set(err, -ENOMEM, "out of memory");
	worker->options = *options;
	*ret_worker = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	(void)worker; /* the program ends */
}

static struct worker_report *report(struct worker *worker, const char *net,
				    enum worker_outcome outcome)
{
	struct worker_report **place = ARRAY_ADD(worker->reports, worker->n_reports);
	struct worker_report *report = calloc(1, sizeof(*report));

	if (!place || !report)
		abort();
	report->net = strdup(net);
	report->outcome = outcome;
	*place = report;
	worker->options.wake(worker->options.user);
	return report;
}

struct worker_report *worker_take_report(struct worker *worker)
{
	if (worker->n_taken < worker->n_reports)
		return worker->reports[worker->n_taken++];
	free(worker->reports);
	worker->reports = NULL;
	worker->n_reports = worker->n_taken = 0;
	return NULL;
}

void worker_report_free(struct worker_report *report)
{
	if (!report)
		return;
	free(report->net);
	status_free(report->status);
	free(report);
}

int worker_open(struct worker *worker, const char *net)
{
	(void)report(worker, net, WORKER_OPENED);
	return 0;
}

/* No link of theirs ever goes down. */
int worker_attend(struct worker *worker, const char *net, const struct address *addresses,
		  size_t n_addresses)
{
	(void)worker;
	(void)net;
	(void)addresses;
	(void)n_addresses;
	return 0;
}

int worker_close(struct worker *worker, const char *net)
{
	(void)report(worker, net, WORKER_CLOSED);
	return 0;
}

static struct space *space_of(struct worker *worker, const char *net)
{
	struct space *space;

	HASH_FIND_STR(worker->spaces, net, space);
	if (space)
		return space;
	space = calloc(1, sizeof(*space));
	if (!space)
		abort();
	(void)snprintf(space->net, sizeof(space->net), "%s", net);
	HASH_ADD_STR(worker->spaces, net, space);
	return space;
}

static void leave(struct space *space, const struct uuid *uid)
{
	for (size_t i = 0; i < space->n_items; i++) {
		if (uuid_compare(&space->items[i].uid, uid) == 0) {
			space->items[i] = space->items[--space->n_items];
			return;
		}
	}
}

static void serve(struct space *space, const struct desired *desired)
{
	if (desired->snapshot)
		space->n_items = 0;
	for (size_t i = 0; i < desired->n_removed; i++)
		leave(space, &desired->removed[i]);
	for (size_t i = 0; i < desired->n_lbs; i++) {
		const struct desired_lb *lb = desired->lbs[i];
		struct served *served;

		leave(space, &lb->uid);
		served = ARRAY_ADD(space->items, space->n_items);
		if (!served)
			abort();
		*served = (struct served){.uid = lb->uid, .n_vips = lb->n_vips};
		memcpy(served->vips, lb->vips, sizeof(served->vips));
	}
}

static int compare_addresses(const void *a, const void *b)
{
	return address_compare(a, b);
}

static struct status *status_of(const struct space *space, uint64_t revision)
{
	struct status *status = calloc(1, sizeof(*status));

	if (!status)
		abort();
	status->revision = revision;
	for (size_t i = 0; i < space->n_items; i++) {
		for (size_t k = 0; k < space->items[i].n_vips; k++) {
			struct address *address = ARRAY_ADD(status->addresses, status->n_addresses);

			if (!address)
				abort();
			*address = space->items[i].vips[k];
		}
	}
	if (status->n_addresses)
		qsort(status->addresses, status->n_addresses, sizeof(*status->addresses),
		      compare_addresses);
	return status;
}

int worker_apply(struct worker *worker, struct desired *desired)
{
	struct space *space = space_of(worker, desired->net);

	serve(space, desired);
	report(worker, desired->net, WORKER_APPLIED)->status = status_of(space, desired->revision);
	desired_free(desired);
	return 0;
}

/* Nothing is forwarded, so nothing is carried. */
int worker_count(struct worker *worker, const char *net, bool destinations, uint64_t token)
{
	(void)worker;
	(void)net;
	(void)destinations;
	(void)token;
	return -ENOBUFS;
}
