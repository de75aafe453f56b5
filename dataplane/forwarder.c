/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/forwarder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/hash.h"
#include "base/text.h"
#include "dataplane/accounting.h"
#include "dataplane/conntrack.h"
#include "dataplane/leftovers.h"
#include "dataplane/netns.h"
#include "dataplane/onlink.h"
#include "dataplane/pace.h"
#include "dataplane/presence.h"
#include "dataplane/surroundings.h"
#include "dataplane/table.h"

#define REPAIR_MS 1000 /* least time between repairs: someone may edit in a loop */
#define RETRY_MS  2000 /* what was refused may have stood in the way of a neighbour, or of memory */

struct forwarder {
	int netns;
	char *node;
	struct conntrack *conntrack;
	struct watch *watch;
	struct table table;
	struct surroundings surroundings;
	struct accounting *accounting;
	bool accounting_failed; /* ends of connections are not heard of */
	uint64_t n_repairs;

	enum watch_table found, found_stand_in; /* of a former run, before the first state */
	struct ruleset_stamp stamp;             /* of the one that was found */
	struct onlink *onlink;
	struct pace places; /* links or their addresses changed */
	struct presence presence;
	struct pace look;   /* for machines */
	bool look_failed;   /* it is due again with the next look at the surroundings */
	bool presence_news; /* to be told */

	bool loaded;        /* the first state is in */
	bool links_changed; /* and nobody has looked since */
	uint64_t repair_ms; /* no repair before */
	uint64_t retry_ms;  /* when refused ones are tried again, if there are any */
	uint64_t applied_at_ms;
	struct error conntrack_failure, route_failure; /* no text: none */
	char editor[sizeof(((struct watch_news *)0)->editor)];
	uint64_t conditions; /* digest of those that were last reported */
};

/* What a former run left. */
static int look_for_tables(struct forwarder *forwarder, struct error *err)
{
	struct ruleset_stamp ignored;
	int r;

	forwarder->stamp = (struct ruleset_stamp){};
	r = watch_find_table(forwarder->watch, RULESET_STAND_IN, &forwarder->found_stand_in,
			     &ignored, err);
	if (r == 0)
		r = watch_find_table(forwarder->watch, RULESET_TABLE, &forwarder->found,
				     &forwarder->stamp, err);
	forwarder->table.stand_in = forwarder->found_stand_in == WATCH_TABLE_STAMPED;
	return r;
}

static int open_edges(struct forwarder *forwarder, const char *path, bool account, uint64_t now_ms,
		      struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	int r;

	r = netns_open(path, &forwarder->netns, err);
	if (r == 0)
		r = netns_visit(forwarder->netns, &visit, err);
	if (r == 0)
		r = surroundings_init(&forwarder->surroundings, err);
	if (r == 0)
		r = conntrack_new(&forwarder->conntrack, err);
	if (r == 0)
		r = onlink_new(&forwarder->onlink, err);
	if (r == 0)
		r = watch_new(&forwarder->watch, err);
	if (r == 0)
		r = look_for_tables(forwarder, err);
	if (r < 0)
		return r;
	forwarder->table.options.flowtable = flowtable_is_supported(forwarder->table.nft);
	if (account && forwarder->table.options.flowtable &&
	    accounting_follow(forwarder->accounting, UINT64_MAX, NULL) < 0)
		forwarder->accounting_failed = true; /* forwarding does not depend on counting */
	surroundings_look_at_links(&forwarder->surroundings, &forwarder->table);
	surroundings_look(&forwarder->surroundings, now_ms);
	return 0;
}

