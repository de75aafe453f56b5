/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "allocator/api.h"
#include "allocator/publish.h"
#include "allocator/world.h"

/*
 * The NATS services protocol, so that `nats micro ls | info | stats ilb-allocator` work, and every
 * replica says how far it has read the log. Source: NATS ADR-32.
 */
struct service;

must_check int service_new(struct world *world, const struct api *api,
			   const struct publisher *publisher, struct service **ret_service,
			   struct error *err);
void service_free(struct service *service); /* before bus_close() */
