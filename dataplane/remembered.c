/* SPDX-License-Identifier: Apache-2.0 */
#define HASH_NONFATAL_OOM 1
#include "dataplane/remembered.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct remembered {
	char *net;
	uint64_t inode;
	struct presence presence;
	UT_hash_handle hh;
};

static void one_free(struct remembered *one)
{
	presence_deinit(&one->presence);
	free(one->net);
	free(one);
}

static void drop(struct remembered **all, struct remembered *one)
{
	HASH_DEL(*all, one);
	one_free(one);
}

static struct remembered *find(struct remembered *all, const char *net)
{
	struct remembered *one;

	HASH_FIND_STR(all, net, one);
	return one;
}

void remembered_keep(struct remembered **all, const char *net, uint64_t inode,
		     struct presence *presence)
{
	struct remembered *one = calloc(1, sizeof(*one));

	remembered_drop(all, net);
	if (HASH_COUNT(*all) >= REMEMBERED_MAX)
		drop(all, *all);
	if (!one) {
		presence_deinit(presence);
		return;
	}
	one->inode = inode;
	one->presence = *presence;
	*presence = (struct presence){};
	one->net = strdup(net);
	if (one->net)
		HASH_ADD_KEYPTR(hh, *all, one->net, strlen(one->net), one);
	if (!one->hh.tbl)
		one_free(one);
}

struct presence remembered_take(struct remembered **all, const char *net, uint64_t inode)
{
	struct remembered *one = find(*all, net);
	struct presence presence = {};

	if (one && one->inode == inode) {
		presence = one->presence;
		one->presence = (struct presence){};
	}
	remembered_drop(all, net);
	return presence;
}

void remembered_drop(struct remembered **all, const char *net)
{
	struct remembered *one = find(*all, net);

	if (one)
		drop(all, one);
}

void remembered_clear(struct remembered **all)
{
	while (*all)
		drop(all, *all);
}
