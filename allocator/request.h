/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ipam/document.h"
#include "ipam/selector.h"
#include "messages/subjects.h"

/*
 * What people ask for, read from a message's subject, headers and body. Pure. docs/api.md has the
 * calls:
 *	apply, dryrun	a manifest
 *	delete		KIND/NAME, several of them, or a manifest that names the objects
 *	get		KIND/NAME, several of them
 *	list		KIND, then options: selector=app=web limit=100 continue=TOKEN;
 *			or nodes; or destinations loadbalancer=NAME; or events for=KIND/NAME
 *	SUBJECT_NODES	nothing, or the options of list
 */

#define REQUEST_TARGETS_MAX 1024
#define REQUEST_LIST_LIMIT  5000 /* objects of one answer, unless less are asked for */

struct request_target {
	enum kind kind;
	char *name;
};

/* What `list` can name beyond the kinds. */
enum request_list { LIST_OBJECTS, LIST_NODES, LIST_DESTINATIONS, LIST_EVENTS };

struct request {
	enum api_verb verb;
	char name_space[64]; /* "": all of them, with LIST_NODES alone */
	bool json;           /* the answer: one JSON document instead of text and YAML */
	struct documents documents;
	struct request_target *targets;
	size_t n_targets;
	enum request_list list;
	enum kind kind;
	struct selector *selector;
	char *lb;    /* whose destinations; NULL */
	char *about; /* "kind/name": whose events; NULL: all of them */
	char *after; /* continue token; NULL */
	size_t limit;
};

struct request_input {
	const char *subject, *body;
	size_t len;
	const char *accept, *selector, *after, *limit; /* headers, NULL where absent */
};

/*
 * Return: 0; -EINVAL with a sentence for people (what is wrong and how to call it); -ENOMEM.
 * Also on failure `json` is filled in, the form of the answer, and `verb` as far as it is known.
 * What is wrong with single documents is in `documents`, not a failure here.
 */
must_check int request_parse(const struct request_input *input, struct request *ret_request,
			     struct error *err);
void request_deinit(struct request *request);

bool request_wants_json(const struct request_input *input);