int forwarder_new(const char *path, const char *node, struct nft *nft, bool account,
		  uint64_t now_ms, struct forwarder **ret_forwarder, struct error *err)
{
	auto_call(forwarder_freep) struct forwarder *forwarder = NULL;
	int r;

	forwarder = calloc(1, sizeof(*forwarder));
	if (!forwarder)
		return error_set(err, -ENOMEM, "out of memory");
	forwarder->netns = -1;
	forwarder->table.nft = nft;
	forwarder->node = strdup(node);
	if (!forwarder->node || accounting_new(&forwarder->accounting) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	r = open_edges(forwarder, path, account, now_ms, err);
	if (r < 0)
		return r;
	*ret_forwarder = TAKE(forwarder);
	return 0;
}

bool forwarder_found_table(const struct forwarder *forwarder)
{
	return forwarder->found != WATCH_TABLE_ABSENT || forwarder->table.stand_in;
}

void forwarder_free(struct forwarder *forwarder)
{
	if (!forwarder)
		return;
	presence_deinit(&forwarder->presence);
	table_deinit(&forwarder->table);
	surroundings_deinit(&forwarder->surroundings);
	onlink_free(forwarder->onlink);
	watch_free(forwarder->watch);
	conntrack_free(forwarder->conntrack);
	accounting_free(forwarder->accounting);
	if (forwarder->netns >= 0)
		(void)close(forwarder->netns);
	free(forwarder->node);
	free(forwarder);
}

/* What fails here does not stop the forwarding: it becomes a condition, until it goes well. */
static void keep_failure(struct error *kept, int r, const struct error *err)
{
	*kept = r < 0 ? *err : (struct error){};
}

/*
 * Ours of a former run, unless its stamp says that it is what is wanted now, is replaced. In both
 * cases nobody but conntrack knows what that run was about to clean up.
 */
static int take_over(struct forwarder *forwarder, struct entry_changes *changes, uint64_t now_ms,
		     struct error *err)
{
	struct table *table = &forwarder->table;
	struct error failure = {};
	bool adopted;
	int r;

	r = table_adopt(table, &forwarder->stamp, changes, &adopted, err);
	if (r == 0 && !adopted)
		r = table->entries.n_alive == 0 ? table_remove(table, changes, now_ms, err)
						: table_rewrite(table, changes, now_ms, err);
	if (r < 0)
		return r;
	r = leftovers_delete(forwarder->conntrack, &table->entries, &table->stale, now_ms,
			     &failure);
	keep_failure(&forwarder->conntrack_failure, r, &failure);
	return 0;
}

static int apply_differences(struct table *table, struct entry_changes *changes, uint64_t now_ms,
			     struct error *err)
{
	int r = 0;

	if (table->entries.n_alive == 0)
		return table_remove(table, changes, now_ms, err);
	if (table->dirty)
		return table_rewrite(table, changes, now_ms, err);
	if (!table->present)
		r = table_create(table, err);
	return r < 0 ? r : table_apply(table, changes, now_ms, err);
}

static int apply_changes(struct forwarder *forwarder, struct entry_changes *changes,
			 uint64_t now_ms, struct error *err)
{
	int r;

	if (!forwarder->loaded) {
		r = look_for_tables(forwarder, err);
		if (r == 0 && forwarder->found_stand_in == WATCH_TABLE_UNSTAMPED)
			r = table_remove_stand_in(&forwarder->table, err);
		if (r < 0)
			return r;
		if (forwarder_found_table(forwarder))
			return take_over(forwarder, changes, now_ms, err);
	}
	return apply_differences(&forwarder->table, changes, now_ms, err);
}

static const struct forwarding *find_forwarding(void *user, const struct uuid *lb)
{
	const struct table *table = user;
	const struct entry *entry = entries_find(&table->entries, lb);

	return entry ? entry->have : NULL;
}

/* Where it fails, the flows time out by themselves in the end. */
static int delete_stale(struct forwarder *forwarder, uint64_t now_ms)
{
	auto_free struct conntrack_filter *filters = NULL;
	struct table *table = &forwarder->table;
	struct error err = {};
	size_t n_filters;
	int r;

	if (stale_next_ms(&table->stale) > now_ms)
		return 0;
	r = stale_take_due(&table->stale, now_ms, find_forwarding, table, &filters, &n_filters);
	if (r < 0)
		return r;
	r = conntrack_delete(forwarder->conntrack, filters, n_filters, &err);
	keep_failure(&forwarder->conntrack_failure, r, &err);
	return 0;
}

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now); /* cannot fail for the clocks that are used here */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Where clients find the VIPs. What fails is tried again. */
static void sync_routes(struct forwarder *forwarder, uint64_t now_ms)
{
	struct served *served = &forwarder->table.served;
	uint64_t start_ms = clock_ms(CLOCK_MONOTONIC);
	struct error err = {};
	int r, result;

	result = served_sync(served, forwarder->surroundings.link, &err);
	r = onlink_sync(forwarder->onlink, served->list, served->n_list, &err);
	keep_failure(&forwarder->route_failure, r < 0 ? r : result, &err);
	pace_end(&forwarder->places, now_ms, clock_ms(CLOCK_MONOTONIC) - start_ms);
	forwarder->places.due = r < 0 || result < 0;
	if (forwarder->places.due && forwarder->places.after_ms < now_ms + RETRY_MS)
		forwarder->places.after_ms = now_ms + RETRY_MS;
}

