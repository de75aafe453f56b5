/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/condition.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static const char *member(const json_t *item, const char *name)
{
	return json_string_value(json_object_get(item, name));
}

static const json_t *find_before(const struct conditions *conditions, const char *type)
{
	const json_t *list = json_object_get(conditions->previous, "conditions"), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (text_equal(member(item, "type"), type))
			return item;
	}
	return NULL;
}

/* When the condition of this type last became what it is. */
static const char *transition_before(const struct conditions *conditions, const char *type,
				     const char *status)
{
	const json_t *before = find_before(conditions, type);

	return before && text_equal(member(before, "status"), status)
		       ? member(before, "lastTransitionTime")
		       : NULL;
}

const char *conditions_format_time(int64_t ms, char text[static 32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		*text = '\0';
	return text;
}

static void add(struct conditions *conditions, const char *type, const char *status,
		const char *reason, const char *message)
{
	const char *since = transition_before(conditions, type, status);
	char now[32];
	json_t *item = json_pack("{ss ss ss ss ss sI}", "type", type, "status", status, "reason",
				 reason, "message", message, "lastTransitionTime",
				 since ? since : conditions_format_time(conditions->now_ms, now),
				 "observedGeneration", (json_int_t)conditions->generation);

	if (!conditions->list)
		conditions->list = json_array();
	if (json_array_append_new(conditions->list, item) < 0)
		conditions->failed = true;
}

void conditions_add(struct conditions *conditions, const char *type, bool is_true,
		    const char *reason, const char *format, ...)
{
	char message[sizeof(conditions->message)];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!is_true && !conditions->any_false) {
		conditions->any_false = true;
		(void)snprintf(conditions->reason, sizeof(conditions->reason), "%s", reason);
		memcpy(conditions->message, message, sizeof(message));
	}
	add(conditions, type, is_true ? "True" : "False", reason, message);
}

void conditions_add_unknown(struct conditions *conditions, const char *type, const char *reason,
			    const char *format, ...)
{
	char message[sizeof(conditions->message)];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	add(conditions, type, "Unknown", reason, message);
}

bool conditions_keep(struct conditions *conditions, const char *type)
{
	const json_t *before = find_before(conditions, type);
	const char *status = member(before, "status"), *reason = member(before, "reason"),
		   *message = member(before, "message");

	if (!status || !reason || !message)
		return false;
	if (text_equal(status, "Unknown"))
		conditions_add_unknown(conditions, type, reason, "%s", message);
	else
		conditions_add(conditions, type, text_equal(status, "True"), reason, "%s", message);
	return true;
}

json_t *conditions_take(struct conditions *conditions)
{
	if (conditions->any_false)
		add(conditions, "Ready", "False", conditions->reason, conditions->message);
	else
		add(conditions, "Ready", "True", "Ready", "");
	if (conditions->failed)
		json_decref(TAKE(conditions->list));
	return TAKE(conditions->list);
}
