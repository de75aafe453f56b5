/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

void references_deinit(struct references *references)
{
	free(references->items);
	*references = (struct references){};
}

static int parse_kind(const char *text, size_t len, enum kind *ret_kind, struct error *err)
{
	char kind[64];

	(void)snprintf(kind, sizeof(kind), "%.*s", (int)len, text);
	if (len >= sizeof(kind) || kind_parse(kind, ret_kind) < 0)
		return error_set(err, -EINVAL,
				 "'%s' is not a kind: use loadbalancer, loadbalancerrouting, "
				 "network, networkinterface or prefix",
				 kind);
	return 0;
}

static int add(struct references *references, enum kind kind, const char *name, struct error *err)
{
	struct reference *reference;

	if (!*name || strlen(name) >= sizeof(reference->name))
		return error_set(err, -EINVAL, "'%s' is not a name", name);
	reference = ARRAY_ADD(references->items, references->n_items);
	if (!reference)
		return error_set(err, -ENOMEM, "out of memory");
	reference->kind = kind;
	(void)snprintf(reference->name, sizeof(reference->name), "%s", name);
	(void)snprintf(reference->path, sizeof(reference->path), "%s/%s", kind_token(kind), name);
	return 0;
}

/* "KIND/NAME" each, or one KIND and then names. */
static int add_words(struct references *references, const char *const *words, size_t n_words,
		     struct error *err)
{
	const char *slash = n_words ? strchr(words[0], '/') : NULL;
	int r = 0;

	if (n_words && !slash)
		r = parse_kind(words[0], strlen(words[0]), &references->kind, err);
	for (size_t i = slash ? 0 : 1; i < n_words && r == 0; i++) {
		enum kind kind = references->kind;
		const char *name = words[i];

		if (slash) {
			name = strchr(words[i], '/');
			if (!name)
				return error_set(err, -EINVAL, "'%s': must be KIND/NAME", words[i]);
			r = parse_kind(words[i], (size_t)(name++ - words[i]), &kind, err);
		}
		if (r == 0)
			r = add(references, kind, name, err);
	}
	return r;
}

int references_parse(const char *const *words, size_t n_words, struct references *ret_references,
		     struct error *err)
{
	auto_call(references_deinit) struct references references = {};
	int r = add_words(&references, words, n_words, err);

	if (r < 0)
		return r;
	*ret_references = references;
	references = (struct references){};
	return 0;
}