static void take_news(struct forwarder *forwarder, struct watch_news *ret_news)
{
	watch_read(forwarder->watch, ret_news);
	if (ret_news->links || ret_news->routes)
		forwarder->look.due = forwarder->places.due = true;
	if (ret_news->table && forwarder->table.present) {
		forwarder->table.dirty = true;
		memcpy(forwarder->editor, ret_news->editor, sizeof(forwarder->editor));
	}
}

static int add_conditions(const struct forwarder *forwarder, struct status *status)
{
	const struct served *served = &forwarder->table.served;
	struct condition_facts facts = forwarder->surroundings.facts;

	facts.has_vips4 = served->n_held[family_index(FAMILY_IPV4)] > 0;
	facts.has_vips6 = served->n_held[family_index(FAMILY_IPV6)] > 0;
	facts.flowtable = forwarder->table.options.flowtable;
	facts.flowtable_failure = forwarder->surroundings.flowtable_failure.text;
	facts.conntrack_failure = forwarder->conntrack_failure.text;
	facts.route_failure = forwarder->route_failure.text;
	facts.editor = forwarder->editor;
	return conditions_add(status, &facts);
}

/* Did what an operator would see change since it was last asked? */
static int conditions_changed(struct forwarder *forwarder, bool *ret_changed)
{
	auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));
	auto_call(text_deinit) struct text text = {};
	uint64_t digest;

	if (!status || add_conditions(forwarder, status) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < status->n_conditions; i++)
		text_addf(&text, "%s\n", status->conditions[i].reason);
	if (text.failed)
		return -ENOMEM;
	digest = hash_bytes(text.bytes, text.len);
	*ret_changed = digest != forwarder->conditions;
	forwarder->conditions = digest;
	return 0;
}

static int apply_staged(struct forwarder *forwarder, struct entry_changes *changes, uint64_t now_ms,
			struct error *err)
{
	bool ignored; /* the status of this change is reported anyway */
	int r;

