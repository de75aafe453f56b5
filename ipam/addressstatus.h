/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ipam/catalog.h"
#include "ipam/condition.h"
#include "ipam/object.h"

/* What LoadBalancers and NetworkInterfaces say alike about their addresses. */

/*
 * "addresses": every entry of spec.ips in spec order, then what is still to be given back.
 * @forwarded: per entry of spec.ips: state "Programmed" instead of "Allocated".
 * Return: a new reference, NULL without memory.
 */
json_t *addresses_status(const struct catalog *catalog, const struct object *object,
			 const bool forwarded[static 2]);

/* The condition AddressesAllocated: the first entry that waits says why. */
void addresses_condition(const struct catalog *catalog, const struct object *object,
			 struct conditions *conditions);
