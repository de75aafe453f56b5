/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/decoded.h"
#include "cli/print.h"
#include "messages/codec.h"

/* natscli's --raw ends what it prints with a newline, which is no part of the message. */
static int read_message(const char *type, const char *bytes, size_t len, json_t **ret_json,
			struct error *err)
{
	int r = decoded_json(type, bytes, len, ret_json, err);

	if (r < 0 && r != -EINVAL && len && bytes[len - 1] == '\n' &&
	    decoded_json(type, bytes, len - 1, ret_json, NULL) == 0) {
		*err->text = '\0';
		return 0;
	}
	return r;
}

enum exit_status command_decode(const struct arguments *arguments, struct error *err)
{
	auto_call(json_decrefp) json_t *json = NULL;
	auto_free char *bytes = NULL;
	size_t len;
	int r;

	if (arguments->n_words > 1 || arguments->n_files > 1) {
		(void)error_set(err, 0, "decode takes one message: 'ilb decode [TYPE] < MESSAGE'");
		return EXIT_USAGE;
	}
	if (file_read(arguments->n_files ? arguments->files[0] : "-", CODEC_MESSAGE_MAX, &bytes,
		      &len, err) < 0)
		return EXIT_FAILED;
	r = read_message(arguments->n_words ? arguments->words[0] : NULL, bytes, len, &json, err);
	if (r < 0)
		return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	print_value(json, arguments->output);
	return EXIT_DONE;
}
