/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

/*
 * Every subject of the bus, built and taken apart here and nowhere else. docs/wire.md lists them.
 *
 * Tokens are [a-z0-9_-]+. A Network's token is "<namespace>_<name>" with each dot of the name
 * written '_': no Kubernetes name holds one, and no namespace holds a dot, so it reads back. The
 * same token names the network namespace on the nodes, so it is at most 255 bytes (NAME_MAX).
 */

#define SUBJECT_TOKEN_MAX 255
#define SUBJECT_MAX       1024

#define SUBJECT_QUEUE "ilb-allocator" /* queue group of the allocators */
/* An allocator calls the roll: every agent says anew how its Networks are. No body. */
#define SUBJECT_ROLL "ilb.v1.roll"
/* An operator asks the allocators for the nodes with the Networks of all namespaces. Who may ask in
 * one namespace may not ask here: what is in it, `list nodes` tells of that namespace alone. */
#define SUBJECT_NODES "ilb.v1.nodes"

enum api_verb { API_APPLY, API_DELETE, API_GET, API_LIST, API_DRYRUN, API_N_VERBS };

const char *api_verb_name(enum api_verb verb); /* "apply" ... */

bool subject_is_token(const char *token); /* 1..SUBJECT_TOKEN_MAX bytes of [a-z0-9_-] */

/*
 * The token of a Network.
 * Return: 0, -ENAMETOOLONG, -EINVAL (a name that is not Kubernetes').
 */
must_check int subject_net_token(const char *name_space, const char *name,
				 char ret_token[static SUBJECT_TOKEN_MAX + 1]);
/* And back. Return: 0, -EINVAL. */
must_check int subject_net_names(const char *token, char ret_namespace[static 64],
				 char ret_name[static 254]);

/*
 * Writers. Tokens given must be tokens (required). "*" is legal where a subscription wants all.
 * Each writes into `subject` and gives it back.
 */
const char *subject_api(char subject[static SUBJECT_MAX], enum api_verb verb,
			const char *name_space);
/* `name` may hold dots, they are written '_'. */
const char *subject_event(char subject[static SUBJECT_MAX], const char *name_space,
			  const char *kind, const char *name);
const char *subject_state(char subject[static SUBJECT_MAX], const char *net);
const char *subject_snap(char subject[static SUBJECT_MAX], const char *node, const char *net);
const char *subject_sync(char subject[static SUBJECT_MAX], const char *node);
const char *subject_status(char subject[static SUBJECT_MAX], const char *node, const char *net);
const char *subject_alive(char subject[static SUBJECT_MAX], const char *node);
const char *subject_probe(char subject[static SUBJECT_MAX], const char *node);
const char *subject_note(char subject[static SUBJECT_MAX], const char *node, const char *net);
/* As subject_event(): what has happened to that object. */
const char *subject_log(char subject[static SUBJECT_MAX], const char *name_space, const char *kind,
			const char *name);
const char *subject_traffic(char subject[static SUBJECT_MAX], const char *name_space);
const char *subject_health(char subject[static SUBJECT_MAX], const char *net, const char *node);

enum subject_kind {
	SUBJECT_API,    /* verb, name_space */
	SUBJECT_STATE,  /* net */
	SUBJECT_SNAP,   /* node, net */
	SUBJECT_SYNC,   /* node */
	SUBJECT_STATUS, /* node, net */
	SUBJECT_ALIVE,  /* node */
	SUBJECT_NOTE,   /* node, net */
	SUBJECT_PROBE,  /* node */
	SUBJECT_HEALTH, /* node, net */
};

/* The parts that a subject of `kind` has; the others are "". */
struct subject {
	enum subject_kind kind;
	enum api_verb verb;
	char name_space[64];
	char node[SUBJECT_TOKEN_MAX + 1];
	char net[SUBJECT_TOKEN_MAX + 1];
};

/* Takes a subject apart. Return: 0, -EINVAL for every subject that is none of the above. */
must_check int subject_parse(const char *text, struct subject *ret_subject);
