/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/subjects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/require.h"
#include "base/text.h"

#define NAMESPACE_MAX 63  /* RFC 1123 label */
#define SUBDOMAIN_MAX 253 /* RFC 1123 subdomain */
#define PREFIX        "ilb.v1."
#define MAX_TOKENS    4 /* behind the prefix */

static const char *const verb_names[] = {
	[API_APPLY] = "apply", [API_DELETE] = "delete", [API_GET] = "get",
	[API_LIST] = "list",   [API_DRYRUN] = "dryrun",
};

const char *api_verb_name(enum api_verb verb)
{
	require((unsigned)verb < API_N_VERBS);
	return verb_names[verb];
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool subject_is_token(const char *token)
{
	size_t len = 0;

	for (; token[len]; len++) {
		if (len == SUBJECT_TOKEN_MAX ||
		    (!is_alnum(token[len]) && token[len] != '_' && token[len] != '-'))
			return false;
	}
	return len > 0;
}

/* Labels of [a-z0-9-] that begin and end with a letter or digit, joined by `dot` (0: one label). */
static bool is_dns(const char *name, size_t len, size_t max, char dot)
{
	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool is_edge = i == 0 || i + 1 == len ||
			       (dot && (name[i - 1] == dot || name[i + 1] == dot));

		if (is_alnum(name[i]))
			continue;
		if (is_edge || (name[i] != '-' && (!dot || name[i] != dot)))
			return false;
	}
	return true;
}

static void replace(char *text, char from, char to)
{
	for (; *text; text++) {
		if (*text == from)
			*text = to;
	}
}

int subject_net_token(const char *name_space, const char *name,
		      char ret_token[static SUBJECT_TOKEN_MAX + 1])
{
	size_t before = strlen(name_space), behind = strlen(name);
	char *end;

	if (!is_dns(name_space, before, NAMESPACE_MAX, 0) ||
	    !is_dns(name, behind, SUBDOMAIN_MAX, '.'))
		return -EINVAL;
	if (before + 1 + behind > SUBJECT_TOKEN_MAX)
		return -ENAMETOOLONG;
	end = mempcpy(ret_token, name_space, before);
	*end++ = '_';
	memcpy(end, name, behind + 1);
	replace(ret_token, '.', '_');
	return 0;
}

int subject_net_names(const char *token, char ret_namespace[static 64], char ret_name[static 254])
{
	const char *name = strchr(token, '_');
	size_t len = name ? (size_t)(name++ - token) : 0;

	if (!name || !is_dns(token, len, NAMESPACE_MAX, 0) || strlen(token) > SUBJECT_TOKEN_MAX ||
	    !is_dns(name, strlen(name), SUBDOMAIN_MAX, '_'))
		return -EINVAL;
	memcpy(ret_namespace, token, len);
	ret_namespace[len] = '\0';
	memcpy(ret_name, name, strlen(name) + 1);
	replace(ret_name, '_', '.');
	return 0;
}

/* "ilb.v1.<word>.<a>.<b>.<c>"; absent tokens are NULL, and the first absent one ends it. */
static const char *write_subject(char subject[static SUBJECT_MAX], const char *word, const char *a,
				 const char *b, const char *c)
{
	const char *const tokens[] = {a, b, c};
	size_t len = (size_t)snprintf(subject, SUBJECT_MAX, PREFIX "%s", word);

	for (size_t i = 0; i < 3 && tokens[i]; i++) {
		require(subject_is_token(tokens[i]) || strcmp(tokens[i], "*") == 0);
		len += (size_t)snprintf(subject + len, SUBJECT_MAX - len, ".%s", tokens[i]);
	}
	return subject;
}

const char *subject_api(char subject[static SUBJECT_MAX], enum api_verb verb,
			const char *name_space)
{
	return write_subject(subject, api_verb_name(verb), name_space, NULL, NULL);
}

static const char *write_object(char subject[static SUBJECT_MAX], const char *word,
				const char *name_space, const char *kind, const char *name)
{
	char token[SUBJECT_TOKEN_MAX + 1];

	require(strlen(name) <= SUBJECT_TOKEN_MAX);
	memcpy(token, name, strlen(name) + 1);
	replace(token, '.', '_');
	return write_subject(subject, word, name_space, kind, token);
}

const char *subject_event(char subject[static SUBJECT_MAX], const char *name_space,
			  const char *kind, const char *name)
{
	return write_object(subject, "event", name_space, kind, name);
}

const char *subject_log(char subject[static SUBJECT_MAX], const char *name_space, const char *kind,
			const char *name)
{
	return write_object(subject, "log", name_space, kind, name);
}

