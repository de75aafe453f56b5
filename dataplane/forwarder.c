/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/forwarder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/text.h"
#include "dataplane/conditions.h"
#include "dataplane/conntrack.h"
#include "dataplane/entries.h"
#include "dataplane/flowtable.h"
#include "dataplane/link.h"
#include "dataplane/netns.h"
#include "dataplane/served.h"
#include "dataplane/stale.h"
#include "dataplane/transact.h"

#define N_ELEMENTS_MAX 2000  /* of a transaction: libnftables' memory stays small */
#define N_LARGE        20000 /* from here on the heap is trimmed afterwards */
#define LOOK_MS        10000 /* between looks at what nobody notifies us of */
#define REPAIR_MS      1000  /* least time between repairs: someone may edit in a loop */

struct forwarder {
	int netns;
	char *node;
	struct nft *nft;
	struct link *link;
	struct conntrack *conntrack;
	struct watch *watch;

	struct entries entries;
	struct served served;
	struct stale stale;
	struct flowtable flowtable;
	struct ruleset_options options;

	bool loaded;                 /* the first state is in */
	bool table;                  /* ours is in the kernel */
	bool stamped;                /* with a stamp that is true */
	bool dirty;                  /* someone else changed it, or it is not what we think it is */
	uint64_t repair_ms, look_ms; /* not before */
	uint32_t n_runs;             /* transactions since watch_pause() */

	uint64_t revision;
	uint64_t applied_at_ms;
	struct condition_facts facts;
	struct error flowtable_failure, conntrack_failure, route_failure;
	char editor[sizeof(((struct watch_news *)0)->editor)];
	uint64_t conditions; /* digest of those that were last reported */
};

static int run(void *user, const char *text, struct error *err)
{
	struct forwarder *forwarder = user;
	int r;

	r = nft_run(forwarder->nft, text, err);
	forwarder->n_runs += r == 0;
	return r;
}

static int check(void *user, const char *text, struct error *err)
{
	struct forwarder *forwarder = user;

	return nft_check(forwarder->nft, text, err);
}

static int run_text(struct forwarder *forwarder, struct text *text, struct error *err)
{
	if (text->failed)
		return error_set(err, -ENOMEM, "out of memory");
	return run(forwarder, text->bytes, err);
}

/* A stamp of nothing fits no state, so that a restart takes the table for unfinished. */
static void write_stamp(const struct forwarder *forwarder, struct text *text, bool valid)
{
	struct ruleset_stamp stamp = {};

	if (valid) {
		stamp.rules = ruleset_digest(&forwarder->options);
		stamp.revision = forwarder->revision;
		stamp.digest = forwarder->entries.digest;
	}
	ruleset_write_stamp(text, &stamp);
}

static int run_stamp(struct forwarder *forwarder, bool valid, struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	int r;

	write_stamp(forwarder, &text, valid);
	r = run_text(forwarder, &text, err);
	if (r == 0)
		forwarder->stamped = valid;
	return r;
}

