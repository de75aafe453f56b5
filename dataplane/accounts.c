/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "dataplane/accounts.h"

#include <stdlib.h>
#include <string.h>

static void drop(struct accounts *accounts, struct account *account)
{
	HASH_DEL(accounts->head, account);
	free(account);
}

void accounts_clear(struct accounts *accounts)
{
	struct account *account, *next;

	HASH_ITER(hh, accounts->head, account, next)
	drop(accounts, account);
}

/* As it is hashed: without what happens to stand between the fields. */
static void set_key(struct account_key *key, uint32_t number, const struct address *destination)
{
	memset(key, 0, sizeof(*key));
	key->number = number;
	if (destination) {
		key->destination.family = destination->family;
		memcpy(key->destination.bytes, destination->bytes, sizeof(destination->bytes));
	}
}

static struct account *find(const struct accounts *accounts, const struct account_key *key)
{
	struct account *account;

	HASH_FIND(hh, accounts->head, key, sizeof(*key), account);
	return account;
}

const struct account *accounts_find(const struct accounts *accounts, uint32_t number,
				    const struct address *destination)
{
	struct account_key key;

	set_key(&key, number, destination);
	return find(accounts, &key);
}

static struct account *get(struct accounts *accounts, uint32_t number,
			   const struct address *destination)
{
	struct account_key key;
	struct account *account;

	set_key(&key, number, destination);
	account = find(accounts, &key);
	if (account)
		return account;
	account = calloc(1, sizeof(*account));
	if (!account)
		return NULL;
	memcpy(&account->key, &key, sizeof(key));
	HASH_ADD(hh, accounts->head, key, sizeof(account->key), account);
	if (account->hh.tbl)
		return account;
	free(account);
	return NULL;
}

void accounts_begin(struct accounts *accounts)
{
	for (struct account *account = accounts->head; account; account = account->hh.next) {
		account->n_live = account->raw_connections = 0;
		memset(account->live, 0, sizeof(account->live));
	}
}

static void add_sums(struct traffic_sum *sums, const struct traffic_sum *more)
{
	for (unsigned i = 0; i < TRAFFIC_N_DIRECTIONS; i++) {
		sums[i].packets += more[i].packets;
		sums[i].bytes += more[i].bytes;
	}
}

static void add_live(struct account *account, const struct traffic_sum *sums, uint64_t now_ms)
{
	if (!account)
		return;
	account->n_live++;
	account->heard_ms = now_ms;
	add_sums(account->live, sums);
}

static void add_ended(struct account *account, const struct traffic_sum *sums, uint64_t now_ms)
{
	if (!account)
		return;
	account->heard_ms = now_ms;
	add_sums(account->ended, sums);
}

void accounts_live(struct accounts *accounts, uint32_t number, const struct address *destination,
		   const struct traffic_sum *sums, uint64_t now_ms)
{
	add_live(get(accounts, number, NULL), sums, now_ms);
	add_live(get(accounts, number, destination), sums, now_ms);
}

void accounts_ended(struct accounts *accounts, uint32_t number, const struct address *destination,
		    const struct traffic_sum *sums, uint64_t now_ms)
{
	add_ended(get(accounts, number, NULL), sums, now_ms);
	add_ended(get(accounts, number, destination), sums, now_ms);
}

uint64_t account_steady_value(const struct account_steady *steady)
{
	return steady->base + steady->raw;
}

/* What was lost stays counted; what the counter says now may be of before or after that. */
static void set_steady(struct account_steady *steady, uint64_t raw)
{
	if (raw < steady->raw)
		steady->base += steady->raw - raw;
	steady->raw = raw;
}

void accounts_connections(struct accounts *accounts, uint32_t number, uint64_t n)
{
	struct account *account = get(accounts, number, NULL);

	if (account)
		account->raw_connections += n;
}

void accounts_elements(struct accounts *accounts, uint32_t number, enum traffic_direction direction,
		       const struct traffic_sum *sum)
{
	struct account *account = get(accounts, number, NULL);

	if (!account)
		return;
	set_steady(&account->packets[direction], sum->packets);
	set_steady(&account->bytes[direction], sum->bytes);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A connection that ends between the two ways of hearing of it is missing for one reading. */
static void show(struct account *account)
{
	for (unsigned i = 0; i < TRAFFIC_N_DIRECTIONS; i++) {
		struct traffic_sum *shown = &account->shown[i];

		shown->packets = larger(shown->packets,
					account->live[i].packets + account->ended[i].packets);
		shown->bytes =
			larger(shown->bytes, account->live[i].bytes + account->ended[i].bytes);
	}
}

static bool is_idle(const struct account *account, uint64_t now_ms)
{
	return account->key.destination.family != FAMILY_NONE &&
	       now_ms - account->heard_ms > ACCOUNTS_IDLE_MS;
}

void accounts_end(struct accounts *accounts, uint64_t now_ms)
{
	struct account *account, *next;

	HASH_ITER(hh, accounts->head, account, next)
	{
		set_steady(&account->connections, account->raw_connections);
		show(account);
		if (account->n_live == 0 && is_idle(account, now_ms))
			drop(accounts, account);
	}
}

void accounts_drop_idle(struct accounts *accounts, uint64_t now_ms)
{
	struct account *account, *next;

	HASH_ITER(hh, accounts->head, account, next)
	{
		if (is_idle(account, now_ms))
			drop(accounts, account);
	}
}

void accounts_keep(struct accounts *accounts, bool (*is_there)(void *user, uint32_t number),
		   void *user)
{
	struct account *account, *next;

	HASH_ITER(hh, accounts->head, account, next)
	{
		if (!is_there(user, account->key.number))
			drop(accounts, account);
	}
}
