/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

#define WORDS_MAX 65536 /* bytes of a body that is no manifest */

void request_deinit(struct request *request)
{
	documents_deinit(&request->documents);
	ARRAY_FOREACH(target, request->targets, request->n_targets)
		free(target->name);
	free(request->targets);
	selector_free(request->selector);
	free(request->lb);
	free(request->about);
	free(request->after);
	*request = (struct request){};
}

static int usage(const struct request *request, struct error *err)
{
	const char *name = request->name_space;

	switch (request->verb) {
	case API_APPLY:
	case API_DRYRUN:
		return error_set(err, -EINVAL,
				 "no manifest: nats req ilb.v1.%s.%s --force-stdin --raw < lb.yaml",
				 api_verb_name(request->verb), name);
	case API_DELETE:
	case API_GET:
		return error_set(err, -EINVAL,
				 "no object named: nats req ilb.v1.%s.%s loadbalancer/NAME",
				 api_verb_name(request->verb), name);
	case API_LIST:
	case API_N_VERBS:
		break;
	}
	return error_set(err, -EINVAL,
			 "no kind named: nats req ilb.v1.list.%s 'loadbalancers selector=app=web' "
			 "(or networks, networkinterfaces, loadbalancerroutings, prefixes, nodes)",
			 name);
}

/* natscli sends "!nil!" where it was given no body. */
static bool is_empty(const char *body, size_t len)
{
	size_t blank = 0;

	while (blank < len && strchr(" \t\r\n", body[blank]))
		blank++;
	return blank == len || (len - blank >= 5 && memcmp(body + blank, "!nil!", 5) == 0);
}

/* "KIND/NAME" and nothing that only a manifest has. */
static bool is_words(const char *body, size_t len)
{
	return !memchr(body, ':', len) && !memchr(body, '{', len);
}

static int parse_kind(const char *word, enum kind *ret_kind, struct error *err)
{
	if (kind_parse(word, ret_kind) == 0)
		return 0;
	return error_set(err, -EINVAL,
			 "no such kind '%.64s': it is one of network, networkinterface, "
			 "loadbalancer, loadbalancerrouting, prefix",
			 word);
}

static int add_target(struct request *request, char *word, struct error *err)
{
	struct request_target *target;
	char *slash = strchr(word, '/');
	enum kind kind;
	int r;

	if (!slash || !slash[1])
		return error_set(err, -EINVAL, "'%.64s' is not KIND/NAME, as in loadbalancer/web",
				 word);
	if (strlen(slash + 1) > DESIRED_NAME_MAX)
		return error_set(err, -EINVAL, "name: must be no more than %d characters",
				 DESIRED_NAME_MAX);
	*slash = '\0';
	r = parse_kind(word, &kind, err);
	if (r < 0)
		return r;
	if (request->n_targets == REQUEST_TARGETS_MAX)
		return error_set(err, -EINVAL, "more than %d objects named", REQUEST_TARGETS_MAX);
	target = ARRAY_ADD(request->targets, request->n_targets);
	if (target)
		target->name = strdup(slash + 1);
	if (!target || !target->name)
		return error_set(err, -ENOMEM, "out of memory");
	target->kind = kind;
	return 0;
}

static int set_limit(struct request *request, const char *text, struct error *err)
{
	uint64_t limit;

	if (text_parse_u64(text, REQUEST_LIST_LIMIT, &limit) < 0 || limit == 0)
		return error_set(err, -EINVAL, "limit: must be between 1 and %d",
				 REQUEST_LIST_LIMIT);
	request->limit = (size_t)limit;
	return 0;
}

static int set_selector(struct request *request, const char *text, struct error *err)
{
	struct selector *selector = NULL;
	int r = selector_parse(text, &selector, err);

	if (r < 0)
		return r == -EINVAL ? error_prefix(err, r, "selector")
				    : error_set(err, r, "out of memory");
	selector_free(request->selector);
	request->selector = selector;
	return 0;
}

