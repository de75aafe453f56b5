/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/error.h"
#include "messages/bus.h"

/*
 * JetStream's API as far as we need it, by asynchronous requests: a key-value bucket as the `nats`
 * CLI makes and reads it (NATS ADR-8), and the answers to publishing.
 */

struct bucket_info {
	uint64_t last_sequence;
	uint64_t n_messages;
	char created[40]; /* when it was made, as the server says it; "" where it does not */
};

/*
 * Makes sure that the bucket exists; one that exists is taken as it is.
 * `on_ready` gets 0 and the state of the stream; or a negative errno with a sentence: -ENOENT
 * (no JetStream behind this connection), -ETIMEDOUT, -ENOTCONN, -EIO (refused).
 * @ret_question: for bucket_cancel(), until on_ready() is called.
 * Return: 0 (on_ready will be called), -ENOMEM.
 */
struct bucket_question;
typedef void bucket_fn(void *user, int outcome, const struct bucket_info *info,
		       const struct error *err);
must_check int bucket_ensure(struct bus *bus, const char *name, unsigned replicas,
			     bucket_fn *on_ready, void *user,
			     struct bucket_question **ret_question);

/* The same of any stream, that is made as `config` says. */
must_check int bucket_ensure_stream(struct bus *bus, const char *stream, json_t *config,
				    bucket_fn *on_ready, void *user,
				    struct bucket_question **ret_question);

/* on_ready will not be called any more. NULL is fine. */
void bucket_cancel(struct bucket_question *question);

/* The answer to a publish: stored at `sequence`, or refused with JetStream's err_code. */
struct bucket_ack {
	uint64_t sequence; /* 0 when refused */
	unsigned code;     /* JetStream's err_code when refused */
	char sentence[256];
};

#define BUCKET_WRONG_LAST_SEQUENCE 10071
#define BUCKET_WRONG_LAST_ID       10070

/* Return: 0, -EBADMSG (no such answer). */
must_check int bucket_ack_parse(const char *bytes, size_t len, struct bucket_ack *ret_ack);
