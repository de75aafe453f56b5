/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/nodes.h"

#include <time.h>

#include "base/text.h"
#include "messages/subjects.h"

struct listed {
	json_t *networks;
	const char *name_space;
	node_truth_fn *truth_of;
	const void *user;
};

static json_t *conditions(const struct status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < status->n_conditions; i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:s}", "reason",
							    status->conditions[i].reason, "message",
							    status->conditions[i].sentence));
	return list;
}

/* A node claims any tokens; those that are no Network's are shown to operators alone. */
static bool is_of(const char *token, const char *name_space)
{
	char of[64], name[254];

	return !*name_space ||
	       (subject_net_names(token, of, name) == 0 && text_equal(of, name_space));
}

static void add_network(void *user, const char *token, const struct status *status)
{
	struct listed *listed = user;
	struct roster_truth truth;
	json_int_t newest;
	json_t *item;

	if (!is_of(token, listed->name_space))
		return;
	truth = listed->truth_of(listed->user, token);
	newest = (json_int_t)truth.network.revision;
	if (!status)
		item = json_pack("{s:s, s:s, s:I}", "name", token, "state", "Starting", "newest",
				 newest);
	else
		item = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "name", token, "state",
				 roster_applied(status, &truth) >= truth.network.revision
					 ? "Current"
					 : "Behind",
				 "revision", (json_int_t)status->revision, "newest", newest,
				 "addresses", (json_int_t)status->n_addresses, "refused",
				 (json_int_t)status->n_refused, "conditions", conditions(status));
	(void)json_array_append_new(listed->networks, item);
}

static const char *format_heard(const struct roster_node *node, const struct roster_time *time,
				char text[static 32])
{
	time_t seconds =
		(time_t)((time->unix_ms - (int64_t)(time->now_ms - node->heard_ms)) / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		*text = '\0';
	return text;
}

static const char *state_of(const struct roster_node *node)
{
	if (!node->alive)
		return "Unknown";
	return node->twins ? "Twins" : "Alive";
}

json_t *node_describe(const struct roster_node *node, const char *name_space,
		      const struct roster_time *time, node_truth_fn *truth_of, const void *user)
{
	struct listed listed = {.networks = json_array(),
				.name_space = name_space,
				.truth_of = truth_of,
				.user = user};
	char heard[32];

	roster_visit_networks(node, add_network, &listed);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", node->name, "version", node->version,
			 "state", state_of(node), "lastHeard", format_heard(node, time, heard),
			 "networks", listed.networks);
}
