/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "allocator/call.h"
#include "allocator/say.h"
#include "base/array.h"
#include "base/log.h"
#include "base/text.h"

/* A group of its own: the server takes subscriptions of one name for one group, whatever their
 * subjects, and gives each message to one of them. */
#define QUEUE_OTHER SUBJECT_QUEUE "-other"
#define WORK_NS     10000000 /* decisions of one turn of the loop take so long at most, and one more */

struct api {
	struct world *world;
	void (*wake)(void *user); /* there is work */
	void *user;
	struct bus_subscription *on_verb[API_N_VERBS], *on_nodes, *on_other[2];
	struct call *waiting;    /* by number */
	struct call *committing; /* the store has their edits */
	size_t n_waiting, n_bytes;
	uint64_t n_calls;
	struct api_counters counters[API_N_VERBS];
};

const struct api_counters *api_counters(const struct api *api, enum api_verb verb)
{
	return &api->counters[verb];
}

static void call_free(struct call *call)
{
	call->api->n_bytes -= call->size;
	request_deinit(&call->request);
	answer_deinit(&call->answer);
	free(call->reply);
	free(call->steps);
	free(call->order);
	free(call);
}

/* What is said when the answer itself cannot be made or sent. */
static void send_bare(struct world *world, const char *reply, const char *code,
		      const char *sentence, bool json)
{
	const struct bus_header headers[] = {{"Nats-Service-Error-Code", code},
					     {"Nats-Service-Error", sentence}};
	bool ok = code[0] == '2';
	char body[640];

	if (json) /* neither needs to be escaped */
		(void)snprintf(body, sizeof(body),
			       "{\"ok\":%s,\"code\":%s,\"reason\":\"%s\",\"items\":[]}\n",
			       ok ? "true" : "false", code, sentence);
	else
		(void)snprintf(body, sizeof(body), "%s%s %s\n",
			       ok ? "ok" : "error: ", ok ? "" : code, sentence);
	(void)say(world->bus, reply, headers, ok ? 0 : 2, body, strlen(body));
}

static void send_answer(struct world *world, const char *reply, const struct answer *answer,
			bool json)
{
	struct bus_header headers[3];
	struct text text = {};
	char code[12];
	size_t n = 0;

	(void)snprintf(code, sizeof(code), "%d", answer->code);
	if (!answer_is_ok(answer)) {
		headers[n++] = (struct bus_header){"Nats-Service-Error-Code", code};
		headers[n++] = (struct bus_header){"Nats-Service-Error", answer->reason};
	}
	if (answer->more)
		headers[n++] = (struct bus_header){"Ilb-Continue", answer->more};
	if (answer_format(answer, json, &text) < 0)
		send_bare(world, reply, "503", "the allocator is out of memory", json);
	else if (say(world->bus, reply, headers, n, text.bytes, text.len) == -EMSGSIZE)
		send_bare(world, reply, answer_is_ok(answer) ? "200" : code,
			  "done, but the answer is too large for a message", json);
	text_deinit(&text);
}

static unsigned code_index(unsigned code)
{
	static const unsigned codes[API_N_CODES] = API_CODES;
	unsigned i = 0;

	while (i < API_N_CODES - 1 && codes[i] != code)
		i++;
	return i;
}

static void count(struct api *api, enum api_verb verb, const struct answer *answer,
		  uint64_t started_ns)
{
	struct api_counters *counters = &api->counters[verb];

	counters->n_requests++;
	counters->n_codes[code_index(answer->code)]++;
	counters->processing_ns += uv_hrtime() - started_ns;
	if (answer_is_ok(answer))
		return;
	counters->n_errors++;
	(void)snprintf(counters->last_error, sizeof(counters->last_error), "%d:%.200s",
		       answer->code, answer->reason);
}

static void reply(struct call *call)
{
	send_answer(call->api->world, call->reply, &call->answer, call->request.json);
	count(call->api, call->request.verb, &call->answer, call->started_ns);
	free(TAKE(call->reply));
}

static bool is_write(const struct call *call)
{
	return call->request.verb != API_GET && call->request.verb != API_LIST;
}

