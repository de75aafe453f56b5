/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "ipam/document.h"
#include "messages/codec.h"

/* What the allocator adds, and what is no part of the manifest. */
static void strip(json_t *object)
{
	static const char *const added[] = {"creationTimestamp", "generation", "resourceVersion",
					    "uid"};
	json_t *meta = json_object_get(object, "metadata");

	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		(void)json_object_del(meta, added[i]);
	(void)json_object_del(object, "status");
}

/* A file in memory with the object as YAML, empty for NULL; diff(1) reads it by its number. */
static int open_yaml(const json_t *object, char path[static 32], struct error *err)
{
	auto_call(json_decrefp) json_t *stripped = json_deep_copy(object); /* NULL of NULL */
	auto_call(text_deinit) struct text text = {};
	int fd;

	if (stripped)
		strip(stripped);
	if (object && (!stripped || yaml_from_json(stripped, &text) < 0))
		return error_set(err, -ENOMEM, "out of memory");
	fd = memfd_create("manifest", 0);
	if (fd < 0)
		return error_errno(err, -errno, "cannot make a file in memory");
	if (write(fd, text.bytes ?: "", text.len) != (ssize_t)text.len) {
		close(fd);
		return error_set(err, -ENOMEM, "cannot write a file in memory");
	}
	(void)snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* Return: 0 the same, 1 different (and printed), <0. */
static int run_diff(const char *path, const char *stored, const char *wanted, struct error *err)
{
	char labels[2][320];
	const char *const argv[] = {"diff",    "-u",   "--label", labels[0], "--label",
				    labels[1], stored, wanted,    NULL};
	int status, r;
	pid_t pid;

	(void)snprintf(labels[0], sizeof(labels[0]), "stored/%s", path);
	(void)snprintf(labels[1], sizeof(labels[1]), "wanted/%s", path);
	(void)fflush(stdout);
	(void)unsetenv(
		"NATS_URL"); /* a password may be in it, and the connection is there already */
	r = posix_spawnp(&pid, "diff", NULL, NULL, (char *const *)argv, environ);
	if (r != 0)
		return error_errno(err, -r, "cannot run diff(1)");
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_errno(err, -errno, "diff(1)");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return error_set(err, -EIO, "diff(1) failed");
	return WEXITSTATUS(status);
}

static int diff_objects(const char *path, const json_t *stored, const json_t *wanted,
			struct error *err)
{
	auto_close int stored_fd = -1, wanted_fd = -1;
	char stored_path[32], wanted_path[32];

	stored_fd = open_yaml(stored, stored_path, err);
	wanted_fd = open_yaml(wanted, wanted_path, err);
	if (stored_fd < 0 || wanted_fd < 0)
		return -EIO;
	return run_diff(path, stored_path, wanted_path, err);
}

/* Return: 0 the same, 1 different, <0. */
static int diff_one(struct session *session, const char *name_space, const char *path,
		    const json_t *wanted, struct error *err)
{
	auto_call(json_decrefp) json_t *answer = NULL;
	int r = session_ask(session, API_GET, name_space, NULL, 0, path, strlen(path), &answer,
			    err);

	if (r < 0)
		return r;
	if (!json_is_true(json_object_get(answer, "ok")) &&
	    json_integer_value(json_object_get(answer, "code")) != 404)
		return error_set(err, -EIO, "%s", json_text(answer, "reason"));
	return diff_objects(path, json_array_get(json_object_get(answer, "items"), 0), wanted, err);
}

static enum exit_status diff_file(struct session *session, const struct arguments *arguments,
				  const char *path, struct error *err)
{
	auto_call(json_decrefp) json_t *answer = NULL;
	enum exit_status status = EXIT_DONE;
	auto_free char *bytes = NULL;
	const json_t *results, *items;
	size_t len;

	if (file_read(path, CODEC_MESSAGE_MAX, &bytes, &len, err) < 0 ||
	    session_ask(session, API_DRYRUN, arguments->name_space, NULL, 0, bytes, len, &answer,
			err) < 0)
		return EXIT_FAILED;
	if (!json_is_true(json_object_get(answer, "ok")))
		return answer_print(answer, "", err);
	results = json_object_get(answer, "results");
	items = json_object_get(answer, "items");
	if (json_array_size(items) != json_array_size(results)) {
		(void)error_set(err, 0, "'%s' has too many objects for one diff: cut it", path);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < json_array_size(items); i++) {
		int r = diff_one(session, arguments->name_space,
				 json_text(json_array_get(results, i), "object"),
				 json_array_get(items, i), err);

		if (r < 0)
			return EXIT_FAILED;
		if (r > 0)
			status = EXIT_DIFFERENT;
	}
	return status;
}

enum exit_status command_diff(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	enum exit_status all = EXIT_DONE;

	if (arguments->n_files == 0 || arguments->n_words > 0) {
		(void)error_set(err, 0, "diff takes manifests: 'ilb diff -f FILE'");
		return EXIT_USAGE;
	}
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < arguments->n_files; i++) {
		enum exit_status status = diff_file(session, arguments, arguments->files[i], err);

		if (status != EXIT_DONE && status != EXIT_DIFFERENT)
			return status;
		if (status == EXIT_DIFFERENT)
			all = status;
	}
	return all;
}
