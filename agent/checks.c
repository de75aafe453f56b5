/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "agent/checks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "base/log.h"
#include "base/require.h"

enum {
	FIRST_MS = 500, /* the first check of each comes within that */
	EAGER_MAX = 10, /* checks that follow each other so soon when a link is up again */
};

struct check_key {
	struct address address;
	uint64_t id;
};

struct check {
	struct check_key key;
	struct checks *checks;
	struct desired_check how;
	unsigned n_users;
	struct pulse pulse;
	struct health_verdict verdict;
	uint64_t due_ms; /* of the attempt under way, or of the next */
	bool phased;     /* it has found its place in the interval */
	unsigned eager;  /* so many more come soon, and the first success suffices */
	struct attempt *attempt;
	uv_timer_t timer;
	UT_hash_handle hh;
};

struct checks {
	struct attempts *attempts;
	const char *net;
	checks_fn *on_verdict;
	void *user;
	struct check *all;
};

static struct check_key key_of(const struct address *address, uint64_t id)
{
	struct check_key key;

	memset(&key, 0, sizeof(key)); /* the padding is hashed, too */
	key.address = *address;
	key.id = id;
	return key;
}

static uint64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_closed(uv_handle_t *handle)
{
	struct check *check = handle->data;

	free(check->how.path);
	free(check->verdict.reason);
	free(check);
}

static void check_free(struct check *check)
{
	HASH_DEL(check->checks->all, check);
	attempt_cancel(TAKE(check->attempt));
	uv_close((uv_handle_t *)&check->timer, on_closed);
}

static void on_due(uv_timer_t *timer);

/* A late one does not delay those after it. */
static void wait_for_next(struct check *check)
{
	uint64_t now = uv_now(check->checks->attempts->loop);
	uint64_t interval_ms = check->how.interval_s * UINT64_C(1000);

	if (check->eager)
		check->due_ms = now + FIRST_MS;
	else if (!check->phased)
		check->due_ms += arc4random_uniform((uint32_t)interval_ms);
	else
		check->due_ms += interval_ms;
	check->phased = !check->eager;
	if (check->due_ms <= now)
		check->due_ms = now + 1;
	require(uv_timer_start(&check->timer, on_due, check->due_ms - now, 0) == 0);
}

static void set_reason(struct check *check, const char *reason)
{
	char *copy = strdup(reason);

	if (!copy)
		return; /* no memory: the one before stays */
	free(check->verdict.reason);
	check->verdict.reason = copy;
}

static void say(struct check *check)
{
	char address[ADDRESS_TEXT_MAX];

	log_info("net=%s destination=%s port=%u: %s: %s%s", check->checks->net,
		 address_format(&check->key.address, address), check->how.port,
		 check->verdict.healthy ? "healthy" : "unhealthy", check->verdict.reason,
		 pulse_is_damped(&check->pulse) ? " (it flaps: it comes back later)" : "");
}

/* A link that is up again may need a moment: failures mean little, and a success all. */
static void hurry(struct check *check, bool success)
{
	if (check->eager && success)
		pulse_restart(&check->pulse);
	if (check->eager)
		check->eager = success ? 0 : check->eager - 1;
}

static void on_result(void *user, const struct attempt_result *result)
{
	struct check *check = user;
	bool success = result->outcome == ATTEMPT_SUCCEEDED;
	bool changed;

	check->attempt = NULL;
	check->checks->attempts->n_outcomes[result->outcome]++;
	wait_for_next(check);
	if (result->outcome == ATTEMPT_VOID)
		return;
	check->verdict.checked_ms = wall_ms();
	hurry(check, success);
	changed = pulse_beat(&check->pulse, success, check->how.healthy_threshold,
			     check->how.unhealthy_threshold);
	if (success == (check->pulse.state == PULSE_HEALTHY))
		set_reason(check, result->reason);
	check->verdict.source = result->source;
	if (!changed)
		return;
	check->verdict.healthy = success;
	check->verdict.since_ms = check->verdict.checked_ms;
	say(check);
	check->checks->on_verdict(check->checks->user, &check->verdict);
}

