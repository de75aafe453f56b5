/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/accounting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "dataplane/accounts.h"
#include "dataplane/counters.h"

struct accounting {
	struct accounts accounts;
	struct counters *counters; /* NULL until it is needed */
	struct conntrack_ends *ends;
	uint64_t follow_until_ms;
	uint64_t paused_until_ms; /* 0: the descriptor is polled */
	uint64_t idle_at_ms;      /* without a reading before, idle accounts are dropped */
	uint64_t n_missed;
};

int accounting_new(struct accounting **ret_accounting)
{
	*ret_accounting = calloc(1, sizeof(struct accounting));
	return *ret_accounting ? 0 : -ENOMEM;
}

void accounting_free(struct accounting *accounting)
{
	if (!accounting)
		return;
	accounts_clear(&accounting->accounts);
	counters_free(accounting->counters);
	conntrack_ends_free(accounting->ends);
	free(accounting);
}

int accounting_follow(struct accounting *accounting, uint64_t until_ms, struct error *err)
{
	if (until_ms > accounting->follow_until_ms)
		accounting->follow_until_ms = until_ms;
	if (accounting->ends)
		return 0;
	accounts_clear(&accounting->accounts);
	return conntrack_ends_new(&accounting->ends, err);
}

int accounting_fd(const struct accounting *accounting)
{
	return accounting->ends && accounting->paused_until_ms == 0
		       ? conntrack_ends_fd(accounting->ends)
		       : -1;
}

uint64_t accounting_next_ms(const struct accounting *accounting)
{
	if (!accounting->ends)
		return UINT64_MAX;
	if (accounting->paused_until_ms != 0)
		return accounting->paused_until_ms;
	return accounting->follow_until_ms;
}

/* An entry of a LoadBalancer's, with what it has carried. */
static bool is_ours(const struct conntrack_entry *entry)
{
	return entry->mark != 0 && entry->balanced;
}

struct reading {
	struct accounts *accounts;
	uint64_t now_ms;
	bool has_sums;
};

static void on_end(void *user, const struct conntrack_entry *entry)
{
	const struct reading *reading = user;

	/* Notifications of ends do not say whether it was translated, and only ours have marks. */
	if (entry->mark != 0)
		accounts_ended(reading->accounts, entry->mark >> 8, &entry->destination,
			       entry->sums, reading->now_ms);
}

static void read_ends(struct accounting *accounting, uint64_t now_ms)
{
	struct reading reading = {&accounting->accounts, now_ms, false};
	int r = conntrack_ends_read(accounting->ends, on_end, &reading);

	accounting->n_missed += r < 0;
	accounting->paused_until_ms = r == 0 ? 0 : now_ms + ACCOUNTING_PAUSE_MS;
}

void accounting_step(struct accounting *accounting, uint64_t now_ms)
{
	if (!accounting->ends || accounting->paused_until_ms > now_ms)
		return;
	read_ends(accounting, now_ms);
	if (accounting->idle_at_ms <= now_ms) {
		accounts_drop_idle(&accounting->accounts, now_ms);
		accounting->idle_at_ms = now_ms + ACCOUNTS_IDLE_MS;
	}
	if (accounting->follow_until_ms <= now_ms) {
		conntrack_ends_free(TAKE(accounting->ends));
		accounting->paused_until_ms = 0;
	}
}

static void on_live(void *user, const struct conntrack_entry *entry)
{
	struct reading *reading = user;

	if (!is_ours(entry))
		return;
	reading->has_sums = reading->has_sums || entry->counted;
	accounts_live(reading->accounts, entry->mark >> 8, &entry->destination, entry->sums,
		      reading->now_ms);
}

static void on_connections(void *user, uint32_t number, uint64_t n)
{
	const struct reading *reading = user;

	accounts_connections(reading->accounts, number, n);
}

static void on_sum(void *user, uint32_t number, enum traffic_direction direction,
		   const struct traffic_sum *sum)
{
	const struct reading *reading = user;

	accounts_elements(reading->accounts, number, direction, sum);
}

/* The first that ended are read before those that live: else one might count twice. */
static int read_all(struct accounting *accounting, const struct accounting_scope *scope,
		    struct reading *reading, bool look_through, struct error *err)
{
	static const struct counters_handlers handlers = {on_connections, on_sum};
	int r = 0;