const char *subject_state(char subject[static SUBJECT_MAX], const char *net)
{
	return write_subject(subject, "state", net, NULL, NULL);
}

const char *subject_snap(char subject[static SUBJECT_MAX], const char *node, const char *net)
{
	return write_subject(subject, "snap", node, net, NULL);
}

const char *subject_sync(char subject[static SUBJECT_MAX], const char *node)
{
	return write_subject(subject, "sync", node, NULL, NULL);
}

const char *subject_status(char subject[static SUBJECT_MAX], const char *node, const char *net)
{
	return write_subject(subject, "status", node, net, NULL);
}

const char *subject_alive(char subject[static SUBJECT_MAX], const char *node)
{
	return write_subject(subject, "alive", node, NULL, NULL);
}

const char *subject_probe(char subject[static SUBJECT_MAX], const char *node)
{
	return write_subject(subject, "probe", node, NULL, NULL);
}

const char *subject_note(char subject[static SUBJECT_MAX], const char *node, const char *net)
{
	return write_subject(subject, "note", node, net, NULL);
}

const char *subject_traffic(char subject[static SUBJECT_MAX], const char *name_space)
{
	return write_subject(subject, "traffic", name_space, NULL, NULL);
}

const char *subject_health(char subject[static SUBJECT_MAX], const char *net, const char *node)
{
	return write_subject(subject, "health", net, node, NULL);
}

/* Cuts "a.b.c" at its dots, in place. Return: how many tokens, 0 when one is none or too many. */
static size_t cut_tokens(char *text, const char *ret_tokens[static MAX_TOKENS])
{
	size_t n = 0;

	for (char *next = text; next; n++) {
		char *token = next;

		next = strchr(token, '.');
		if (next)
			*next++ = '\0';
		if (n == MAX_TOKENS || !subject_is_token(token))
			return 0;
		ret_tokens[n] = token;
	}
	return n;
}

static bool parse_verb(const char *word, enum api_verb *ret_verb)
{
	for (unsigned verb = 0; verb < API_N_VERBS; verb++) {
		if (strcmp(word, verb_names[verb]) == 0) {
			*ret_verb = (enum api_verb)verb;
			return true;
		}
	}
	return false;
}

static void copy_token(char *to, const char *token)
{
	memcpy(to, token, strlen(token) + 1);
}

/* `tokens` are what stands behind the word that says the kind. */
static int parse_parts(const char *word, const char *const *tokens, size_t n,
		       struct subject *subject)
{
	static const struct {
		const char *word;
		enum subject_kind kind;
		bool has_node, has_net;
	} rows[] = {
		{"state", SUBJECT_STATE, false, true}, {"snap", SUBJECT_SNAP, true, true},
		{"sync", SUBJECT_SYNC, true, false},   {"status", SUBJECT_STATUS, true, true},
		{"alive", SUBJECT_ALIVE, true, false}, {"note", SUBJECT_NOTE, true, true},
		{"probe", SUBJECT_PROBE, true, false}, {"health", SUBJECT_HEALTH, true, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(word, rows[i].word) != 0)
			continue;
		if (n != (size_t)rows[i].has_node + rows[i].has_net)
			return -EINVAL;
		subject->kind = rows[i].kind;
		if (rows[i].kind == SUBJECT_HEALTH) { /* the one that begins with the Network */
			copy_token(subject->net, tokens[0]);
			copy_token(subject->node, tokens[1]);
			return 0;
		}
		if (rows[i].has_node)
			copy_token(subject->node, tokens[0]);
		if (rows[i].has_net)
			copy_token(subject->net, tokens[n - 1]);
		return 0;
	}
	if (!parse_verb(word, &subject->verb) || n != 1 || strlen(tokens[0]) > NAMESPACE_MAX)
		return -EINVAL;
	subject->kind = SUBJECT_API;
	copy_token(subject->name_space, tokens[0]);
	return 0;
}

int subject_parse(const char *text, struct subject *ret_subject)
{
	char copy[SUBJECT_MAX];
	const char *tokens[MAX_TOKENS];
	struct subject subject = {};
	size_t n;
	int r;

	if (!text_starts(text, PREFIX) || strlen(text) >= sizeof(copy))
		return -EINVAL;
	text += strlen(PREFIX);
	memcpy(copy, text, strlen(text) + 1);
	n = cut_tokens(copy, tokens);
	if (n == 0)
		return -EINVAL;
	r = parse_parts(tokens[0], tokens + 1, n - 1, &subject);
	if (r == 0)
		*ret_subject = subject;
	return r;
}
