/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/text.h"
#include "cli/answer.h"
#include "ipam/document.h"

#define COLUMNS_MAX 12

/*
 * A column: what it is called, and where its value stands: a path of members, or a writer of its own.
 * A path that meets an array goes on in each of its elements and joins what it finds with commas.
 */
struct column {
	const char *title;
	bool wide; /* -o wide only */
	const char *path;
	void (*write)(const json_t *object, struct text *cell);
};

static void write_path(const json_t *value, const char *path, struct text *cell)
{
	const char *dot = strchr(path, '.');
	char member[64];

	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			write_path(json_array_get(value, i), path, cell);
		return;
	}
	if (*path) {
		(void)snprintf(member, sizeof(member), "%.*s",
			       (int)(dot ? (size_t)(dot - path) : strlen(path)), path);
		write_path(json_object_get(value, member), dot ? dot + 1 : "", cell);
		return;
	}
	if (json_is_string(value))
		text_addf(cell, "%s%s", cell->len ? "," : "", json_string_value(value));
	if (json_is_integer(value))
		text_addf(cell, "%s%lld", cell->len ? "," : "",
			  (long long)json_integer_value(value));
}

/* How long ago a time is. */
static void write_since(const char *then, struct text *cell)
{
	struct tm tm = {};
	long long age;

	if (!strptime(then, "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	age = (long long)time(NULL) - (long long)timegm(&tm);
	if (age < 120)
		text_addf(cell, "%llds", age < 0 ? 0 : age);
	else if (age < 7200)
		text_addf(cell, "%lldm", age / 60);
	else if (age < 172800)
		text_addf(cell, "%lldh", age / 3600);
	else
		text_addf(cell, "%lldd", age / 86400);
}

static void write_age(const json_t *object, struct text *cell)
{
	write_since(json_text(json_object_get(object, "metadata"), "creationTimestamp"), cell);
}

static void write_happened(const json_t *event, struct text *cell)
{
	write_since(json_text(event, "time"), cell);
}

static void write_heard(const json_t *row, struct text *cell)
{
	write_since(json_text(json_object_get(row, "node"), "lastHeard"), cell);
}

static void write_ports(const json_t *object, struct text *cell)
{
	const json_t *ports = json_object_get(json_object_get(object, "spec"), "ports");

	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *port = json_array_get(ports, i);
		json_int_t first = json_integer_value(json_object_get(port, "port"));
		json_int_t last = json_integer_value(json_object_get(port, "endPort"));
		const char *protocol = json_text(port, "protocol");

		text_addf(cell, "%s%lld", i ? "," : "", (long long)first);
		if (last && last != first)
			text_addf(cell, "-%lld", (long long)last);
		text_addf(cell, "/%s", *protocol ? protocol : "TCP");
	}
}

static void write_destinations(const json_t *object, struct text *cell)
{
	const json_t *counts = json_object_get(json_object_get(object, "status"), "destinations");

	if (counts)
		text_addf(cell, "%lld/%lld",
			  (long long)json_integer_value(json_object_get(counts, "ready")),
			  (long long)json_integer_value(json_object_get(counts, "total")));
}

static void write_nodes(const json_t *object, struct text *cell)
{
	const json_t *nodes = json_object_get(json_object_get(object, "status"), "nodes");

	if (nodes)
		text_addf(cell, "%lld/%lld",
			  (long long)json_integer_value(json_object_get(nodes, "programmed")),
			  (long long)json_integer_value(json_object_get(nodes, "total")));
}

/* "True", or the reason why not. */
static void write_ready(const json_t *object, struct text *cell)
{
	const json_t *conditions = json_object_get(json_object_get(object, "status"), "conditions");

	if (*json_text(json_object_get(object, "metadata"), "deletionTimestamp")) {
		text_add(cell, "Deleting");
		return;
	}
	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *condition = json_array_get(conditions, i);

		if (!text_equal(json_text(condition, "type"), "Ready"))
			continue;
		text_add(cell, text_equal(json_text(condition, "status"), "True")
				       ? "True"
				       : json_text(condition, "reason"));
	}
}

static void write_routing_destinations(const json_t *object, struct text *cell)
{
	text_addf(cell, "%zu", json_array_size(json_object_get(object, "destinations")));
}

