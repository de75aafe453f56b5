/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/auto.h"

/*
 * The destinations of one Network that live on this node, each once however many LoadBalancers
 * send to it, and whether the link that leads to it is down. Pure.
 */
struct residents;

must_check int residents_new(struct residents **ret_residents); /* -ENOMEM */
void residents_free(struct residents *residents);
AUTO_DEFINE(struct residents, residents_free);

/* Counted: the last residents_remove() ends it. Return: 0, -ENOMEM. */
must_check int residents_add(struct residents *residents, const struct address *address);
/* Return: whether that was the last. */
bool residents_remove(struct residents *residents, const struct address *address);

/* Whether others live here than when residents_list() was last called. */
bool residents_is_changed(const struct residents *residents);

/* All of them, sorted; the caller frees them. Return: 0, -ENOMEM. */
must_check int residents_list(struct residents *residents, struct address **ret_addresses,
			      size_t *ret_n_addresses);

/*
 * @absent:     those whose link is down; sorted.
 * @on_changed: called for each of which that is news.
 */
typedef void residents_fn(void *user, const struct address *address, bool absent);
void residents_note(struct residents *residents, const struct address *absent, size_t n_absent,
		    uint64_t wall_ms, residents_fn *on_changed, void *user);

/* Calls `visit` for each of which there ever was news, with the last and when that was noted. */
typedef void residents_told_fn(void *user, const struct address *address, bool absent,
			       uint64_t since_ms);
void residents_visit_told(const struct residents *residents, residents_told_fn *visit, void *user);
size_t residents_n_told(const struct residents *residents);
