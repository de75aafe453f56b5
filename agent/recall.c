/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/journal.h"
#include "base/file.h"
#include "base/log.h"
#include "base/require.h"

enum {
	SLACK_LEN =
		1 << 20, /* of changes behind a snapshot, at least; then the file is rewritten */
};

enum job_kind { JOB_NONE, JOB_LOAD, JOB_REPLACE, JOB_APPEND, JOB_SKIP, JOB_REMOVE };

struct recall {
	uv_work_t work;
	uv_loop_t *loop;
	char *net, *path;
	bool closed;
	bool broken;       /* no file is kept until the next snapshot */
	bool outrun;       /* the file is to be removed when the job is done */
	bool told;         /* that it fails was logged */
	struct uuid epoch; /* of what the file holds */
	uint64_t revision;

	/* Of the job; while it runs, the other thread's. */
	enum job_kind kind;
	struct text bytes; /* to write */
	struct desired *state;
	uint64_t at_ms;
	size_t len, whole_len; /* of the file, and when it was last written as a whole */
	int result;
	struct error err;
	recall_loaded_fn *on_loaded;
	recall_stored_fn *on_stored;
	void *user;
};

static void recall_free(struct recall *recall)
{
	if (!recall)
		return;
	text_deinit(&recall->bytes);
	desired_free(recall->state);
	free(recall->net);
	free(recall->path);
	free(recall);
}
AUTO_DEFINE(struct recall, recall_free);

/* "<net>.recall.XXXXXX", as file_replace() names what it writes. */
static bool is_half_written(const char *name)
{
	static const char middle[] = ".recall.";
	size_t len = strlen(name), tail = sizeof(middle) - 1 + 6;

	return len > tail && strncmp(name + len - tail, middle, sizeof(middle) - 1) == 0;
}

void recall_sweep(const char *dir)
{
	DIR *stream = opendir(dir);
	const struct dirent *item;

	while (stream && (item = readdir(stream))) {
		if (is_half_written(item->d_name))
			(void)unlinkat(dirfd(stream), item->d_name, 0);
	}
	if (stream)
		(void)closedir(stream);
}

int recall_new(uv_loop_t *loop, const char *dir, const char *net, struct recall **ret_recall)
{
	auto_call(recall_freep) struct recall *recall = calloc(1, sizeof(*recall));

	if (!recall)
		return -ENOMEM;
	recall->loop = loop;
	recall->work.data = recall;
	recall->broken = true; /* nothing is kept yet that a change could follow */
	recall->net = strdup(net);
	if (!recall->net || asprintf(&recall->path, "%s/%s.recall", dir, net) < 0) {
		recall->path = NULL;
		return -ENOMEM;
	}
	*ret_recall = TAKE(recall);
	return 0;
}

bool recall_is_busy(const struct recall *recall)
{
	return recall->kind != JOB_NONE;
}

bool recall_is_broken(const struct recall *recall)
{
	return recall->broken;
}

bool recall_has(const struct recall *recall, const struct desired *state)
{
	return !recall->broken && state->revision == recall->revision &&
	       uuid_compare(&state->epoch, &recall->epoch) == 0;
}

static uint64_t wall_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The functions from here to work() run on another thread. */

static int load(struct recall *recall)
{
	auto_free char *bytes = NULL;
	size_t len, good_len;
	int r;

	r = file_read(recall->path, JOURNAL_LEN_MAX, &bytes, &len, &recall->err);
	if (r < 0)
		return r;
	r = journal_read(recall->net, bytes, len, &recall->state, &recall->at_ms, &good_len,
			 &recall->err);
	if (r < 0)
		return error_prefix(&recall->err, r, "'%s'", recall->path);
	/* What follows must not stand behind a torn record. */
	if (good_len < len && truncate(recall->path, (off_t)good_len) < 0)
		return error_errno(&recall->err, -errno, "'%s'", recall->path);
	recall->len = recall->whole_len = good_len;
	return 0;
}

static int replace(struct recall *recall)
{
	int r = file_replace(recall->path, recall->bytes.bytes, recall->bytes.len, &recall->err);

	if (r == 0)
		recall->len = recall->whole_len = recall->bytes.len;
	return r;
}