/* The kernel took it or not: keeps the entry, the VIPs and the clean-up in step. */
static int settle(struct forwarder *forwarder, struct entry_change *change, const char *refusal)
{
	const struct forwarding *have = change->entry->have;
	struct address old[2] = {}, new[2] = {};
	int r;

	if (have)
		memcpy(old, have->vips, sizeof(old));
	r = entries_settle(&forwarder->entries, change, refusal);
	if (change->entry && change->entry->have)
		memcpy(new, change->entry->have->vips, sizeof(new));
	for (size_t i = 0; i < ARRAY_SIZE(new) && r == 0; i++) {
		if (new[i].family != FAMILY_NONE)
			r = served_hold(&forwarder->served, &new[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(old) && r == 0; i++) {
		if (old[i].family != FAMILY_NONE)
			served_drop(&forwarder->served, &old[i]);
	}
	return r;
}

static int queue_cleanups(struct forwarder *forwarder, const struct uuid *uid,
			  const struct plan *plan, uint64_t now_ms)
{
	int r = 0;

	for (size_t i = 0; i < plan->n_cleanups && r == 0; i++)
		r = stale_add(&forwarder->stale, now_ms, uid, &plan->cleanups[i]);
	return r;
}

/* All are in the kernel, without looking. */
static int settle_all(struct forwarder *forwarder, struct entry_changes *changes, uint64_t now_ms)
{
	int r = 0;

	for (size_t i = 0; i < changes->n_items && r == 0; i++) {
		struct entry_change *change = &changes->items[i];

		r = queue_cleanups(forwarder, &change->entry->uid, &change->plan, now_ms);
		if (r == 0)
			r = settle(forwarder, change, NULL);
	}
	return r;
}

static struct transact_piece *pieces_of(const struct entry_changes *changes)
{
	struct transact_piece *pieces = calloc(changes->n_items + 1, sizeof(*pieces));

	for (size_t i = 0; pieces && i < changes->n_items; i++) {
		const struct plan *plan = &changes->items[i].plan;

		pieces[i].text = plan->text.bytes;
		pieces[i].len = plan->text.len;
		pieces[i].n_elements = plan_n_elements(plan);
	}
	return pieces;
}

static int settle_piece(struct forwarder *forwarder, struct entry_change *change,
			const struct transact_piece *piece, uint64_t now_ms)
{
	const char *refusal = piece->sentence ? piece->sentence : strerror(-piece->result);
	int r = 0;

	if (piece->result == 0)
		r = queue_cleanups(forwarder, &change->entry->uid, &change->plan, now_ms);
	else if (change->entry->gone || piece->result == -ENOENT)
		forwarder->dirty = true; /* the table is not what we think it is */
	if (r == 0)
		r = settle(forwarder, change, piece->result == 0 ? NULL : refusal);
	return r;
}

/* Many changes, or some that were refused before: the stamp is void until all are in. */
static int apply_in_turn(struct forwarder *forwarder, struct entry_changes *changes,
			 uint64_t now_ms, struct error *err)
{
	struct transact_piece *pieces = NULL;
	int r = 0;

	if (forwarder->stamped)
		r = run_stamp(forwarder, false, err);
	if (r == 0) {
		pieces = pieces_of(changes);
		r = pieces ? transact_in_turn(pieces, changes->n_items, N_ELEMENTS_MAX, run,
					      forwarder)
			   : -ENOMEM;
	}
	for (size_t i = 0; i < changes->n_items && r == 0; i++)
		r = settle_piece(forwarder, &changes->items[i], &pieces[i], now_ms);
	if (pieces)
		transact_deinit(pieces, changes->n_items);
	free(pieces);
	if (r == 0 && forwarder->entries.n_refused == 0)
		r = run_stamp(forwarder, true, err);
	return r == -ENOMEM ? error_set(err, r, "out of memory") : r;
}

/* The usual change: everything and the stamp in one transaction. Return: 1 when it does not go. */
static int apply_small(struct forwarder *forwarder, struct entry_changes *changes, uint64_t now_ms,
		       struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	size_t n_elements = 0;
	int r;

	if (forwarder->entries.n_refused > 0)
		return 1;
	for (size_t i = 0; i < changes->n_items; i++) {
		const struct plan *plan = &changes->items[i].plan;

		n_elements += plan_n_elements(plan);
		if (n_elements > N_ELEMENTS_MAX)
			return 1;
		text_add_bytes(&text, plan->text.bytes, plan->text.len);
	}
	write_stamp(forwarder, &text, true);
	if (run_text(forwarder, &text, err) < 0)
		return 1;
	forwarder->stamped = true;
	r = settle_all(forwarder, changes, now_ms);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}

static int apply_differences(struct forwarder *forwarder, struct entry_changes *changes,
			     uint64_t now_ms, struct error *err)
{
	int r;

	if (entries_plan(changes, false) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	r = apply_small(forwarder, changes, now_ms, err);
	return r > 0 ? apply_in_turn(forwarder, changes, now_ms, err) : r;
}

/* The table is being replaced: what goes on in conntrack is the difference all the same. */
static int settle_rewritten(struct forwarder *forwarder, struct entry_change *change,
			    const struct transact_piece *piece, uint64_t now_ms)
{
	struct entry *entry = change->entry;
	const struct forwarding *want = entry->gone ? NULL : entry->want;
	struct plan plan = {};
	int r = 0;

	if (piece->result == 0 && entry->have && (want || entry->gone))
		r = plan_diff(entry->have, want, &plan);
	if (r == 0)
		r = queue_cleanups(forwarder, &entry->uid, &plan, now_ms);
	plan_deinit(&plan);
	if (r < 0)
		return r;
	if (piece->result == 0)
		return settle(forwarder, change, NULL);
	for (size_t i = 0; entry->have && i < ARRAY_SIZE(entry->have->vips); i++) {
		if (entry->have->vips[i].family != FAMILY_NONE)
			served_drop(&forwarder->served, &entry->have->vips[i]);
	}
	entries_forget_have(entry);
	return settle(forwarder, change, piece->sentence ? piece->sentence : "refused");
}

static int run_rewrite(struct forwarder *forwarder, struct transact_piece *pieces, size_t n_pieces,
		       struct error *err)
{
	auto_call(text_deinit) struct text head = {}, tail = {}, tail_if_refused = {};

	ruleset_write_removal(&head);
	ruleset_write(&head, &forwarder->options);
	write_stamp(forwarder, &tail, forwarder->entries.n_refused == 0);
	write_stamp(forwarder, &tail_if_refused, false);
	if (head.failed || tail.failed || tail_if_refused.failed)
		return error_set(err, -ENOMEM, "out of memory");
	return transact_at_once(pieces, n_pieces, head.bytes, tail.bytes, tail_if_refused.bytes,
				run, check, forwarder, err);
}

/* Everything anew in one transaction, whatever is there: no packet meets half a table. */
static int rewrite(struct forwarder *forwarder, struct entry_changes *changes, uint64_t now_ms,
		   struct error *err)
{
	struct transact_piece *pieces = NULL;
	bool refused_before = forwarder->entries.n_refused > 0;
	int r;

	r = entries_stage_all(&forwarder->entries, changes);
	if (r == 0)
		r = entries_plan(changes, true);
	pieces = r == 0 ? pieces_of(changes) : NULL;
	if (!pieces)
		return error_set(err, -ENOMEM, "out of memory");
	r = run_rewrite(forwarder, pieces, changes->n_items, err);
	for (size_t i = 0; i < changes->n_items && r == 0; i++)
		r = settle_rewritten(forwarder, &changes->items[i], &pieces[i], now_ms);
	transact_deinit(pieces, changes->n_items);
	free(pieces);
	if (r < 0)
		return r == -ENOMEM ? error_set(err, r, "out of memory") : r;
	flowtable_forget(&forwarder->flowtable);
	forwarder->table = true;
	forwarder->dirty = false;
	forwarder->stamped = !refused_before && forwarder->entries.n_refused == 0;
	return 0;
}

static int write_table(struct forwarder *forwarder, struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	int r;

	ruleset_write(&text, &forwarder->options);
	write_stamp(forwarder, &text, false);
	r = run_text(forwarder, &text, err);
	if (r < 0)
		return error_prefix(err, r, "table inet " RULESET_TABLE " cannot be made");
	flowtable_forget(&forwarder->flowtable);
	forwarder->table = true;
	forwarder->stamped = false;
	return 0;
}

/* The last LoadBalancer is gone: so is everything of ours. */
static int remove_table(struct forwarder *forwarder, struct entry_changes *changes, uint64_t now_ms,
			struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	int r = 0;

	if (forwarder->table) {
		ruleset_write_removal(&text);
		r = run_text(forwarder, &text, err);
	}
	if (r < 0)
		return error_prefix(err, r, "table inet " RULESET_TABLE " cannot be removed");
	forwarder->table = forwarder->stamped = forwarder->dirty = false;
	flowtable_forget(&forwarder->flowtable);
	r = entries_plan(changes, false);
	if (r == 0)
		r = settle_all(forwarder, changes, now_ms);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}

static bool may_adopt(const struct forwarder *forwarder, const struct ruleset_stamp *stamp)
{
	return forwarder->entries.n_refused == 0 &&
	       stamp->rules == ruleset_digest(&forwarder->options) &&
	       stamp->digest == forwarder->entries.digest;
}

/* The first state meets what a former run left. */
static int apply_first(struct forwarder *forwarder, struct entry_changes *changes, uint64_t now_ms,
		       struct error *err)
{
	struct ruleset_stamp stamp = {};
	enum watch_table table;
	int r;

	r = watch_find_table(forwarder->watch, &table, &stamp, err);
	if (r < 0)
		return r;
	forwarder->table = table != WATCH_TABLE_ABSENT;
	if (forwarder->entries.n_alive == 0)
		return remove_table(forwarder, changes, now_ms, err);
	if (table == WATCH_TABLE_STAMPED && may_adopt(forwarder, &stamp)) {
		forwarder->stamped = true;
		r = settle_all(forwarder, changes, now_ms);
		return r < 0 ? error_set(err, r, "out of memory") : 0;
	}
	if (forwarder->table)
		return rewrite(forwarder, changes, now_ms, err);
	r = write_table(forwarder, err);
	return r < 0 ? r : apply_differences(forwarder, changes, now_ms, err);
}

static int apply_changes(struct forwarder *forwarder, struct entry_changes *changes,
			 uint64_t now_ms, struct error *err)
{
	int r = 0;

	if (!forwarder->loaded)
		return apply_first(forwarder, changes, now_ms, err);
	if (forwarder->entries.n_alive == 0)
		return remove_table(forwarder, changes, now_ms, err);
	if (forwarder->dirty)
		return rewrite(forwarder, changes, now_ms, err);
	if (!forwarder->table)
		r = write_table(forwarder, err);
	return r < 0 ? r : apply_differences(forwarder, changes, now_ms, err);
}

static const struct forwarding *find_forwarding(void *user, const struct uuid *lb)
{
	const struct forwarder *forwarder = user;
	const struct entry *entry = entries_find(&forwarder->entries, lb);

	return entry ? entry->have : NULL;
}

/* What fails here does not stop the forwarding: it becomes a condition, until it goes well. */
static void keep_failure(struct error *kept, int r, const struct error *err)
{
	*kept = r < 0 ? *err : (struct error){};
}

static int run_cleanups(struct forwarder *forwarder, uint64_t now_ms)
{
	auto_free struct conntrack_filter *filters = NULL;
	struct error err = {};
	size_t n_filters;
	int r;

	if (stale_next_ms(&forwarder->stale) > now_ms)
		return 0;
	r = stale_take_due(&forwarder->stale, now_ms, find_forwarding, forwarder, &filters,
			   &n_filters);
	if (r < 0)
		return r;
	r = conntrack_delete(forwarder->conntrack, filters, n_filters, &err);
	keep_failure(&forwarder->conntrack_failure, r, &err);
	return 0;
}

static void sync_routes(struct forwarder *forwarder)
{
	struct error err = {};
	int r;

	r = served_sync(&forwarder->served, forwarder->link, &err);
	keep_failure(&forwarder->route_failure, r, &err);
}

static bool has_bridge_ports(const struct link_device *devices, size_t n_devices)
{
	for (size_t i = 0; i < n_devices; i++) {
		size_t n_ports = 0;

		for (size_t k = 0; k < n_devices && devices[i].bridge; k++)
			n_ports += devices[k].master == devices[i].index;
		if (n_ports > 1)
			return true;
	}
	return false;
}

static int update_flowtable(struct forwarder *forwarder, const struct link_device *devices,
			    size_t n_devices, struct error *err)
{
	uint32_t n_runs = 0;
	int r;

	if (!forwarder->options.flowtable || !forwarder->table)
		return 0;
	r = flowtable_update(&forwarder->flowtable, forwarder->nft, devices, n_devices, &n_runs,
			     err);
	forwarder->n_runs += n_runs;
	return r;
}

/* Links as they are now: the flowtable follows them. */
static void look_at_links(struct forwarder *forwarder)
{
	auto_free struct link_device *devices = NULL;
	struct error err = {};
	size_t n_devices = 0;
	int r;

	r = link_list_devices(forwarder->link, &devices, &n_devices, &err);
	if (r == 0) {
		forwarder->facts.bridge_ports = has_bridge_ports(devices, n_devices);
		r = update_flowtable(forwarder, devices, n_devices, &err);
	}
	keep_failure(&forwarder->flowtable_failure, r, &err);
}

static void look_around(struct forwarder *forwarder, uint64_t now_ms)
{
	struct condition_facts *facts = &forwarder->facts;

	forwarder->look_ms = now_ms + LOOK_MS;
	link_read_settings(&facts->settings);
	if (conntrack_fill(&facts->conntrack_count, &facts->conntrack_max) < 0)
		facts->conntrack_count = facts->conntrack_max = 0;
}

int forwarder_new(const char *path, const char *node, struct nft *nft, uint64_t now_ms,
		  struct forwarder **ret_forwarder, struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	auto_call(forwarder_freep) struct forwarder *forwarder = NULL;
	int r;

	forwarder = calloc(1, sizeof(*forwarder));
	if (!forwarder)
		return error_set(err, -ENOMEM, "out of memory");
	forwarder->netns = -1;
	forwarder->nft = nft;
	forwarder->node = strdup(node);
	if (!forwarder->node)
		return error_set(err, -ENOMEM, "out of memory");
	r = netns_open(path, &forwarder->netns, err);
	if (r == 0)
		r = netns_enter(forwarder->netns, &visit, err);
	if (r == 0)
		r = link_new(&forwarder->link, err);
	if (r == 0)
		r = link_raise_lo(forwarder->link, err);
	if (r == 0)
		r = conntrack_new(&forwarder->conntrack, err);
	if (r == 0)
		r = watch_new(&forwarder->watch, err);
	if (r < 0)
		return r;
	forwarder->options.flowtable = flowtable_is_supported(nft);
	look_at_links(forwarder);
	look_around(forwarder, now_ms);
	*ret_forwarder = TAKE(forwarder);
	return 0;
}

void forwarder_free(struct forwarder *forwarder)
{
	if (!forwarder)
		return;
	entries_deinit(&forwarder->entries);
	served_deinit(&forwarder->served);
	stale_deinit(&forwarder->stale);
	flowtable_forget(&forwarder->flowtable);
	watch_free(forwarder->watch);
	conntrack_free(forwarder->conntrack);
	link_free(forwarder->link);
	if (forwarder->netns >= 0)
		(void)close(forwarder->netns);
	free(forwarder->node);
	free(forwarder);
}

/* Returns true when there is anything new. */
static bool take_news(struct forwarder *forwarder, struct watch_news *news)
{
	watch_read(forwarder->watch, news);
	if (news->table && forwarder->table) {
		forwarder->dirty = true;
		memcpy(forwarder->editor, news->editor, sizeof(forwarder->editor));
	}
	return news->table || news->links;
}

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static size_t n_elements_of(const struct entry_changes *changes)
{
	size_t sum = 0;

	for (size_t i = 0; i < changes->n_items; i++)
		sum += plan_n_elements(&changes->items[i].plan);
	return sum;
}

/* After the rules: routes, devices, conntrack entries. */
static int follow_up(struct forwarder *forwarder, uint64_t now_ms)
{
	struct error err = {};

	sync_routes(forwarder);
	if (!forwarder->loaded && served_sweep(&forwarder->served, forwarder->link, &err) < 0)
		forwarder->route_failure = err;
	if (forwarder->options.flowtable && forwarder->flowtable.n_devices == 0)
		look_at_links(forwarder);
	return run_cleanups(forwarder, now_ms);
}

static int add_conditions(const struct forwarder *forwarder, struct status *status)
{
	struct condition_facts facts = forwarder->facts;

	facts.has_vips4 = forwarder->served.n_held[0] > 0;
	facts.has_vips6 = forwarder->served.n_held[1] > 0;
	facts.flowtable = forwarder->options.flowtable;
	facts.flowtable_failure = forwarder->flowtable_failure.text;
	facts.conntrack_failure = forwarder->conntrack_failure.text;
	facts.route_failure = forwarder->route_failure.text;
	facts.editor = forwarder->editor;
	return conditions_add(status, &facts);
}

/* Did what an operator would see change since it was last asked? */
static int conditions_changed(struct forwarder *forwarder, bool *ret_changed)
{
	auto_call(text_deinit) struct text text = {};
	struct status status = {};
	uint64_t digest;
	int r;

	r = add_conditions(forwarder, &status);
	for (size_t i = 0; i < status.n_conditions; i++) {
		text_addf(&text, "%s\n", status.conditions[i].reason);
		free(status.conditions[i].reason);
		free(status.conditions[i].sentence);
	}
	free(status.conditions);
	if (r < 0 || text.failed)
		return -ENOMEM;
	digest = hash_bytes(text.bytes, text.len);
	*ret_changed = digest != forwarder->conditions;
	forwarder->conditions = digest;
	return 0;
}

int forwarder_apply(struct forwarder *forwarder, const struct desired *desired, uint64_t now_ms,
		    struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	auto_call(entry_changes_deinit) struct entry_changes changes = {};
	struct watch_news news;
	bool ignored;
	int r;

	r = netns_enter(forwarder->netns, &visit, err);
	if (r < 0)
		return r;
	(void)take_news(forwarder, &news);
	forwarder->facts.n_repairs = 0;
	if (entries_stage(&forwarder->entries, desired, forwarder->node, &changes) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	forwarder->revision = desired->revision;
	forwarder->n_runs = 0;
	watch_pause(forwarder->watch);
	r = apply_changes(forwarder, &changes, now_ms, err);
	if (r == 0 && follow_up(forwarder, now_ms) < 0)
		r = error_set(err, -ENOMEM, "out of memory");
	watch_resume(forwarder->watch, forwarder->n_runs);
	if (n_elements_of(&changes) > N_LARGE)
		nft_trim();
	forwarder->loaded = true;
	forwarder->applied_at_ms = wall_ms();
	if (r == 0 && conditions_changed(forwarder, &ignored) < 0)
		r = error_set(err, -ENOMEM, "out of memory");
	return r;
}

int forwarder_status(const struct forwarder *forwarder, struct status **ret_status)
{
	auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));

	if (!status)
		return -ENOMEM;
	status->revision = forwarder->revision;
	status->digest = forwarder->entries.digest;
	status->applied_at_ms = forwarder->applied_at_ms;
	if (served_list(&forwarder->served, &status->addresses, &status->n_addresses) < 0 ||
	    entries_add_refusals(&forwarder->entries, status) < 0 ||
	    add_conditions(forwarder, status) < 0)
		return -ENOMEM;
	*ret_status = TAKE(status);
	return 0;
}

void forwarder_fds(const struct forwarder *forwarder, int ret_fds[static WATCH_N_FDS])
{
	watch_fds(forwarder->watch, ret_fds);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t forwarder_next_ms(const struct forwarder *forwarder)
{
	uint64_t next = earlier(forwarder->look_ms, stale_next_ms(&forwarder->stale));

	return forwarder->dirty ? earlier(next, forwarder->repair_ms) : next;
}

static int repair(struct forwarder *forwarder, uint64_t now_ms, struct error *err)
{
	auto_call(entry_changes_deinit) struct entry_changes changes = {};
	int r;

	if (!forwarder->dirty || now_ms < forwarder->repair_ms)
		return 0;
	forwarder->repair_ms = now_ms + REPAIR_MS;
	forwarder->facts.n_repairs++;
	r = rewrite(forwarder, &changes, now_ms, err);
	if (r == 0)
		look_at_links(forwarder);
	if (n_elements_of(&changes) > N_LARGE)
		nft_trim();
	return r;
}

int forwarder_step(struct forwarder *forwarder, uint64_t now_ms, bool *ret_changed,
		   struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	uint32_t n_repairs = forwarder->facts.n_repairs;
	struct watch_news news;
	int r;

	if (!take_news(forwarder, &news) && forwarder_next_ms(forwarder) > now_ms) {
		*ret_changed = false;
		return 0;
	}
	r = netns_enter(forwarder->netns, &visit, err);
	if (r < 0)
		return r;
	forwarder->n_runs = 0;
	watch_pause(forwarder->watch);
	r = repair(forwarder, now_ms, err);
	if (r == 0 && news.links)
		look_at_links(forwarder);
	if (news.links || forwarder->look_ms <= now_ms)
		look_around(forwarder, now_ms);
	if (forwarder->served.changed)
		sync_routes(forwarder);
	if (r == 0 && run_cleanups(forwarder, now_ms) < 0)
		r = error_set(err, -ENOMEM, "out of memory");
	watch_resume(forwarder->watch, forwarder->n_runs);
	if (r == 0 && conditions_changed(forwarder, ret_changed) < 0)
		r = error_set(err, -ENOMEM, "out of memory");
	*ret_changed |= forwarder->facts.n_repairs != n_repairs;
	return r;
}
