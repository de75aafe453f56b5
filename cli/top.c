/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/rates.h"
#include "cli/reference.h"
#include "cli/session.h"

#define QUIET_MS    700 /* a node that has not answered by then is too busy */
#define ANSWERS_MAX 16384
#define INTERVAL_MS 2000

/* "12", "3.4k", "56.7M": six columns at most. */
static const char *brief(double value, char text[static 16])
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;

	while (value >= 9999.5 && unit < sizeof(units) - 2) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(text, 16, value < 10 && value > 0 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	if (unit == 0)
		text[strlen(text) - 1] = '\0';
	return text;
}

static double pair_at(const json_t *row, const char *member, size_t i)
{
	return json_number_value(json_array_get(json_object_get(row, member), i));
}

static void print_line(const char *title, const json_t *row, const char *connections)
{
	char texts[5][16];

	printf("%-42s%8s%9s%9s%9s%9s%9s\n", title,
	       brief(json_number_value(json_object_get(row, "live")), texts[0]), connections,
	       brief(pair_at(row, "packetsPerSecond", 0), texts[1]),
	       brief(pair_at(row, "packetsPerSecond", 1), texts[2]),
	       brief(pair_at(row, "bytesPerSecond", 0), texts[3]),
	       brief(pair_at(row, "bytesPerSecond", 1), texts[4]));
}

static void print_table(const json_t *rows)
{
	char title[512], connections[16];

	printf("%-42s%8s%9s%9s%9s%9s%9s\n", "LOADBALANCER", "LIVE", "CONN/s", "PKT/s IN", "OUT",
	       "BYTE/s IN", "OUT");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const json_t *destinations = json_object_get(row, "destinations");

		(void)snprintf(title, sizeof(title), "%s/%s", json_text(row, "network"),
			       json_text(row, "loadbalancer"));
		print_line(title, row,
			   brief(json_number_value(json_object_get(row, "connectionsPerSecond")),
				 connections));
		for (size_t k = 0; k < json_array_size(destinations); k++) {
			const json_t *destination = json_array_get(destinations, k);

			(void)snprintf(title, sizeof(title), "  %s",
				       json_text(destination, "address"));
			print_line(title, destination, "");
		}
	}
}

static void print_rates(const json_t *rows, enum output output)
{
	if (output != OUTPUT_TABLE && output != OUTPUT_WIDE) {
		print_value(rows, output);
		return;
	}
	if (isatty(STDOUT_FILENO))
		printf("\033[H\033[J");
	print_table(rows);
}

/* Without answers there is an error: a Network is on no node, or its nodes are busy. */
static json_t *ask(struct session *session, const char *name_space, const char *name,
		   struct error *err)
{
	char subject[SUBJECT_MAX];
	json_t *answers = NULL;
	int r = session_gather(session, subject_traffic(subject, name_space), name, QUIET_MS,
			       ANSWERS_MAX, &answers, err);

	if (r == -ENOENT || r == -ETIMEDOUT)
		(void)error_set(err, r, "no agent answers: no node has a Network of namespace %s",
				name_space);
	return answers;
}

static enum exit_status follow(struct session *session, const struct arguments *arguments,
			       const char *name, struct error *err)
{
	auto_call(json_decrefp) json_t *before = ask(session, arguments->name_space, name, err);
	uint64_t interval_ms = arguments->interval_ms ?: INTERVAL_MS;

	while (before) {
		auto_call(json_decrefp) json_t *now = NULL;
		auto_call(json_decrefp) json_t *rows = NULL;

		session_pause(session, interval_ms);
		now = ask(session, arguments->name_space, name, err);
		if (!now)
			return EXIT_FAILED;
		rows = rates_of(before, now);
		print_rates(rows, arguments->output);
		if (fflush(stdout) != 0)
			return EXIT_FAILED;
		if (arguments->once)
			return EXIT_DONE;
		json_decref(before);
		before = TAKE(now);
	}
	return EXIT_FAILED;
}

/* Nothing, "loadbalancer/web", or "web". */
static int read_name(const struct arguments *arguments, const char **ret_name, struct error *err)
{
	const char *word = arguments->n_words ? arguments->words[0] : NULL;
	const char *slash = word ? strchr(word, '/') : NULL;
	enum kind kind;
	char token[64];

	if (arguments->n_words > 1)
		return error_set(err, -EINVAL, "top takes one LoadBalancer, or none for all");
	*ret_name = slash ? slash + 1 : word;
	if (!slash)
		return 0;
	(void)snprintf(token, sizeof(token), "%.*s", (int)(slash - word), word);
	if (kind_parse(token, &kind) < 0 || kind != KIND_LOAD_BALANCER)
		return error_set(err, -EINVAL, "top shows LoadBalancers, not '%s'", word);
	return 0;
}

enum exit_status command_top(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	const char *name = NULL;

	if (read_name(arguments, &name, err) < 0)
		return EXIT_USAGE;
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	return follow(session, arguments, name, err);
}