/* One write: another process that dies here leaves all of it or a torn end. */
static int append(struct recall *recall)
{
	auto_close int fd = open(recall->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return error_errno(&recall->err, -errno, "'%s'", recall->path);
	n = write(fd, recall->bytes.bytes, recall->bytes.len);
	if (n != (ssize_t)recall->bytes.len)
		return error_errno(&recall->err, n < 0 ? -errno : -ENOSPC, "'%s'", recall->path);
	recall->len += recall->bytes.len;
	return 0;
}

/* Many changes become one snapshot again, so that the file is bounded by the state. */
static int shorten(struct recall *recall)
{
	int r;

	if (recall->len < 2 * recall->whole_len + SLACK_LEN)
		return 0;
	r = load(recall);
	if (r < 0)
		return r;
	text_cut(&recall->bytes, 0);
	r = journal_pack(recall->state, recall->at_ms, &recall->bytes);
	desired_free(TAKE(recall->state));
	return r < 0 ? r : replace(recall);
}

static void work(uv_work_t *request)
{
	struct recall *recall = request->data;

	switch (recall->kind) {
	case JOB_NONE:
	case JOB_SKIP:
		break;
	case JOB_LOAD:
		recall->result = load(recall);
		break;
	case JOB_REPLACE:
		recall->result = replace(recall);
		break;
	case JOB_APPEND:
		recall->result = append(recall);
		if (recall->result == 0)
			recall->result = shorten(recall);
		break;
	case JOB_REMOVE:
		recall->result = error_set(&recall->err, -ETIMEDOUT, "the disk is too slow");
		break;
	}
	/*
	 * What it holds would be behind the kernel. A file that cannot even be removed is on a disk
	 * that cannot be written: there is nothing more to do about it.
	 */
	if (recall->result < 0 && recall->kind != JOB_LOAD)
		(void)unlink(recall->path);
}

static void tell_failure(struct recall *recall)
{
	bool nothing_kept = recall->kind == JOB_LOAD && recall->result == -ENOENT;

	if (recall->result == 0)
		recall->told = false;
	else if (!nothing_kept && !recall->told)
		log_warning("net=%s: its state is not kept on disk: %s", recall->net,
			    recall->err.text);
	if (recall->result < 0 && !nothing_kept)
		recall->told = true;
}

static void start(struct recall *recall, enum job_kind kind);

/* Hands the outcome to who waits for it. */
static void finish(struct recall *recall, enum job_kind kind)
{
	struct desired *state = TAKE(recall->state);

	if (kind != JOB_LOAD) {
		recall->on_stored(recall->user);
		return;
	}
	if (state) {
		recall->revision = state->revision;
		recall->epoch = state->epoch;
	}
	recall->on_loaded(recall->user, state, recall->at_ms);
}

static void on_done(uv_work_t *request, int status)
{
	struct recall *recall = request->data;
	enum job_kind kind = recall->kind;

	require(status == 0); /* nothing is ever cancelled */
	if (recall->closed) {
		if (recall->outrun) /* nobody waits any more, and the loop is about to end */
			(void)unlink(recall->path);
		recall_free(recall);
		return;
	}
	tell_failure(recall);
	recall->kind = JOB_NONE;
	if (kind != JOB_SKIP)
		recall->broken = recall->result < 0;
	text_deinit(&recall->bytes);
	if (TAKE(recall->outrun))
		start(recall, JOB_REMOVE);
	else
		finish(recall, kind);
}

static void start(struct recall *recall, enum job_kind kind)
{
	recall->kind = kind;
	recall->result = 0;
	recall->err = (struct error){};
	require(uv_queue_work(recall->loop, &recall->work, work, on_done) == 0);
}

void recall_load(struct recall *recall, recall_loaded_fn *on_loaded, void *user)
{
	require(!recall_is_busy(recall));
	recall->on_loaded = on_loaded;
	recall->user = user;
	start(recall, JOB_LOAD);
}

int recall_store(struct recall *recall, const struct desired *change, recall_stored_fn *on_stored,
		 void *user)
{
	struct desired copy = *change; /* borrows */
	int r;

	require(!recall_is_busy(recall));
	recall->on_stored = on_stored;
	recall->user = user;
	if (!change->snapshot && recall->broken) { /* nothing that it could follow */
		start(recall, JOB_SKIP);
		return 0;
	}
	copy.previous = change->snapshot ? 0 : recall->revision;
	r = journal_pack(&copy, wall_clock_ms(), &recall->bytes);
	if (r < 0) {
		text_deinit(&recall->bytes);
		return r;
	}
	recall->revision = change->revision;
	recall->epoch = change->epoch;
	start(recall, change->snapshot ? JOB_REPLACE : JOB_APPEND);
	return 0;
}

void recall_outrun(struct recall *recall)
{
	if (recall_is_busy(recall))
		recall->outrun = true;
	else
		start(recall, JOB_REMOVE);
}

void recall_close(struct recall *recall)
{
	if (!recall)
		return;
	if (recall_is_busy(recall))
		recall->closed = true;
	else
		recall_free(recall);
}