/* How the store's silence is told, truthfully. */
static void fill_unavailable(struct call *call, bool may_be_stored)
{
	const char *sentence = store_sentence(call->api->world->store);
	size_t n_stored = write_count_stored(call);

	answer_deinit(&call->answer);
	if (!*sentence)
		sentence = "the store is busy";
	if (!is_write(call) || call->request.verb == API_DRYRUN)
		answer_set(&call->answer, 503, "%s", sentence);
	else if (may_be_stored)
		answer_set(&call->answer, 503,
			   "the store has not acknowledged in time: the change may be stored or "
			   "not (%zu of %zu objects are); ask with get, or apply again",
			   n_stored, call->n_steps);
	else if (n_stored)
		answer_set(&call->answer, 503, "%s: %zu of %zu objects were stored", sentence,
			   n_stored, call->n_steps);
	else
		answer_set(&call->answer, 503, "%s; nothing was changed", sentence);
}

static int by_number(const struct call *a, const struct call *b)
{
	return a->number < b->number ? -1 : a->number > b->number;
}

static void wait_again(struct call *call)
{
	DL_INSERT_INORDER(call->api->waiting, call, by_number);
	call->api->n_waiting++;
	call->api->wake(call->api->user);
}

static void on_commit(void *user, enum commit_outcome outcome, size_t n_stored)
{
	struct call *call = user;
	struct api *api = call->api;

	DL_DELETE(api->committing, call);
	write_stored(call, n_stored);
	if (call->reply && outcome == COMMIT_CONFLICT) {
		wait_again(call);
		return;
	}
	if (call->reply) {
		if (outcome != COMMIT_STORED)
			fill_unavailable(call, outcome == COMMIT_UNKNOWN);
		else if (is_write(call))
			write_finish(api->world, call);
		reply(call);
	}
	call_free(call);
}

static void answer_now(struct call *call)
{
	reply(call);
	call_free(call);
}

/* Decides one request; it is in no list. */
static void run(struct call *call)
{
	struct world *world = call->api->world;
	enum call_next next = CALL_COMMIT;
	struct batch batch = {};
	int r = 0;

	if (is_write(call))
		r = write_decide(world, call, &batch, &next);
	else
		read_answer(world, call);
	if (r == 0 && next == CALL_ANSWER) {
		answer_now(call);
		return;
	}
	if (r == 0) {
		DL_APPEND(call->api->committing, call);
		r = pipeline_commit(store_pipeline(world->store), &batch, on_commit, call);
		if (r == 0)
			return;
		DL_DELETE(call->api->committing, call);
		world_touch(world, 0);
	}
	answer_deinit(&call->answer);
	answer_set(&call->answer, 503, "the allocator is out of memory; nothing was changed");
	answer_now(call);
}

static bool can_run(const struct api *api, const struct call *call)
{
	enum store_state state = store_state(api->world->store);

	if (state == STORE_FAILING) /* reads go on, and so does the refusal of writes */
		return true;
	return state == STORE_READY &&
	       (!is_write(call) || pipeline_has_room(store_pipeline(api->world->store)));
}

bool api_has_work(const struct api *api)
{
	return api->waiting && can_run(api, api->waiting);
}

bool api_work(struct api *api)
{
	uint64_t until_ns = uv_hrtime() + WORK_NS;

	while (api_has_work(api) && uv_hrtime() < until_ns) {
		struct call *call = api->waiting;

		DL_DELETE(api->waiting, call);
		api->n_waiting--;
		if (store_state(api->world->store) == STORE_FAILING && is_write(call)) {
			fill_unavailable(call, false);
			answer_now(call);
		} else {
			run(call);
		}
	}
	return api_has_work(api);
}

void api_tick(struct api *api)
{
	uint64_t now_ms = uv_now(api->world->loop);
	struct call *call, *next;

	DL_FOREACH_SAFE(api->waiting, call, next)
	{
		if (now_ms < call->deadline_ms)
			continue;
		DL_DELETE(api->waiting, call);
		api->n_waiting--;
		fill_unavailable(call, false);
		answer_now(call);
	}
	DL_FOREACH_SAFE(api->committing, call, next)
	{
		if (now_ms < call->deadline_ms || !call->reply)
			continue;
		fill_unavailable(call, true);
		reply(call); /* and stays until the store has decided */
	}
}

static struct request_input input_of(const struct bus_message *message)
{
	return (struct request_input){
		.subject = message->subject,
		.body = message->data ? message->data : "",
		.len = message->len,
		.accept = bus_message_header(message, "Accept"),
		.selector = bus_message_header(message, "Ilb-Selector"),
		.after = bus_message_header(message, "Ilb-Continue"),
		.limit = bus_message_header(message, "Ilb-Limit"),
	};
}

