/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/offline.h"
#include "messages/codec.h"

static enum exit_status apply_file(struct catalog *catalog, const struct arguments *arguments,
				   const char *path, struct error *err)
{
	auto_call(documents_deinit) struct documents documents = {};
	auto_call(text_deinit) struct text problems = {};
	auto_free char *bytes = NULL;
	size_t len;
	int r;

	if (file_read(path, CODEC_MESSAGE_MAX, &bytes, &len, err) < 0)
		return EXIT_FAILED;
	r = documents_read(bytes, len, arguments->name_space, &documents);
	if (r == 0)
		r = offline_apply(catalog, &documents, &problems);
	if (r == -EBADMSG) {
		(void)fprintf(stderr, "%s", problems.bytes ?: "");
		return EXIT_REFUSED;
	}
	if (r < 0)
		(void)error_set(err, r, "out of memory");
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Later ones replace earlier ones, so the default is a number that grows by itself. */
static uint64_t unix_ms(void)
{
	struct timespec now = {};

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What the options say of the message as a whole. Return: 0, -EINVAL. */
static int stamp(struct desired *desired, const struct arguments *arguments, struct error *err)
{
	desired->epoch = offline_uuid(desired->net);
	desired->revision = unix_ms();
	desired->snapshot = !arguments->follows;
	if (arguments->epoch && uuid_parse(arguments->epoch, &desired->epoch) < 0)
		return error_set(err, -EINVAL, "--epoch '%s': must be a UUID", arguments->epoch);
	if (arguments->revision &&
	    (text_parse_u64(arguments->revision, UINT64_MAX, &desired->revision) < 0 ||
	     desired->revision == 0))
		return error_set(err, -EINVAL, "--revision '%s': must be a number from 1 on",
				 arguments->revision);
	if (arguments->follows &&
	    (text_parse_u64(arguments->follows, UINT64_MAX, &desired->previous) < 0 ||
	     desired->previous >= desired->revision))
		return error_set(err, -EINVAL,
				 "--follows '%s': must be a number below the revision's",
				 arguments->follows);
	return 0;
}

static enum exit_status write_message(const struct desired *desired, struct error *err)
{
	auto_free void *bytes = NULL;
	size_t len;

	if (desired_pack(desired, &bytes, &len) < 0) {
		(void)error_set(err, 0, "out of memory");
		return EXIT_FAILED;
	}
	if (len > CODEC_MESSAGE_MAX) {
		(void)error_set(err, 0, "%zu bytes are too many for one message", len);
		return EXIT_FAILED;
	}
	return fwrite(bytes, 1, len, stdout) == len ? EXIT_DONE : EXIT_FAILED;
}

enum exit_status command_compile(const struct arguments *arguments, struct error *err)
{
	auto_call(catalog_freep) struct catalog *catalog = NULL;
	auto_call(desired_freep) struct desired *desired = NULL;
	auto_call(text_deinit) struct text waiting = {};
	int r;

	if (arguments->n_files == 0 || arguments->n_words || !arguments->network) {
		(void)error_set(err, 0, "compile takes '-f FILE --network NAME'");
		return EXIT_USAGE;
	}
	if (catalog_new(&catalog) < 0) {
		(void)error_set(err, 0, "out of memory");
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < arguments->n_files; i++) {
		enum exit_status status = apply_file(catalog, arguments, arguments->files[i], err);

		if (status != EXIT_DONE)
			return status;
	}
	r = offline_desired(catalog, arguments->name_space, arguments->network, &desired, &waiting,
			    err);
	if (r == 0)
		r = stamp(desired, arguments, err);
	if (r < 0)
		return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	(void)fprintf(stderr, "%s", waiting.bytes ?: "");
	return write_message(desired, err);
}
