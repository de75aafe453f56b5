/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "allocator/api.h"
#include "allocator/publish.h"
#include "allocator/world.h"
#include "monitor/service.h"

/*
 * What a replica says of itself to `nats micro ls | info | stats ilb-allocator`: its endpoints, and
 * how far it has read the log.
 */
struct micro {
	struct world *world;
	const struct api *api;
	const struct publisher *publisher;
	struct service *service;
};

/* All is borrowed. Return: 0, or why not. */
must_check int micro_init(struct micro *micro, struct world *world, const struct api *api,
			  const struct publisher *publisher, struct error *err);
void micro_deinit(struct micro *micro); /* before bus_close() */
