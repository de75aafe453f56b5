/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifests.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"

static int is_manifest(const struct dirent *entry)
{
	static const char *const endings[] = {".yaml", ".yml", ".json"};
	size_t len = strlen(entry->d_name);

	for (size_t i = 0; i < ARRAY_SIZE(endings) && *entry->d_name != '.'; i++) {
		size_t n = strlen(endings[i]);

		if (len > n && strcmp(entry->d_name + len - n, endings[i]) == 0)
			return 1;
	}
	return 0;
}

static int add(struct manifests *owned, const char *folder, const char *name)
{
	size_t size = strlen(folder) + strlen(name) + 2;
	char **item = ARRAY_ADD(owned->items, owned->n_items);

	if (!item)
		return -ENOMEM;
	*item = malloc(size);
	if (!*item)
		return -ENOMEM;
	(void)snprintf(*item, size, "%s/%s", folder, name);
	return 0;
}

static int add_folder(struct manifests *owned, const char *folder, struct error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_manifest, alphasort), r = 0;

	if (n < 0)
		return error_errno(err, -errno, "cannot read folder '%s'", folder);
	if (n == 0)
		r = error_set(err, -ENOENT,
			      "folder '%s' has no file that ends in .yaml, .yml or .json", folder);
	for (int i = 0; i < n; i++) {
		if (r == 0 && add(owned, folder, entries[i]->d_name) < 0)
			r = error_set(err, -ENOMEM, "out of memory");
		free(entries[i]);
	}
	free(entries);
	return r;
}

static bool is_folder(const char *path)
{
	struct stat found;

	return strcmp(path, "-") != 0 && stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

int manifests_expand(struct arguments *arguments, struct manifests *owned, struct error *err)
{
	const char *files[ARGUMENT_FILES_MAX];
	size_t n_files = 0;

	for (size_t i = 0; i < arguments->n_files; i++) {
		const char *path = arguments->files[i];
		size_t first = owned->n_items, n = 1;
		int r = 0;

		if (is_folder(path)) {
			r = add_folder(owned, path, err);
			n = owned->n_items - first;
		}
		if (r < 0)
			return r;
		if (n > ARGUMENT_FILES_MAX - n_files)
			return error_set(err, -E2BIG, "more than %d files", ARGUMENT_FILES_MAX);
		for (size_t k = 0; k < n; k++)
			files[n_files++] = is_folder(path) ? owned->items[first + k] : path;
	}
	memcpy(arguments->files, files, n_files * sizeof(*files));
	arguments->n_files = n_files;
	return 0;
}

void manifests_deinit(struct manifests *manifests)
{
	while (manifests->n_items)
		free(manifests->items[--manifests->n_items]);
	free(manifests->items);
	manifests->items = NULL;
}
