/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "messages/codec.h"

static enum exit_status apply_file(struct session *session, const struct arguments *arguments,
				   const char *path, struct error *err)
{
	auto_call(json_decrefp) json_t *answer = NULL;
	auto_free char *bytes = NULL;
	size_t len;

	if (file_read(path, CODEC_MESSAGE_MAX, &bytes, &len, err) < 0)
		return EXIT_FAILED;
	if (session_ask(session, arguments->dry_run ? API_DRYRUN : API_APPLY, arguments->name_space,
			NULL, 0, bytes, len, &answer, err) < 0)
		return EXIT_FAILED;
	return answer_print(answer, arguments->dry_run ? " (dry run)" : "", err);
}

enum exit_status command_apply(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;

	if (arguments->n_files == 0 || arguments->n_words > 0) {
		(void)error_set(err, 0, "apply takes manifests: 'ilb apply -f FILE'");
		return EXIT_USAGE;
	}
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < arguments->n_files; i++) {
		enum exit_status status = apply_file(session, arguments, arguments->files[i], err);

		if (status != EXIT_DONE)
			return status;
	}
	return EXIT_DONE;
}
