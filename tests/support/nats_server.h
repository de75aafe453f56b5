/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A nats-server of a test's own: with JetStream, on a free port of 127.0.0.1, with its files in a
 * temporary directory. It ends with the test, however that ends (PR_SET_PDEATHSIG).
 */
struct nats_server {
	char dir[64];
	char url[64]; /* nats://127.0.0.1:<port>; the same after a restart */
	uint16_t port;
	pid_t pid; /* 0 while it is not running */
};

/* Whether nats-server is installed. A test that needs it exits with 77 and a reason when not. */
bool nats_server_is_installed(void);

/* Chooses a directory and a port, and starts nothing yet. Fails the test when it cannot. */
void nats_server_init(struct nats_server *server);

/*
 * Starts it and waits until it takes connections. `option` and `value` are further arguments of
 * its command line, such as "--auth" and a token, or NULL.
 */
void nats_server_start(struct nats_server *server);
void nats_server_start_with(struct nats_server *server, const char *option, const char *value);

/* Kills it with `signal` and waits for its end. Nothing when it does not run. */
void nats_server_kill(struct nats_server *server, int signal);

/* Kills it if it runs, and removes its files. */
void nats_server_deinit(struct nats_server *server);