static int set_after(struct request *request, const char *text, struct error *err)
{
	if (strlen(text) > DESIRED_NAME_MAX)
		return error_set(err, -EINVAL, "continue: not a token of ours");
	free(request->after);
	request->after = strdup(text);
	return request->after ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int set_lb(struct request *request, const char *name, struct error *err)
{
	if (request->list != LIST_DESTINATIONS)
		return error_set(err, -EINVAL, "loadbalancer= goes with destinations alone");
	free(request->lb);
	request->lb = strdup(name);
	return request->lb ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* Kinds have several names; what is kept has one. */
static int set_about(struct request *request, const char *word, struct error *err)
{
	const char *slash = strchr(word, '/');
	char token[64], about[DESIRED_NAME_MAX + 64];
	enum kind kind;
	int r;

	if (request->list != LIST_EVENTS)
		return error_set(err, -EINVAL, "for= goes with events alone");
	if (!slash || !slash[1] || strlen(slash + 1) > DESIRED_NAME_MAX)
		return error_set(err, -EINVAL, "'%.64s' is not KIND/NAME, as in loadbalancer/web",
				 word);
	(void)snprintf(token, sizeof(token), "%.*s", (int)(slash - word), word);
	r = parse_kind(token, &kind, err);
	if (r < 0)
		return r;
	(void)snprintf(about, sizeof(about), "%s/%s", kind_token(kind), slash + 1);
	free(request->about);
	request->about = strdup(about);
	return request->about ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int set_option(struct request *request, const char *word, struct error *err)
{
	if (text_starts(word, "selector="))
		return set_selector(request, word + strlen("selector="), err);
	if (text_starts(word, "limit="))
		return set_limit(request, word + strlen("limit="), err);
	if (text_starts(word, "continue="))
		return set_after(request, word + strlen("continue="), err);
	if (text_starts(word, "for="))
		return set_about(request, word + strlen("for="), err);
	if (text_starts(word, "loadbalancer="))
		return set_lb(request, word + strlen("loadbalancer="), err);
	return error_set(err, -EINVAL,
			 "'%.64s' is none of selector=LABELS, limit=N, continue=TOKEN", word);
}

static int set_kind(struct request *request, const char *word, struct error *err)
{
	if (strcmp(word, "node") == 0 || strcmp(word, "nodes") == 0) {
		request->list = LIST_NODES;
		return 0;
	}
	if (strcmp(word, "destinations") == 0) {
		request->list = LIST_DESTINATIONS;
		return 0;
	}
	if (strcmp(word, "events") == 0) {
		request->list = LIST_EVENTS;
		return 0;
	}
	return parse_kind(word, &request->kind, err);
}

static int parse_headers(const struct request_input *input, struct request *request,
			 struct error *err)
{
	int r = 0;

	if (input->selector)
		r = set_selector(request, input->selector, err);
	if (r == 0 && input->limit)
		r = set_limit(request, input->limit, err);
	if (r == 0 && input->after)
		r = set_after(request, input->after, err);
	return r;
}

/* A body of words. */
static int parse_words(const struct request_input *input, struct request *request,
		       struct error *err)
{
	auto_free char *words = NULL;
	char *rest = NULL;
	bool first = request->list == LIST_OBJECTS; /* otherwise the subject said what */
	int r = 0;

	if (input->len > WORDS_MAX)
		return error_set(err, -EINVAL, "longer than %d bytes", WORDS_MAX);
	if (memchr(input->body, '\0', input->len))
		return error_set(err, -EINVAL, "holds a NUL byte");
	words = strndup(input->body, input->len);
	if (!words)
		return error_set(err, -ENOMEM, "out of memory");
	for (char *word = strtok_r(words, " \t\r\n", &rest); word && r == 0;
	     word = strtok_r(NULL, " \t\r\n", &rest)) {
		if (request->verb != API_LIST)
			r = add_target(request, word, err);
		else if (first)
			r = set_kind(request, word, err);
		else
			r = set_option(request, word, err);
		first = false;
	}
	if (r == 0 && request->list == LIST_DESTINATIONS && !request->lb)
		r = error_set(err, -EINVAL, "whose? 'destinations loadbalancer=NAME'");
	return r;
}

static int parse_body(const struct request_input *input, struct request *request, struct error *err)
{
	int r;

	if (is_empty(input->body, input->len))
		return request->list == LIST_NODES ? 0 : usage(request, err);
	if (request->verb == API_GET || request->verb == API_LIST ||
	    (request->verb == API_DELETE && is_words(input->body, input->len)))
		return parse_words(input, request, err);
	r = documents_read(input->body, input->len, request->name_space, &request->documents);
	if (r < 0)
		return error_set(err, r, "out of memory");
	return request->documents.n_items ? 0 : usage(request, err);
}

bool request_wants_json(const struct request_input *input)
{
	return input->accept && strstr(input->accept, "application/json");
}

static int parse_subject(const char *text, struct request *request, struct error *err)
{
	struct subject subject;

	if (text_equal(text, SUBJECT_NODES)) {
		request->verb = API_LIST;
		request->list = LIST_NODES;
		return 0;
	}
	if (subject_parse(text, &subject) < 0 || subject.kind != SUBJECT_API)
		return error_set(err, -EINVAL,
				 "no such subject: it is ilb.v1.VERB.NAMESPACE with a verb of "
				 "apply, delete, get, list, dryrun, or " SUBJECT_NODES);
	request->verb = subject.verb;
	memcpy(request->name_space, subject.name_space, sizeof(request->name_space));
	return 0;
}

int request_parse(const struct request_input *input, struct request *ret_request, struct error *err)
{
	struct request request = {.limit = REQUEST_LIST_LIMIT};
	int r;

	request.json = request_wants_json(input);
	if (parse_subject(input->subject, &request, err) < 0) {
		ret_request->json = request.json;
		return -EINVAL;
	}
	r = parse_headers(input, &request, err);
	if (r == 0)
		r = parse_body(input, &request, err);
	if (r < 0) {
		ret_request->json = request.json;
		ret_request->verb = request.verb;
		request_deinit(&request);
		return r;
	}
	*ret_request = request;
	return 0;
}
