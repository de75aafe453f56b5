/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/text.h"
#include "messages/bus.h"

/*
 * Contexts: named places to connect to, as natscli has them. Each is a JSON file whose members are
 * natscli's ("url", "creds", "nkey", "cert", "key", "ca", "inbox_prefix"), NAME.json in
 * $XDG_CONFIG_HOME/ilb/context or, made by `nats context` and only read here, .../nats/context;
 * context.txt beside that folder names the one that is selected. Ours go first.
 */
struct context {
	char name[64];
	char path[4096];
	json_t *json; /* an object; its strings live as long */
};

#define CONTEXT_FIELDS 7

/* A field of contexts: the member of the file, and the option that it stands for. */
struct context_field {
	const char *key, *option;
	size_t offset; /* in struct bus_options, of a const char * */
};
extern const struct context_field context_fields[CONTEXT_FIELDS];

/*
 * @name: NULL: the one that is selected.
 * Return: 0; -ENOENT: there is none of that name; -ENODATA: none is selected; -EINVAL, -EBADMSG: its
 * name or file is not one; or an errno of reading it.
 */
must_check int context_load(const char *name, struct context *ret_context, struct error *err);
void context_deinit(struct context *context);

/*
 * Fills what `options` leave open; they borrow from the context.
 * Return: 0, -EINVAL: it needs a login that we do not have (a password, a token).
 */
must_check int context_apply(const struct context *context, struct bus_options *options,
			     struct error *err);

/* Writes one of ours with what is set in `options`. Return: 0, -EINVAL, -EEXIST, or an errno. */
must_check int context_add(const char *name, const struct bus_options *options, struct error *err);
must_check int context_select(const char *name, struct error *err);

/* Ours only. Return: 0, -ENOENT, -EINVAL, -EPERM: it is natscli's, or an errno. */
must_check int context_remove(const char *name, struct error *err);

/* Names, sorted, each once, a line each. Return: 0, -ENOMEM. */
must_check int context_list(struct text *names);
