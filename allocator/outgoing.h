/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/uuid.h"
#include "messages/bus.h"
#include "messages/desired.h"

/* Desired state as a message: packed, with the headers that people read. Sent as often as wanted. */
struct outgoing {
	char *net;
	uint64_t revision;
	struct bus_header headers[6];
	size_t n_headers;
	void *bytes;
	size_t len;
	/* What the headers point to. */
	char numbers[3][24], epoch[UUID_TEXT_MAX];
	char *changed;
};

/* Return: 0, -ENOMEM. */
must_check int outgoing_new(const struct desired *desired, struct outgoing **ret_outgoing);
void outgoing_free(struct outgoing *outgoing);
AUTO_DEFINE(struct outgoing, outgoing_free);
