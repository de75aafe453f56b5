/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dataplane/ruleset.h"

/*
 * What others do in a namespace: changes of links, routes and forwarding settings, and transactions on
 * our table that are not ours. And the two things that we read back from nftables: the stamp and
 * the generation.
 *
 * Every nftables transaction makes a new generation. While our own run, their notifications, which
 * would be as large as they are, are not wanted: watch_pause(), transactions, watch_resume(). That
 * more generations went by than we made tells of someone else's in between.
 */
struct watch;

/* Opens its sockets in the namespace that the thread is in. Return: 0, -ENOMEM, or an errno. */
must_check int watch_new(struct watch **ret_watch, struct error *err);
void watch_free(struct watch *watch);
AUTO_DEFINE(struct watch, watch_free);

#define WATCH_N_FDS 3

/* Descriptors to poll for reading; watch_read() when one is ready. */
void watch_fds(const struct watch *watch, int ret_fds[static WATCH_N_FDS]);

struct watch_news {
	bool links;      /* links or settings changed */
	bool routes;     /* routes did */
	bool table;      /* our table was changed by someone else, or may have been */
	char editor[16]; /* name of the program that did, "" when unknown */
};

/* What happened since the last call. Never blocks. */
void watch_read(struct watch *watch, struct watch_news *ret_news);

void watch_pause(struct watch *watch);
/* @n_runs: transactions of ours that succeeded since watch_pause(). */
void watch_resume(struct watch *watch, uint32_t n_runs);

enum watch_table {
	WATCH_TABLE_ABSENT,
	WATCH_TABLE_UNSTAMPED, /* there is one, and not all of a stamp in it */
	WATCH_TABLE_STAMPED,
};

/* Looks for a table of ours. @ret_stamp: set when it is stamped. Return: 0 or an errno. */
must_check int watch_find_table(struct watch *watch, const char *name, enum watch_table *ret_table,
				struct ruleset_stamp *ret_stamp, struct error *err);

/* What notifications of nftables add up to. */
struct watch_seen {
	uint32_t generation; /* all transactions up to it are accounted for */
	bool touched;        /* the transaction that is being notified concerns our table */
	struct watch_news news;
};

/*
 * Read a message of nftables, whatever it holds: a notification, or some elements of the stamp's map.
 * Return of watch_read_stamp(): a bit for each word that was in it.
 */
struct nlmsghdr;
void watch_see(struct watch_seen *seen, struct nlmsghdr *header);
uint32_t watch_read_stamp(struct nlmsghdr *header, struct ruleset_stamp *stamp);
