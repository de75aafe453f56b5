/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/session.h"

/* A row for each Network of each node; a node without any has a row too. */
static json_t *rows_of(const json_t *nodes)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		json_t *node = json_array_get(nodes, i);
		const json_t *networks = json_object_get(node, "networks");
		size_t n = json_array_size(networks);

		for (size_t k = 0; k < (n ? n : 1); k++)
			(void)json_array_append_new(rows, json_pack("{s:O, s:O*}", "node", node,
								    "network",
								    json_array_get(networks, k)));
	}
	return rows;
}

/* What the table's words mean for whoever has to act: nodes that are not well by themselves. */
static void print_notes(const json_t *nodes)
{
	const char *version = json_text(json_array_get(nodes, 0), "version");
	bool differ = false;

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);

		differ = differ || strcmp(json_text(node, "version"), version) != 0;
		if (strcmp(json_text(node, "state"), "Twins") == 0)
			printf("\n%s: two agents say that they are this node, and each undoes "
			       "what the other says: give each a --node of its own\n",
			       json_text(node, "name"));
	}
	if (differ)
		printf("\nnodes have agents of different versions: they work together; finish the "
		       "upgrade\n");
}

/* The sentences behind the reasons of the table, with their remedies. */
static void print_messages(const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const json_t *network = json_object_get(row, "network");
		const json_t *conditions = json_object_get(network, "conditions");

		for (size_t k = 0; k < json_array_size(conditions); k++) {
			const json_t *condition = json_array_get(conditions, k);

			printf("\n%s, %s: %s: %s\n",
			       json_text(json_object_get(row, "node"), "name"),
			       json_text(network, "name"), json_text(condition, "reason"),
			       json_text(condition, "message"));
		}
	}
}

enum exit_status command_nodes(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(json_decrefp) json_t *nodes = json_array();
	auto_call(json_decrefp) json_t *rows = NULL;

	if (arguments->n_words) {
		(void)error_set(err, 0, "nodes takes no operands");
		return EXIT_USAGE;
	}
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0 ||
	    fetch_list(session, arguments, NULL, nodes, err) != EXIT_DONE)
		return EXIT_FAILED;
	rows = rows_of(nodes);
	print_rows(nodes, rows, PRINT_NODES, arguments->output);
	if (arguments->output == OUTPUT_TABLE || arguments->output == OUTPUT_WIDE) {
		print_notes(nodes);
		print_messages(rows);
	}
	return EXIT_DONE;
}
