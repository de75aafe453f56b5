/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/bucket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define API_TIMEOUT_MS  2000
#define ERR_NOT_FOUND   10059 /* stream not found */
#define ERR_NAME_IN_USE 10058 /* with a different configuration: another replica was first */
#define DUPLICATES_NS   120000000000LL

struct bucket_question {
	struct bus *bus;
	char *stream;
	json_t *config; /* to make it with */
	bool created;
	struct bus_request *request; /* that was not answered yet */
	bucket_fn *on_ready;
	void *user;
};

static void bucket_question_free(struct bucket_question *e)
{
	if (e)
		json_decref(e->config);
	if (e)
		free(e->stream);
	free(e);
}
AUTO_DEFINE(struct bucket_question, bucket_question_free);

static void finish(struct bucket_question *e, int outcome, const struct bucket_info *info,
		   const struct error *err)
{
	e->on_ready(e->user, outcome, info, err);
	bucket_question_free(e);
}

/* As nats.go makes it: what `nats kv` expects of a bucket. */
static json_t *configuration(const char *name, unsigned replicas)
{
	return json_pack("{s:s+, s:[s++], s:s, s:i, s:i, s:i, s:i, s:I, s:s, s:s, s:i, s:I, s:b, "
			 "s:b, s:b}",
			 "name", "KV_", name, "subjects", "$KV.", name, ".>", "retention", "limits",
			 "max_consumers", -1, "max_msgs", -1, "max_bytes", -1,
			 "max_msgs_per_subject", 1, "max_age", (json_int_t)0, "storage", "file",
			 "discard", "new", "num_replicas", (int)replicas, "duplicate_window",
			 (json_int_t)DUPLICATES_NS, "deny_delete", 1, "allow_rollup_hdrs", 1,
			 "allow_direct", 1);
}

static bool on_answer(void *user, int outcome, const struct bus_message *message);

static int ask(struct bucket_question *e, const char *verb, const json_t *body)
{
	char subject[512];
	auto_free char *text = body ? json_dumps(body, JSON_COMPACT) : strdup("");

	if (!text)
		return -ENOMEM;
	(void)snprintf(subject, sizeof(subject), "$JS.API.STREAM.%s.%s", verb, e->stream);
	return bus_ask(e->bus, subject, NULL, 0, text, strlen(text), API_TIMEOUT_MS, on_answer, e,
		       &e->request);
}

static int create(struct bucket_question *e)
{
	return ask(e, "CREATE", e->config);
}

static void read_info(const json_t *answer, struct bucket_info *ret_info)
{
	const json_t *state = json_object_get(answer, "state");
	const char *created = json_string_value(json_object_get(answer, "created"));

	ret_info->last_sequence = (uint64_t)json_integer_value(json_object_get(state, "last_seq"));
	(void)snprintf(ret_info->created, sizeof(ret_info->created), "%s", created ? created : "");
	ret_info->n_messages = (uint64_t)json_integer_value(json_object_get(state, "messages"));
}

/* An answer with an "error" member. Return: true when another question was asked instead. */
static bool is_asked_again(struct bucket_question *e, unsigned code)
{
	if (code == ERR_NOT_FOUND && !e->created) {
		e->created = true;
		return create(e) == 0;
	}
	return code == ERR_NAME_IN_USE && ask(e, "INFO", NULL) == 0;
}

static void on_json(struct bucket_question *e, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	unsigned code = (unsigned)json_integer_value(json_object_get(error, "err_code"));
	const char *sentence = json_string_value(json_object_get(error, "description"));
	struct bucket_info info = {};
	struct error err;

	if (!error && json_is_object(answer)) {
		read_info(answer, &info);
		finish(e, 0, &info, NULL);
	} else if (!is_asked_again(e, code)) {
		(void)error_set(&err, -EIO, "JetStream refuses stream '%s': %s (%u)", e->stream,
				sentence ? sentence : "no reason given", code);
		finish(e, -EIO, NULL, &err);
	}
}

static const char *why_no_answer(int outcome)
{
	switch (outcome) {
	case -ENOENT:
		return "NATS has no JetStream for us: enable it in nats-server's configuration "
		       "(jetstream {}) and for the account";
	case -ENOTCONN:
		return "not connected to NATS";
	default:
		return "JetStream does not answer: is there a quorum?";
	}
}

static bool on_answer(void *user, int outcome, const struct bus_message *message)
{
	struct bucket_question *e = user;
	struct error err;
	json_t *answer;

	e->request = NULL;
	if (outcome < 0) {
		(void)error_set(&err, outcome, "%s", why_no_answer(outcome));
		finish(e, outcome, NULL, &err);
		return false;
	}
	answer = json_loadb(message->data, message->len, JSON_REJECT_DUPLICATES, NULL);
	on_json(e, answer);
	json_decref(answer);
	return false;
}

int bucket_ensure_stream(struct bus *bus, const char *stream, json_t *config, bucket_fn *on_ready,
			 void *user, struct bucket_question **ret_question)
{
	auto_call(bucket_question_freep) struct bucket_question *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	*e = (struct bucket_question){
		.bus = bus, .config = json_incref(config), .on_ready = on_ready, .user = user};
	e->stream = strdup(stream);
	if (!e->stream || ask(e, "INFO", NULL) < 0)
		return -ENOMEM;
	*ret_question = TAKE(e);
	return 0;
}

int bucket_ensure(struct bus *bus, const char *name, unsigned replicas, bucket_fn *on_ready,
		  void *user, struct bucket_question **ret_question)
{
	json_t *config = configuration(name, replicas);
	char stream[256];
	int r;

	(void)snprintf(stream, sizeof(stream), "KV_%s", name);
	r = config ? bucket_ensure_stream(bus, stream, config, on_ready, user, ret_question)
		   : -ENOMEM;
	json_decref(config);
	return r;
}

void bucket_cancel(struct bucket_question *question)
{
	if (question && question->request)
		bus_cancel(question->request);
	bucket_question_free(question);
}

int bucket_ack_parse(const char *bytes, size_t len, struct bucket_ack *ret_ack)
{
	json_t *answer = json_loadb(bytes, len, 0, NULL);
	const json_t *error = json_object_get(answer, "error");
	const char *sentence = json_string_value(json_object_get(error, "description"));
	json_int_t sequence = json_integer_value(json_object_get(answer, "seq"));
	struct bucket_ack ack = {};

	if (error) {
		ack.code = (unsigned)json_integer_value(json_object_get(error, "err_code"));
		(void)snprintf(ack.sentence, sizeof(ack.sentence), "%s",
			       sentence ? sentence : "no reason given");
	} else {
		ack.sequence = sequence > 0 ? (uint64_t)sequence : 0;
	}
	json_decref(answer);
	if (!error && !ack.sequence)
		return -EBADMSG;
	*ret_ack = ack;
	return 0;
}
