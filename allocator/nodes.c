/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/nodes.h"

#include <time.h>

struct listed {
	json_t *networks;
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

static void add_network(void *user, const char *token, const struct status *status)
{
	struct listed *listed = user;
	struct roster_truth truth = listed->truth_of(listed->user, token);
	json_int_t newest = (json_int_t)truth.network.revision;
	json_t *item;

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

json_t *node_describe(const struct roster_node *node, const struct roster_time *time,
		      node_truth_fn *truth_of, const void *user)
{
	struct listed listed = {.networks = json_array(), .truth_of = truth_of, .user = user};
	char heard[32];

	roster_visit_networks(node, add_network, &listed);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", node->name, "version", node->version,
			 "state", state_of(node), "lastHeard", format_heard(node, time, heard),
			 "networks", listed.networks);
}