static struct call *call_new(struct api *api, const struct bus_message *message)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->api = api;
	call->number = ++api->n_calls;
	call->size = message->len;
	api->n_bytes += call->size;
	call->started_ns = uv_hrtime();
	call->deadline_ms = uv_now(api->world->loop) + API_PATIENCE_MS - message->waited_ms;
	call->reply = strdup(message->reply);
	if (!call->reply) {
		call_free(call);
		return NULL;
	}
	return call;
}

static void refuse_call(struct call *call, int code, const char *sentence)
{
	answer_set(&call->answer, code, "%s", sentence);
	answer_now(call);
}

static void on_request(void *user, const struct bus_message *message)
{
	struct api *api = user;
	struct request_input input = input_of(message);
	struct call *call = NULL;
	struct error err;
	int r;

	if (!message->reply) /* nobody would learn what became of it, so nothing becomes of it */
		return;
	/* Reading it takes time, too: when requests come faster than that, the old ones are not read. */
	if (message->waited_ms < API_PATIENCE_MS && api->n_waiting < API_WAITING_MAX &&
	    api->n_bytes < API_BYTES_MAX)
		call = call_new(api, message);
	if (!call) {
		send_bare(api->world, message->reply, "503",
			  "too many requests are waiting; nothing was changed",
			  request_wants_json(&input));
		return;
	}
	r = request_parse(&input, &call->request, &err);
	if (r == 0 && is_write(call) && write_prepare(call) < 0)
		r = error_set(&err, -ENOMEM, "the allocator is out of memory");
	if (r < 0)
		refuse_call(call, r == -EINVAL ? 400 : 503, err.text);
	else
		wait_again(call);
}

/* Subjects of the bus that are none of the API's business, whatever stands behind the word. */
static bool is_known_word(const char *subject)
{
	static const char *const words[] = {"apply.",  "delete.", "get.",    "list.",
					    "dryrun.", "event.",  "state.",  "snap.",
					    "sync.",   "status.", "health.", "alive.",
					    "probe.",  "note.",   "log.",    "traffic."};
	const char *word = subject + strlen("ilb.v1.");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (text_starts(word, words[i]))
			return true;
	}
	return false;
}

/* A request that nobody serves: a slip of the pen, which deserves a sentence. */
static void on_other(void *user, const struct bus_message *message)
{
	struct api *api = user;
	struct request_input input = input_of(message);
	struct request request = {};
	struct answer answer = {};
	struct error err = {};

	if (!message->reply || is_known_word(message->subject) ||
	    text_equal(message->subject, SUBJECT_NODES))
		return;
	if (request_parse(&input, &request, &err) == 0) {
		request_deinit(&request);
		return;
	}
	answer_set(&answer, 400, "%s", err.text);
	send_answer(api->world, message->reply, &answer, request.json);
	answer_deinit(&answer);
}

static int subscribe(struct api *api, struct error *err)
{
	static const char *const others[] = {"ilb.v1.*.*", "ilb.v1.*"};
	char subject[SUBJECT_MAX];
	int r = 0;

	for (unsigned verb = 0; verb < API_N_VERBS && r == 0; verb++)
		r = bus_subscribe(api->world->bus, subject_api(subject, (enum api_verb)verb, "*"),
				  SUBJECT_QUEUE, on_request, api, &api->on_verb[verb], err);
	if (r == 0)
		r = bus_subscribe(api->world->bus, SUBJECT_NODES, SUBJECT_QUEUE, on_request, api,
				  &api->on_nodes, err);
	for (size_t i = 0; i < ARRAY_SIZE(others) && r == 0; i++)
		r = bus_subscribe(api->world->bus, others[i], QUEUE_OTHER, on_other, api,
				  &api->on_other[i], err);
	return r;
}

int api_new(struct world *world, void (*wake)(void *user), void *user, struct api **ret_api,
	    struct error *err)
{
	struct api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return error_set(err, -ENOMEM, "out of memory");
	api->world = world;
	api->wake = wake;
	api->user = user;
	r = subscribe(api, err);
	if (r < 0) {
		api_free(api);
		return r;
	}
	*ret_api = api;
	return 0;
}

static void free_list(struct call *list)
{
	struct call *call, *next;

	DL_FOREACH_SAFE(list, call, next)
	call_free(call);
}

void api_free(struct api *api)
{
	if (!api)
		return;
	for (unsigned verb = 0; verb < API_N_VERBS; verb++)
		bus_unsubscribe(api->on_verb[verb]);
	bus_unsubscribe(api->on_nodes);
	for (size_t i = 0; i < ARRAY_SIZE(api->on_other); i++)
		bus_unsubscribe(api->on_other[i]);
	free_list(api->waiting);
	free_list(api->committing);
	free(api);
}
