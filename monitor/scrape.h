/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/address.h"
#include "base/error.h"

/*
 * Serves GET /metrics over HTTP, on the loop's thread: libmicrohttpd runs in its external mode, the
 * loop polls its descriptor. Never blocks: who asks is put aside until the text is there. Whoever
 * asks meanwhile gets the same text. Bounded: SCRAPE_CONNECTIONS_MAX at once, each for
 * SCRAPE_IDLE_S at most while it is idle, with SCRAPE_REQUEST_MAX bytes.
 */
struct scrape;

#define SCRAPE_CONNECTIONS_MAX 16
#define SCRAPE_IDLE_S          5
#define SCRAPE_REQUEST_MAX     16384

struct scrape_place {
	struct address address;
	uint16_t port; /* 0: any that is free; for tests */
};

/* "127.0.0.1:9640", "[::1]:9640". Return: 0, -EINVAL with a sentence. */
must_check int scrape_parse(const char *text, struct scrape_place *ret_place, struct error *err);

/*
 * The text is wanted: scrape_finish() follows, from within or later. Not called again before.
 */
typedef void scrape_collect_fn(void *user);

/* Return: 0, -EADDRINUSE, -ENOMEM or another errno, with a sentence. */
must_check int scrape_new(uv_loop_t *loop, const struct scrape_place *place,
			  scrape_collect_fn *collect, void *user, struct scrape **ret_scrape,
			  struct error *err);

/* @bytes: malloc'ed, taken; NULL: there is none, which is answered with 503. */
void scrape_finish(struct scrape *scrape, char *bytes, size_t len);

uint16_t scrape_port(const struct scrape *scrape);

/* The memory goes when the loop has run the close callbacks. NULL is fine. */
void scrape_close(struct scrape *scrape);