static const struct column columns[PRINT_N_TABLES][COLUMNS_MAX] = {
	[KIND_NETWORK] = {{"NAME", false, "metadata.name", NULL},
			  {"PROVIDER-ID", true, "spec.providerID", NULL},
			  {"AGE", false, NULL, write_age}},
	[KIND_NETWORK_INTERFACE] = {{"NAME", false, "metadata.name", NULL},
				    {"NETWORK", false, "spec.networkRef.name", NULL},
				    {"IPS", false, "status.ips.ip", NULL},
				    {"NODE", false, "spec.nodeRef.name", NULL},
				    {"MACHINE", true, "spec.machineRef.name", NULL},
				    {"AGE", false, NULL, write_age}},
	[KIND_LOAD_BALANCER] = {{"NAME", false, "metadata.name", NULL},
				{"NETWORK", false, "spec.networkRef.name", NULL},
				{"IPS", false, "status.ips.ip", NULL},
				{"PORTS", false, NULL, write_ports},
				{"DESTINATIONS", false, NULL, write_destinations},
				{"NODES", true, NULL, write_nodes},
				{"ADDRESSES", true, "status.addresses.state", NULL},
				{"READY", false, NULL, write_ready},
				{"AGE", false, NULL, write_age}},
	[KIND_LOAD_BALANCER_ROUTING] = {{"NAME", false, "metadata.name", NULL},
					{"NETWORK", false, "networkRef.name", NULL},
					{"DESTINATIONS", false, NULL, write_routing_destinations},
					{"IPS", true, "destinations.ip", NULL},
					{"AGE", false, NULL, write_age}},
	[KIND_PREFIX] = {{"NAME", false, "metadata.name", NULL},
			 {"PREFIX", false, "spec.prefix", NULL},
			 {"PHASE", false, "status.phase", NULL},
			 {"SIZE", false, "status.usage.size", NULL},
			 {"USED", false, "status.usage.used", NULL},
			 {"FREE", false, "status.usage.free", NULL},
			 {"LARGEST-FREE", false, "status.usage.largestFree", NULL},
			 {"WAITERS", false, "status.usage.waiters", NULL},
			 {"PARENT", true, "spec.prefixRef.name", NULL},
			 {"AGE", false, NULL, write_age}},
	[PRINT_NODES] = {{"NODE", false, "node.name", NULL},
			 {"STATE", false, "node.state", NULL},
			 {"VERSION", false, "node.version", NULL},
			 {"HEARD", false, NULL, write_heard},
			 {"NETWORK", false, "network.name", NULL},
			 {"IS", false, "network.state", NULL},
			 {"APPLIED", false, "network.revision", NULL},
			 {"NEWEST", false, "network.newest", NULL},
			 {"ADDRESSES", true, "network.addresses", NULL},
			 {"REFUSED", false, "network.refused", NULL},
			 {"CONDITIONS", false, "network.conditions.reason", NULL}},
	[PRINT_REPLICAS] = {{"REPLICA", false, "id", NULL},
			    {"VERSION", false, "version", NULL},
			    {"STATE", false, "state", NULL},
			    {"SEQUENCE", false, "sequence", NULL},
			    {"BEHIND", false, "behind", NULL},
			    {"OBJECTS", false, "objects", NULL},
			    {"NODES", false, "nodes", NULL},
			    {"UNREADABLE", true, "unreadable", NULL},
			    {"STARTED", false, "started", NULL}},
	[PRINT_EVENTS] = {{"AGE", false, NULL, write_happened},
			  {"TIME", true, "time", NULL},
			  {"TYPE", false, "type", NULL},
			  {"REASON", false, "reason", NULL},
			  {"OBJECT", false, "object", NULL},
			  {"NODE", false, "node", NULL},
			  {"MESSAGE", false, "message", NULL}},
};

static bool is_shown(const struct column *column, enum output output)
{
	return column->title && (!column->wide || output == OUTPUT_WIDE);
}

static void write_cell(const struct column *column, const json_t *object, struct text *cell)
{
	text_cut(cell, 0);
	if (!object)
		text_add(cell, column->title);
	else if (column->write)
		column->write(object, cell);
	else
		write_path(object, column->path, cell);
	if (cell->len == 0)
		text_add(cell, "-");
}

