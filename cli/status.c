/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/text.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/session.h"

#define QUIET_MS     700 /* a replica that has not answered by then is not there */
#define REPLICAS_MAX 64

static json_int_t number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

/* A stream that is not as allocators make it, and loses what it is given; "" otherwise. */
static const char *problem_of(const json_t *config)
{
	if (!text_equal(json_text(config, "storage"), "file"))
		return "keeps all in memory: it is lost when the server stops";
	if (number(config, "max_age") > 0)
		return "forgets what is older than its max_age: 'nats stream edit KV_ilb --max-age=0'";
	if (!text_equal(json_text(config, "discard"), "new") &&
	    (number(config, "max_bytes") > 0 || number(config, "max_msgs") > 0))
		return "forgets the oldest when it is full: 'nats stream edit KV_ilb "
		       "--max-bytes=-1 --max-msgs=-1'";
	return "";
}

/* What JetStream says of the log: {"sequence", "copies", "bytes", "leader", "problem"}; NULL where it does not. */
static json_t *ask_store(struct session *session, struct error *err)
{
	auto_call(json_decrefp) json_t *answers = NULL;
	const json_t *info, *state;

	if (session_gather(session, "$JS.API.STREAM.INFO.KV_ilb", NULL, SESSION_TIMEOUT_MS, 1,
			   &answers, err) < 0)
		return NULL;
	info = json_array_get(answers, 0);
	state = json_object_get(info, "state");
	if (!state) {
		(void)error_set(err, 0,
				"there is no store (%s): an allocator makes it when it starts; if "
				"it was deleted, stop all, restore the backup, start them",
				json_text(json_object_get(info, "error"), "description"));
		return NULL;
	}
	return json_pack("{s:I, s:I, s:I, s:s, s:s}", "sequence", number(state, "last_seq"),
			 "copies", number(json_object_get(info, "config"), "num_replicas"), "bytes",
			 number(state, "bytes"), "leader",
			 json_text(json_object_get(info, "cluster"), "leader"), "problem",
			 problem_of(json_object_get(info, "config")));
}

/* A replica's answer, flat, with how far it is behind the log as it was before it was asked. */
static json_t *replica_of(const json_t *answer, json_int_t sequence)
{
	const json_t *data = json_object_get(answer, "data");
	json_int_t behind = sequence - number(data, "sequence");

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "id",
			 json_text(answer, "id"), "version", json_text(answer, "version"), "state",
			 json_text(data, "state"), "sequence", number(data, "sequence"), "behind",
			 behind > 0 ? behind : 0, "objects", number(data, "objects"), "nodes",
			 number(data, "nodes"), "unreadable", number(data, "unreadable"), "started",
			 json_text(answer, "started"));
}

static int ask_replicas(struct session *session, json_int_t sequence, json_t *replicas,
			struct error *err)
{
	auto_call(json_decrefp) json_t *answers = NULL;
	int r = session_gather(session, "$SRV.STATS.ilb-allocator", NULL, QUIET_MS, REPLICAS_MAX,
			       &answers, err);

	for (size_t i = 0; i < json_array_size(answers); i++)
		(void)json_array_append_new(replicas,
					    replica_of(json_array_get(answers, i), sequence));
	return r;
}

/* What the numbers mean for the night after. */
static void print_store(const json_t *store)
{
	json_int_t copies = number(store, "copies");

	printf("store: sequence %lld, %lld bytes, %lld cop%s%s%s\n",
	       (long long)number(store, "sequence"), (long long)number(store, "bytes"),
	       (long long)copies, copies == 1 ? "y" : "ies",
	       *json_text(store, "leader") ? ", leader " : "", json_text(store, "leader"));
	if (*json_text(store, "problem"))
		printf("PROBLEM: the stream KV_ilb %s\n", json_text(store, "problem"));
	if (copies == 1)
		printf("note: a power failure of the NATS server may lose the changes of its last "
		       "sync_interval (2 minutes), unless that is 'always'\n");
	printf("\n");
}

static void print_failing(const json_t *replicas)
{
	for (size_t i = 0; i < json_array_size(replicas); i++) {
		const json_t *replica = json_array_get(replicas, i);

		if (text_equal(json_text(replica, "state"), "Failing"))
			printf("\n%s: NATS does not acknowledge its writes, changes are refused: is "
			       "there space on the disk of nats-server, and a quorum of its cluster?\n",
			       json_text(replica, "id"));
	}
}

static void print_all(const json_t *store, const json_t *replicas, enum output output)
{
	auto_call(json_decrefp) json_t *all = NULL;

	if (output == OUTPUT_TABLE || output == OUTPUT_WIDE)
		print_store(store);
	all = json_pack("{s:O, s:O}", "store", store, "replicas", replicas);
	print_rows(all, replicas, PRINT_REPLICAS, output);
	if (output == OUTPUT_TABLE || output == OUTPUT_WIDE)
		print_failing(replicas);
}

enum exit_status command_status(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(json_decrefp) json_t *store = NULL;
	auto_call(json_decrefp) json_t *replicas = json_array();

	if (arguments->n_words) {
		(void)error_set(err, 0, "status takes no operands");
		return EXIT_USAGE;
	}
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	store = ask_store(session, err);
	if (!store || ask_replicas(session, number(store, "sequence"), replicas, err) < 0)
		return EXIT_FAILED;
	print_all(store, replicas, arguments->output);
	return EXIT_DONE;
}
