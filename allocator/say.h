/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "messages/bus.h"

/*
 * Publishes what may be lost: without a connection nobody is there to hear it, and whoever needs it
 * asks again. Return: 0, or why it was not sent, for who can do something about that.
 */
static inline int say(struct bus *bus, const char *subject, const struct bus_header *headers,
		      size_t n_headers, const void *data, size_t len)
{
	return bus_publish(bus, subject, NULL, headers, n_headers, data, len);
}