	if (!accounting->counters)
		r = counters_new(&accounting->counters, err);
	if (accounting->ends)
		read_ends(accounting, reading->now_ms);
	accounts_begin(reading->accounts);
	if (r == 0 && look_through)
		r = conntrack_list(scope->conntrack, on_live, reading, err);
	if (r == 0)
		r = counters_read(accounting->counters, &handlers, reading, err);
	if (r == 0)
		accounts_end(reading->accounts, reading->now_ms);
	return r;
}

/* ---- from accounts to LoadBalancers ---- */

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct numbers {
	uint32_t *items; /* sorted; of the rows of traffic->lbs */
	size_t n;
};

static bool has_number(void *user, uint32_t number)
{
	const struct numbers *numbers = user;

	return numbers->n > 0 && bsearch(&number, numbers->items, numbers->n,
					 sizeof(*numbers->items), compare_numbers);
}

static void fill_lb(const struct account *account, bool offloads, struct traffic_lb *lb)
{
	lb->connections = account_steady_value(&account->connections);
	lb->live = account->n_live;
	for (unsigned i = 0; i < TRAFFIC_N_DIRECTIONS; i++) {
		lb->sums[i] = account->shown[i];
		if (offloads)
			continue;
		lb->sums[i].packets = account_steady_value(&account->packets[i]);
		lb->sums[i].bytes = account_steady_value(&account->bytes[i]);
	}
}

static int add_lb(const struct accounts *accounts, const struct entry *entry, bool offloads,
		  struct traffic *traffic, struct numbers *numbers)
{
	const struct account *account = accounts_find(accounts, entry->have->number, NULL);
	struct traffic_lb *lb = &traffic->lbs[traffic->n_lbs];

	*lb = (struct traffic_lb){.name = strdup(entry->name)};
	if (!lb->name)
		return -ENOMEM;
	traffic->n_lbs++;
	numbers->items[numbers->n++] = entry->have->number;
	if (account)
		fill_lb(account, offloads, lb);
	return 0;
}

static int add_destinations(const struct accounts *accounts, const struct entry *entry,
			    struct traffic_lb *lb)
{
	const struct forwarding *have = entry->have;

	for (size_t i = 0; i < have->n_members; i++) {
		const struct address *address = &have->members[i].address;
		const struct account *account = accounts_find(accounts, have->number, address);
		struct traffic_destination *destination;

		if (!account)
			continue;
		destination = ARRAY_ADD(lb->destinations, lb->n_destinations);
		if (!destination)
			return -ENOMEM;
		destination->address = *address;
		destination->live = account->n_live;
		memcpy(destination->sums, account->shown, sizeof(destination->sums));
	}
	return 0;
}

static int fill(const struct accounts *accounts, const struct accounting_scope *scope,
		struct traffic *traffic, struct numbers *numbers)
{
	size_t n = HASH_COUNT(scope->entries->head);
	int r = 0;

	traffic->lbs = calloc(n + 1, sizeof(*traffic->lbs));
	numbers->items = calloc(n + 1, sizeof(*numbers->items));
	if (!traffic->lbs || !numbers->items)
		return -ENOMEM;
	for (const struct entry *entry = scope->entries->head; entry && r == 0;
	     entry = entry->hh.next) {
		if (!entry->have || entry->gone)
			continue;
		r = add_lb(accounts, entry, scope->offloads, traffic, numbers);
		if (r == 0 && scope->destinations)
			r = add_destinations(accounts, entry, &traffic->lbs[traffic->n_lbs - 1]);
	}
	return r;
}

int accounting_read(struct accounting *accounting, const struct accounting_scope *scope,
		    uint64_t now_ms, struct traffic *traffic, struct error *err)
{
	struct reading reading = {&accounting->accounts, now_ms, false};
	bool look_through = scope->offloads || scope->destinations;
	struct numbers numbers = {};
	int r = 0;

	if (scope->destinations)
		r = accounting_follow(accounting, now_ms + ACCOUNTING_FOLLOW_MS, err);
	if (r == 0)
		r = read_all(accounting, scope, &reading, look_through, err);
	if (r < 0)
		return r;
	accounting->idle_at_ms = now_ms + ACCOUNTS_IDLE_MS;
	traffic->offloads = scope->offloads;
	traffic->has_live = look_through;
	traffic->has_sums = reading.has_sums;
	traffic->n_missed = accounting->n_missed;
	r = fill(reading.accounts, scope, traffic, &numbers);
	if (r == 0) {
		if (numbers.n > 0)
			qsort(numbers.items, numbers.n, sizeof(*numbers.items), compare_numbers);
		accounts_keep(&accounting->accounts, has_number, &numbers);
	}
	free(numbers.items);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}
