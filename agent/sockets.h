/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "base/address.h"
#include "base/error.h"

/*
 * TCP sockets that live in the namespaces of Networks, for the loop's thread, which never enters
 * one: a thread of its own goes there, opens the socket, and hands it over.
 *
 * Where a Network's namespace has an address on `lo` that others can reach (neither loopback nor
 * link-local, nor a VIP of ours), connections come from that one, and else from the one that the
 * kernel's routing chooses. It is looked for again every SOCKETS_SOURCE_MS.
 */
#define SOCKETS_SOURCE_MS 5000
#define SOCKETS_MAX       512 /* that are asked for at a time */

struct sockets;
struct sockets_request;

/* @netns_dir: borrowed. Return: 0, -ENOMEM, or why there is no thread. */
must_check int sockets_new(uv_loop_t *loop, const char *netns_dir, struct sockets **ret_sockets,
			   struct error *err);
/* Nothing is called any more. The memory goes with the loop's close callback. NULL is fine. */
void sockets_close(struct sockets *sockets);

/* @fd: nonblocking, the callee's; or a negative errno: the namespace is not there. */
typedef void sockets_fn(void *user, int fd);

/*
 * Asks for a socket; `on_socket` is never called from within.
 * Return: 0, -ENOBUFS, -ENOMEM.
 */
must_check int sockets_ask(struct sockets *sockets, const char *net, enum family family,
			   sockets_fn *on_socket, void *user, struct sockets_request **ret_request);
/* on_socket will not be called. Only before it was. */
void sockets_cancel(struct sockets_request *request);
