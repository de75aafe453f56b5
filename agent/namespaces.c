/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/namespaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <uthash.h>

#include "base/log.h"
#include "base/require.h"
#include "messages/subjects.h"

/*
 * Every event leads to one look at the whole directory, and what is there is compared with what
 * was: so lost and coalesced events cost nothing but the wait for the next look.
 */
enum {
	RETRY_FIRST_MS = 2,
	RETRY_MAX_MS = 10000, /* also how often it is looked at without any reason */
};

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE \
	0x4000U /* Linux 6.8; before it, mounts have numbers that are used again */
#endif

/*
 * A namespace's inode number is used again after it, and so is the moment of its making by two that
 * follow each other within a tick of the kernel's clock: the mount tells them apart.
 */
struct identity {
	dev_t device;
	ino_t inode;
	struct timespec made;
	uint64_t mount;
};

struct hosted {
	UT_hash_handle hh;
	struct identity identity;
	bool seen;
	char net[];
};

struct namespaces {
	char *dir, *parent;
	namespaces_fn *on_event;
	void *user;
	uv_fs_event_t watch;
	uv_timer_t timer;
	struct identity watched; /* the directory that is watched, none: its parent, or nothing */
	bool watching;
	uint64_t retry_ms;
	unsigned n_handles;
	struct hosted *known;
};

static bool same_identity(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->made.tv_sec == b->made.tv_sec &&
	       a->made.tv_nsec == b->made.tv_nsec && a->mount == b->mount;
}

/* Return: 0, -ENOENT (nothing there), -EAGAIN (a file that is no namespace (yet)). */
static int identify(const char *path, struct identity *ret_identity)
{
	struct statfs fs;
	struct statx st;

	if (statfs(path, &fs) < 0)
		return -ENOENT;
	if (fs.f_type != NSFS_MAGIC)
		return -EAGAIN;
	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID | STATX_MNT_ID_UNIQUE, &st) <
	    0)
		return -ENOENT;
	*ret_identity = (struct identity){
		.device = makedev(st.stx_dev_major, st.stx_dev_minor),
		.inode = st.stx_ino,
		.made = {st.stx_ctime.tv_sec, st.stx_ctime.tv_nsec},
		.mount = st.stx_mnt_id,
	};
	return 0;
}

static void tell(struct namespaces *namespaces, const char *net, enum namespace_event event)
{
	namespaces->on_event(namespaces->user, net, event);
}

static int appear(struct namespaces *namespaces, const char *net, const struct identity *identity)
{
	size_t len = strlen(net);
	struct hosted *hosted = calloc(1, sizeof(*hosted) + len + 1);

	if (!hosted)
		return -EAGAIN; /* the next look may have memory */
	memcpy(hosted->net, net, len + 1);
	hosted->identity = *identity;
	hosted->seen = true;
	HASH_ADD_KEYPTR(hh, namespaces->known, hosted->net, len, hosted);
	tell(namespaces, net, NAMESPACE_APPEARED);
	return 0;
}

static void vanish(struct namespaces *namespaces, struct hosted *hosted)
{
	require(namespaces->known);
	HASH_DELETE(hh, namespaces->known, hosted);
	tell(namespaces, hosted->net, NAMESPACE_GONE);
	free(hosted);
}

static void drop_unseen(struct namespaces *namespaces)
{
	struct hosted *hosted, *next;

	for (hosted = namespaces->known; hosted; hosted = next) {
		next = hosted->hh.next;
		if (!hosted->seen)
			vanish(namespaces, hosted);
	}
}

/* Return: as identify(), -EAGAIN: look again soon. */
static int look_at(struct namespaces *namespaces, const char *net)
{
	struct hosted *known;
	struct identity identity;
	auto_free char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", namespaces->dir, net) < 0)
		return -EAGAIN;
	r = identify(path, &identity);
	if (r < 0)
		return r;
	HASH_FIND_STR(namespaces->known, net, known);
	if (known && same_identity(&known->identity, &identity)) {
		known->seen = true;
		return 0;
	}
	if (known)
		vanish(namespaces, known);
	return appear(namespaces, net, &identity);
}

static bool names_network(const char *name)
{
	char name_space[64], network[254];

	return subject_net_names(name, name_space, network) == 0;
}

/* Return: whether to look again soon: some file may become a namespace, or nothing could be seen. */
static bool look_at_all(struct namespaces *namespaces)
{
	DIR *dir = opendir(namespaces->dir);
	struct hosted *hosted;
	const struct dirent *entry;
	bool unsettled = false;

	/* Without descriptors or memory we know nothing: that is not to say that all are gone. */
	if (!dir && errno != ENOENT && errno != ENOTDIR)
		return true;
	for (hosted = namespaces->known; hosted; hosted = hosted->hh.next)
		hosted->seen = false;
	while (dir && (entry = readdir(dir))) {
		if (names_network(entry->d_name) && look_at(namespaces, entry->d_name) == -EAGAIN)
			unsettled = true;
	}
	if (dir)
		(void)closedir(dir);
	drop_unseen(namespaces);
	return unsettled;
}