static void on_due(uv_timer_t *timer)
{
	struct check *check = timer->data;
	struct checks *checks = check->checks;

	if (attempt_start(checks->attempts, checks->net, &check->key.address, &check->how,
			  on_result, check, &check->attempt) < 0)
		wait_for_next(check); /* no memory: the next time */
}

static int check_new(struct checks *checks, const struct check_key *key,
		     const struct desired_check *how, struct check **ret_check)
{
	struct check *check = calloc(1, sizeof(*check));
	uint64_t phase = arc4random_uniform(FIRST_MS);

	if (!check)
		return -ENOMEM;
	check->key = *key;
	check->checks = checks;
	check->how = *how;
	check->how.path = how->path ? strdup(how->path) : NULL;
	check->verdict = (struct health_verdict){.address = key->address, .check = key->id};
	check->verdict.reason = strdup("");
	if (check->verdict.reason && (!how->path || check->how.path))
		HASH_ADD(hh, checks->all, key, sizeof(check->key), check);
	if (!check->hh.tbl) {
		free(check->how.path);
		free(check->verdict.reason);
		free(check);
		return -ENOMEM;
	}
	require(uv_timer_init(checks->attempts->loop, &check->timer) == 0);
	check->timer.data = check;
	check->due_ms = uv_now(checks->attempts->loop) + phase;
	require(uv_timer_start(&check->timer, on_due, phase, 0) == 0);
	*ret_check = check;
	return 0;
}

int checks_add(struct checks *checks, const struct address *address,
	       const struct desired_check *how, bool trusted)
{
	struct check_key key = key_of(address, health_check_id(how));
	struct check *check;
	int r = 0;

	HASH_FIND(hh, checks->all, &key, sizeof(key), check);
	if (!check) {
		r = check_new(checks, &key, how, &check);
		if (r == 0 && trusted)
			check->pulse.state = PULSE_TRUSTED;
	}
	if (r == 0)
		check->n_users++;
	return r;
}

bool checks_remove(struct checks *checks, const struct address *address, uint64_t check_id)
{
	struct check_key key = key_of(address, check_id);
	struct check *check;

	HASH_FIND(hh, checks->all, &key, sizeof(key), check);
	if (!check || --check->n_users > 0)
		return false;
	check_free(check);
	return true;
}

static void retry(struct check *check)
{
	if (check->pulse.state != PULSE_UNHEALTHY)
		return; /* it is as it was before */
	attempt_cancel(TAKE(check->attempt));
	check->eager = EAGER_MAX;
	check->due_ms = uv_now(check->checks->attempts->loop);
	require(uv_timer_start(&check->timer, on_due, 0, 0) == 0);
}

static int compare_addresses(const void *a, const void *b)
{
	return address_compare(a, b);
}

void checks_retry(struct checks *checks, const struct address *addresses, size_t n_addresses)
{
	for (struct check *check = checks->all; check; check = check->hh.next) {
		if (bsearch(&check->key.address, addresses, n_addresses, sizeof(*addresses),
			    compare_addresses))
			retry(check);
	}
}

int checks_verdicts(const struct checks *checks, size_t n_room,
		    struct health_verdict **ret_verdicts, size_t *ret_n_verdicts)
{
	struct health_verdict *verdicts =
		calloc(HASH_COUNT(checks->all) + n_room + 1, sizeof(*verdicts));
	size_t n = 0;

	if (!verdicts)
		return -ENOMEM;
	for (const struct check *check = checks->all; check; check = check->hh.next) {
		if (check->verdict.since_ms) /* else nothing was ever found out */
			verdicts[n++] = check->verdict;
	}
	*ret_verdicts = verdicts;
	*ret_n_verdicts = n;
	return 0;
}

int checks_new(struct attempts *attempts, const char *net, checks_fn *on_verdict, void *user,
	       struct checks **ret_checks)
{
	struct checks *checks = calloc(1, sizeof(*checks));

	if (!checks)
		return -ENOMEM;
	*checks = (struct checks){
		.attempts = attempts,
		.net = net,
		.on_verdict = on_verdict,
		.user = user,
	};
	*ret_checks = checks;
	return 0;
}

void checks_free(struct checks *checks)
{
	struct check *check, *next;

	if (!checks)
		return;
	HASH_ITER(hh, checks->all, check, next)
	check_free(check);
	free(checks);
}