	forwarder->table.n_runs = 0;
	watch_pause(forwarder->watch);
	r = apply_changes(forwarder, changes, now_ms, err);
	if (forwarder->table.bare || !forwarder->loaded)
		surroundings_look_at_links(&forwarder->surroundings, &forwarder->table);
	watch_resume(forwarder->watch, forwarder->table.n_runs);
	if (r < 0)
		return r;
	sync_routes(forwarder, now_ms);
	if (delete_stale(forwarder, now_ms) < 0 || conditions_changed(forwarder, &ignored) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

int forwarder_apply(struct forwarder *forwarder, const struct desired *desired, uint64_t now_ms,
		    struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	auto_call(entry_changes_deinit) struct entry_changes changes = {};
	struct watch_news news;
	int r;

	r = netns_visit(forwarder->netns, &visit, err);
	if (r < 0)
		return r;
	take_news(forwarder, &news);
	if (entries_stage(&forwarder->table.entries, desired, forwarder->node, &changes) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	forwarder->table.revision = desired->revision;
	forwarder->surroundings.facts.n_repairs = 0;
	r = apply_staged(forwarder, &changes, now_ms, err);
	if (news.links) { /* not lost: in the next step */
		forwarder->links_changed = true;
		forwarder->surroundings.look_ms = now_ms;
	}
	forwarder->loaded = true;
	forwarder->retry_ms = now_ms + RETRY_MS;
	forwarder->applied_at_ms = clock_ms(CLOCK_REALTIME);
	return r;
}

int forwarder_status(const struct forwarder *forwarder, struct status **ret_status)
{
	auto_call(status_freep) struct status *status = calloc(1, sizeof(*status));
	const struct table *table = &forwarder->table;

	if (!status)
		return -ENOMEM;
	status->revision = table->revision;
	status->digest = table->entries.digest;
	status->applied_at_ms = forwarder->applied_at_ms;
	if (served_list(&table->served, &status->addresses, &status->n_addresses) < 0 ||
	    entries_add_refusals(&table->entries, status) < 0 ||
	    add_conditions(forwarder, status) < 0)
		return -ENOMEM;
	*ret_status = TAKE(status);
	return 0;
}

int forwarder_count(struct forwarder *forwarder, bool destinations, uint64_t now_ms,
		    struct traffic **ret_traffic, struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	auto_call(traffic_freep) struct traffic *traffic = calloc(1, sizeof(*traffic));
	const struct accounting_scope scope = {
		.entries = &forwarder->table.entries,
		.conntrack = forwarder->conntrack,
		.offloads = forwarder->table.options.flowtable,
		.destinations = destinations,
	};
	int r;

	if (!traffic)
		return error_set(err, -ENOMEM, "out of memory");
	r = netns_visit(forwarder->netns, &visit, err);
	if (r == 0)
		r = accounting_read(forwarder->accounting, &scope, now_ms, traffic, err);
	if (r < 0)
		return r;
	if (conntrack_fill(&traffic->conntrack_count, &traffic->conntrack_max) < 0)
		traffic->conntrack_count = traffic->conntrack_max = 0;
	traffic->n_repairs = forwarder->n_repairs;
	traffic->n_missed += forwarder->accounting_failed;
	*ret_traffic = TAKE(traffic);
	return 0;
}

int forwarder_attend(struct forwarder *forwarder, const struct address *addresses,
		     size_t n_addresses)
{
	int r = presence_attend(&forwarder->presence, addresses, n_addresses);

	if (r == 0)
		forwarder->look.due = forwarder->presence_news = true;
	return r;
}

void forwarder_swap_presence(struct forwarder *forwarder, struct presence *presence)
{
	struct presence before = forwarder->presence;

	forwarder->presence = *presence;
	*presence = before;
}

uint64_t forwarder_inode(const struct forwarder *forwarder)
{
	struct stat stat;

	return fstat(forwarder->netns, &stat) == 0 ? stat.st_ino : 0;
}

/* What cannot be looked at now stays as it is known until the next look. */
static void look_for_machines(struct forwarder *forwarder, uint64_t now_ms)
{
	uint64_t start_ms = clock_ms(CLOCK_MONOTONIC);
	struct error err = {};
	bool changed = false;
	int r;

	if (!pace_begin(&forwarder->look, now_ms))
		return;
	r = presence_look(&forwarder->presence, forwarder->surroundings.link, &changed, &err);
	pace_end(&forwarder->look, now_ms, clock_ms(CLOCK_MONOTONIC) - start_ms);
	forwarder->look_failed = r < 0;
	forwarder->presence_news = forwarder->presence_news || changed;
}

bool forwarder_take_absent(struct forwarder *forwarder, struct address **ret_absent,
			   size_t *ret_n_absent)
{
	if (!forwarder->presence_news || forwarder->look.due ||
	    presence_list(&forwarder->presence, ret_absent, ret_n_absent) < 0)
		return false;
	forwarder->presence_news = false;
	return true;
}

void forwarder_fds(const struct forwarder *forwarder, int ret_fds[static FORWARDER_N_FDS])
{
	watch_fds(forwarder->watch, ret_fds);
	ret_fds[WATCH_N_FDS] = accounting_fd(forwarder->accounting);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t forwarder_next_ms(const struct forwarder *forwarder)
{
	uint64_t next =
		earlier(forwarder->surroundings.look_ms, stale_next_ms(&forwarder->table.stale));

	next = earlier(next, accounting_next_ms(forwarder->accounting));
	next = earlier(next, pace_next_ms(&forwarder->look));
	if (forwarder->loaded)
		next = earlier(next, pace_next_ms(&forwarder->places));
	if (forwarder->table.entries.n_refused > 0)
		next = earlier(next, forwarder->retry_ms);
	return forwarder->table.dirty ? earlier(next, forwarder->repair_ms) : next;
}

static int repair(struct forwarder *forwarder, uint64_t now_ms, struct error *err)
{
	auto_call(entry_changes_deinit) struct entry_changes changes = {};

	forwarder->repair_ms = now_ms + REPAIR_MS;
	forwarder->surroundings.facts.n_repairs++;
	forwarder->n_repairs++;
	return table_rewrite(&forwarder->table, &changes, now_ms, err);
}

/* A change that names nothing: some of those that were refused have their turn. */
static int retry(struct forwarder *forwarder, uint64_t now_ms, struct error *err)
{
	auto_call(entry_changes_deinit) struct entry_changes changes = {};
	struct table *table = &forwarder->table;
	const struct desired nothing = {};

	forwarder->retry_ms = now_ms + RETRY_MS;
	if (entries_stage(&table->entries, &nothing, forwarder->node, &changes) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (changes.n_items == 0)
		return 0;
	return apply_differences(table, &changes, now_ms, err);
}

/* What may run transactions: others' notifications are off for no longer than that. */
static int do_table(struct forwarder *forwarder, bool links, uint64_t now_ms, struct error *err)
{
	bool repair_due = forwarder->table.dirty && now_ms >= forwarder->repair_ms;
	bool retry_due = forwarder->table.entries.n_refused > 0 && !forwarder->table.dirty &&
			 now_ms >= forwarder->retry_ms;
	int r = 0;

	if (!links && !repair_due && !retry_due)
		return 0;
	forwarder->table.n_runs = 0;
	watch_pause(forwarder->watch);
	if (repair_due)
		r = repair(forwarder, now_ms, err);
	else if (retry_due)
		r = retry(forwarder, now_ms, err);
	if (links || forwarder->table.bare)
		surroundings_look_at_links(&forwarder->surroundings, &forwarder->table);
	watch_resume(forwarder->watch, forwarder->table.n_runs);
	return r;
}

static int do_due(struct forwarder *forwarder, bool links, uint64_t now_ms, struct error *err)
{
	int r;

	r = do_table(forwarder, links, now_ms, err);
	if (r < 0)
		return r;
	if (links || forwarder->surroundings.look_ms <= now_ms) {
		surroundings_look(&forwarder->surroundings, now_ms);
		forwarder->look.due |= TAKE(forwarder->look_failed);
	}
	forwarder->places.due |= served_is_due(&forwarder->table.served);
	if (forwarder->loaded && pace_begin(&forwarder->places, now_ms))
		sync_routes(forwarder, now_ms);
	return delete_stale(forwarder, now_ms) < 0 ? error_set(err, -ENOMEM, "out of memory") : 0;
}

int forwarder_step(struct forwarder *forwarder, uint64_t now_ms, bool *ret_changed,
		   struct error *err)
{
	auto_call(netns_leave) struct netns_visit visit = NETNS_AT_HOME;
	uint32_t n_repairs = forwarder->surroundings.facts.n_repairs;
	size_t n_refused = forwarder->table.entries.n_refused;
	struct watch_news news;
	int r;

	take_news(forwarder, &news);
	look_for_machines(forwarder, now_ms);
	accounting_step(forwarder->accounting, now_ms);
	*ret_changed = false;
	if (!news.links && forwarder_next_ms(forwarder) > now_ms)
		return 0;
	r = netns_visit(forwarder->netns, &visit, err);
	if (r < 0)
		return r;
	r = do_due(forwarder, news.links || forwarder->links_changed, now_ms, err);
	forwarder->links_changed = false;
	if (r == 0 && conditions_changed(forwarder, ret_changed) < 0)
		r = error_set(err, -ENOMEM, "out of memory");
	*ret_changed |= forwarder->surroundings.facts.n_repairs != n_repairs ||
			forwarder->table.entries.n_refused != n_refused;
	return r;
}