static void on_timer(uv_timer_t *timer);

static void look_in(struct namespaces *namespaces, uint64_t ms)
{
	require(uv_timer_start(&namespaces->timer, on_timer, ms, 0) == 0);
}

static void on_change(uv_fs_event_t *watch, const char *name, int events, int status)
{
	struct namespaces *namespaces = watch->data;

	(void)name;
	(void)events;
	(void)status;
	namespaces->retry_ms = RETRY_FIRST_MS;
	look_in(namespaces, 0); /* from the timer: once for all events of this turn of the loop */
}

static int watch_path(struct namespaces *namespaces, const char *path)
{
	if (namespaces->watching)
		(void)uv_fs_event_stop(&namespaces->watch); /* never fails for an active one */
	namespaces->watching = false;
	namespaces->watched = (struct identity){};
	int r = uv_fs_event_start(&namespaces->watch, on_change, path, 0);

	namespaces->watching = r == 0;
	return r;
}

/*
 * Watches the directory, or what would become its parent's entry: whichever exists now.
 * Return: 0, or why nothing can be watched.
 */
static int follow_directory(struct namespaces *namespaces)
{
	struct identity identity = {};
	struct stat st;
	int r;

	if (stat(namespaces->dir, &st) == 0)
		identity = (struct identity){.device = st.st_dev, .inode = st.st_ino};
	if (namespaces->watching && same_identity(&identity, &namespaces->watched))
		return 0;
	if (identity.inode == 0)
		return watch_path(namespaces, namespaces->parent);
	r = watch_path(namespaces, namespaces->dir);
	if (r == 0)
		namespaces->watched = identity;
	return r;
}

static void on_timer(uv_timer_t *timer)
{
	struct namespaces *namespaces = timer->data;
	bool watching = follow_directory(namespaces) == 0;
	bool unsettled = look_at_all(namespaces);
	uint64_t ms = namespaces->retry_ms;

	if (!unsettled && watching)
		ms = RETRY_MAX_MS;
	else if (namespaces->retry_ms < RETRY_MAX_MS)
		namespaces->retry_ms *= 2;
	look_in(namespaces, ms);
}

static void forget_all(struct namespaces *namespaces)
{
	struct hosted *hosted = namespaces->known, *next;

	HASH_CLEAR(hh, namespaces->known);
	for (; hosted; hosted = next) {
		next = hosted->hh.next;
		free(hosted);
	}
}

static void namespaces_free(struct namespaces *namespaces)
{
	if (!namespaces)
		return;
	forget_all(namespaces);
	free(namespaces->dir);
	free(namespaces->parent);
	free(namespaces);
}
AUTO_DEFINE(struct namespaces, namespaces_free);

/* "/run/netns" -> "/run". */
static char *parent_of(const char *dir)
{
	const char *end = dir + strlen(dir);

	while (end > dir && end[-1] == '/')
		end--;
	while (end > dir && end[-1] != '/')
		end--;
	return end == dir ? strdup(".") : strndup(dir, (size_t)(end - dir));
}

int namespaces_new(uv_loop_t *loop, const char *dir, namespaces_fn *on_event, void *user,
		   struct namespaces **ret_namespaces, struct error *err)
{
	auto_call(namespaces_freep) struct namespaces *namespaces = calloc(1, sizeof(*namespaces));
	int r;

	if (!namespaces)
		return -ENOMEM;
	namespaces->dir = strdup(dir);
	namespaces->parent = parent_of(dir);
	if (!namespaces->dir || !namespaces->parent)
		return -ENOMEM;
	namespaces->on_event = on_event;
	namespaces->user = user;
	namespaces->retry_ms = RETRY_FIRST_MS;
	r = uv_fs_event_init(loop, &namespaces->watch);
	if (r < 0)
		return error_errno(err, r, "inotify");
	require(uv_timer_init(loop, &namespaces->timer) == 0);
	namespaces->watch.data = namespaces->timer.data = namespaces;
	namespaces->n_handles = 2;
	look_in(namespaces, 0);
	*ret_namespaces = TAKE(namespaces);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct namespaces *namespaces = handle->data;

	if (--namespaces->n_handles == 0)
		namespaces_free(namespaces);
}

void namespaces_close(struct namespaces *namespaces)
{
	if (!namespaces)
		return;
	uv_close((uv_handle_t *)&namespaces->watch, on_closed);
	uv_close((uv_handle_t *)&namespaces->timer, on_closed);
}
