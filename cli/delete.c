/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/file.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/reference.h"
#include "cli/session.h"
#include "messages/codec.h"

static enum exit_status ask(struct session *session, const char *name_space, const char *body,
			    size_t len, struct error *err)
{
	auto_call(json_decrefp) json_t *answer = NULL;

	if (session_ask(session, API_DELETE, name_space, NULL, 0, body, len, &answer, err) < 0)
		return EXIT_FAILED;
	return answer_print(answer, "", err);
}

static enum exit_status delete_files(struct session *session, const struct arguments *arguments,
				     struct error *err)
{
	for (size_t i = 0; i < arguments->n_files; i++) {
		auto_free char *bytes = NULL;
		enum exit_status status;
		size_t len;

		if (file_read(arguments->files[i], CODEC_MESSAGE_MAX, &bytes, &len, err) < 0)
			return EXIT_FAILED;
		status = ask(session, arguments->name_space, bytes, len, err);
		if (status != EXIT_DONE)
			return status;
	}
	return EXIT_DONE;
}

enum exit_status command_delete(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(references_deinit) struct references references = {};

	if (references_parse(arguments->words, arguments->n_words, &references, err) < 0)
		return EXIT_USAGE;
	if ((arguments->n_files == 0) == (references.n_items == 0)) {
		(void)error_set(err, 0, "delete takes 'KIND NAME...', 'KIND/NAME...' or -f FILE");
		return EXIT_USAGE;
	}
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < references.n_items; i++) {
		const char *path = references.items[i].path;
		enum exit_status status =
			ask(session, arguments->name_space, path, strlen(path), err);

		if (status != EXIT_DONE)
			return status;
	}
	return delete_files(session, arguments, err);
}