static size_t column_width(const struct column *column, const json_t *items)
{
	auto_call(text_deinit) struct text cell = {};
	size_t width = strlen(column->title);

	for (size_t i = 0; i < json_array_size(items); i++) {
		write_cell(column, json_array_get(items, i), &cell);
		if (cell.len > width)
			width = cell.len;
	}
	return width;
}

/* A row, or the headings where `object` is NULL. */
static void print_row(const json_t *object, unsigned kind, enum output output,
		      const size_t widths[static COLUMNS_MAX])
{
	auto_call(text_deinit) struct text row = {}, cell = {};

	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		const struct column *column = &columns[kind][i];

		if (!is_shown(column, output))
			continue;
		write_cell(column, object, &cell);
		text_addf(&row, "%-*s   ", (int)widths[i], cell.bytes ?: "-");
	}
	while (row.len && row.bytes[row.len - 1] == ' ')
		text_cut(&row, row.len - 1);
	printf("%s\n", row.bytes ?: "");
}

static void print_table(const json_t *items, unsigned kind, enum output output, bool headings)
{
	size_t widths[COLUMNS_MAX] = {};

	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		if (is_shown(&columns[kind][i], output))
			widths[i] = column_width(&columns[kind][i], items);
	}
	if (headings)
		print_row(NULL, kind, output, widths);
	for (size_t i = 0; i < json_array_size(items); i++)
		print_row(json_array_get(items, i), kind, output, widths);
}

static void print_names(const json_t *items, enum kind kind)
{
	for (size_t i = 0; i < json_array_size(items); i++)
		printf("%s/%s\n", kind_token(kind),
		       json_text(json_object_get(json_array_get(items, i), "metadata"), "name"));
}

static void print_json(const json_t *json, size_t flags)
{
	(void)json_dumpf(json, stdout, flags | JSON_ENCODE_ANY); /* main() looks at stdout */
	printf("\n");
}

static void print_yaml(const json_t *json)
{
	auto_call(text_deinit) struct text text = {};

	if (yaml_from_json(json, &text) == 0)
		printf("%s", text.bytes ?: "");
}

static json_t *as_list(const json_t *items)
{
	return json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List", "items", items);
}

void print_objects(const json_t *items, enum kind kind, enum output output, bool single)
{
	auto_call(json_decrefp) json_t *list = NULL;
	const json_t *shown = json_array_get(items, 0);

	if (!single)
		shown = list = as_list(items);
	switch (output) {
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
		print_table(items, kind, output, true);
		break;
	case OUTPUT_JSON:
		print_json(shown, JSON_INDENT(2));
		break;
	case OUTPUT_YAML:
		print_yaml(shown);
		break;
	case OUTPUT_NAME:
		print_names(items, kind);
		break;
	}
}

void print_rows(const json_t *answer, const json_t *rows, enum print_table table,
		enum output output)
{
	if (output == OUTPUT_JSON)
		print_json(answer, JSON_INDENT(2));
	else if (output == OUTPUT_YAML)
		print_yaml(answer);
	else
		print_table(rows, table, output, true);
}

void print_event(const json_t *event, enum kind kind, enum output output)
{
	auto_call(json_decrefp) json_t *items = json_pack("[O]", json_object_get(event, "object"));

	if (output == OUTPUT_JSON) {
		print_json(event, JSON_COMPACT);
	} else if (output == OUTPUT_YAML) {
		printf("---\n");
		print_yaml(event);
	} else if (output == OUTPUT_NAME) {
		print_names(items, kind);
	} else {
		if (text_equal(json_text(event, "type"), "DELETED"))
			printf("(deleted)   ");
		print_table(items, kind, output, false);
	}
}

void print_happening(const json_t *event, const json_t *rows, enum output output)
{
	if (output == OUTPUT_JSON) {
		print_json(event, JSON_COMPACT);
	} else if (output == OUTPUT_YAML) {
		printf("---\n");
		print_yaml(event);
	} else {
		print_table(rows, PRINT_EVENTS, output, false);
	}
}

void print_value(const json_t *json, enum output output)
{
	if (output == OUTPUT_JSON)
		print_json(json, JSON_INDENT(2));
	else
		print_yaml(json);
}
