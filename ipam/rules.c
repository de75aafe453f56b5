/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ipam/schema.h"

struct path path_at(const char *format, ...)
{
	struct path path;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(path.text, sizeof(path.text), format, ap);
	va_end(ap);
	return path;
}

/* At `path` or beneath it. */
static bool is_within(const char *inner, const char *path)
{
	size_t len = strlen(path);

	return strncmp(inner, path, len) == 0 && strchr(".[", inner[len]);
}

static bool is_reported(const struct judge *judge, const char *path)
{
	for (size_t i = 0; i < judge->n_read && i < judge->problems->n_items; i++) {
		if (is_within(judge->problems->items[i].path, path))
			return true;
	}
	return false;
}

/* Lists and maps are too much to show, and what is absent has no value. */
static bool shows_value(enum problem_type type)
{
	return type == PROBLEM_INVALID || type == PROBLEM_UNSUPPORTED || type == PROBLEM_DUPLICATE;
}

void judge_refuse(struct judge *judge, enum problem_type type, const char *path,
		  const char *detail_format, ...)
{
	auto_call(text_deinit) struct text spelled = {}, value = {};
	auto_free char *detail = NULL;
	const struct node *node;
	bool found;
	va_list ap;

	va_start(ap, detail_format);
	if (vasprintf(&detail, detail_format, ap) < 0)
		detail = NULL;
	va_end(ap);
	node = schema_locate(schema_of(judge->kind), judge->root, path, &spelled, &found);
	if (!detail || spelled.failed) {
		judge->problems->n_more++;
		return;
	}
	if (is_reported(judge, spelled.len ? spelled.bytes : ""))
		return;
	if (node && found && shows_value(type))
		node_show(node, &value);
	problems_add(judge->problems, type, node ? node->line : 0, spelled.bytes,
		     value.len ? value.bytes : NULL, "%s", detail);
}

static void check_spec(struct judge *judge, const struct object *object)
{
	switch (object->kind) {
	case KIND_NETWORK:
		return;
	case KIND_NETWORK_INTERFACE:
		rules_check_nic(judge, object);
		return;
	case KIND_LOAD_BALANCER:
		rules_check_lb(judge, object);
		return;
	case KIND_LOAD_BALANCER_ROUTING:
		rules_check_routing(judge, object);
		return;
	case KIND_PREFIX:
		rules_check_prefix(judge, "spec", &object->prefix);
		return;
	case KIND_N_KINDS:
		return;
	}
}

void rules_check(struct judge *judge, const struct object *object)
{
	rules_check_meta(judge, object);
	check_spec(judge, object);
}
