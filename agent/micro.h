/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/network.h"
#include "agent/top.h"
#include "monitor/service.h"

/*
 * What an agent says of itself to `nats micro ls | info | stats ilb-agent`. Its id is the node's
 * name.
 */
struct micro {
	const struct network_context *context;
	struct network *const *networks; /* the head of the agent's */
	struct service *service;
};

/* All is borrowed. Return: 0, or why not. */
must_check int micro_init(struct micro *micro, const struct network_context *context,
			  struct network *const *networks, struct error *err);
void micro_deinit(struct micro *micro); /* before bus_close() */
