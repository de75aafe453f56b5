/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "base/error.h"

/*
 * Which Networks this node hosts: those whose token (messages/subjects.h) names a network namespace
 * in one directory. Learned from inotify, within milliseconds; the directory may come later.
 *
 * `ip netns add` makes a file first and mounts the namespace on it afterwards, which inotify does
 * not tell: such a file is looked at again and again, less and less often.
 */
struct namespaces;

enum namespace_event {
	NAMESPACE_APPEARED,
	NAMESPACE_GONE, /* followed by NAMESPACE_APPEARED when another has taken its name */
};

typedef void namespaces_fn(void *user, const char *net, enum namespace_event event);

/*
 * Those that are there already are reported from the loop, too, not from within this function.
 * Return: 0, -ENOMEM, or the errno of inotify.
 */
must_check int namespaces_new(uv_loop_t *loop, const char *dir, namespaces_fn *on_event, void *user,
			      struct namespaces **ret_namespaces, struct error *err);

/* No event comes afterwards; the memory goes when the loop has run the close callbacks. */
void namespaces_close(struct namespaces *namespaces);
