/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/context.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"

#define PATH_LEN     4096
#define FILE_LEN_MAX 65536
#define NAMES_MAX    4096 /* of a folder; further ones are not listed */

const struct context_field context_fields[CONTEXT_FIELDS] = {
	{"url", "server", offsetof(struct bus_options, servers)},
	{"creds", "creds", offsetof(struct bus_options, creds)},
	{"nkey", "nkey", offsetof(struct bus_options, nkey)},
	{"ca", "tlsca", offsetof(struct bus_options, tlsca)},
	{"cert", "tlscert", offsetof(struct bus_options, tlscert)},
	{"key", "tlskey", offsetof(struct bus_options, tlskey)},
	{"inbox_prefix", "inbox-prefix", offsetof(struct bus_options, inbox_prefix)},
};

/* Logins of natscli's contexts that our programs do not have. */
static const char *const foreign_logins[] = {"user", "password", "token", "nsc", "user_jwt"};

static const char *const owners[] = {"ilb", "nats"};

/* "/home/me/.config/ilb/context/prod.json". Return: 0, -ENAMETOOLONG, -ENOENT: no home. */
static int make_path(const char *owner, const char *folder, const char *name, const char *suffix,
		     char path[static PATH_LEN])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int len;

	if (config && *config == '/')
		len = snprintf(path, PATH_LEN, "%s/%s%s%s%s", config, owner, folder, name, suffix);
	else if (home && *home)
		len = snprintf(path, PATH_LEN, "%s/.config/%s%s%s%s", home, owner, folder, name,
			       suffix);
	else
		return -ENOENT;
	return len < 0 || len >= PATH_LEN ? -ENAMETOOLONG : 0;
}

static int file_of(const char *owner, const char *name, char path[static PATH_LEN])
{
	return make_path(owner, "/context/", name, ".json", path);
}

static int check_name(const char *name, struct error *err)
{
	bool good = *name && *name != '.' && strlen(name) < sizeof((struct context){}.name);

	for (const char *p = name; *p; p++)
		good = good && (unsigned char)*p > ' ' && *p != '/' && *p != 0x7f;
	if (good)
		return 0;
	return error_set(err, -EINVAL,
			 "'%s' cannot be the name of a context: up to 63 characters, no blank and "
			 "no '/', not beginning with '.'",
			 name);
}

/* The first line of the file that says which is selected. Return: 0, -ENOENT. */
static int read_selected(const char *owner, char name[static 64])
{
	auto_free char *bytes = NULL;
	struct error err = {};
	char path[PATH_LEN];
	size_t len;

	if (make_path(owner, "/context.txt", "", "", path) < 0 ||
	    file_read(path, FILE_LEN_MAX, &bytes, &len, &err) < 0)
		return -ENOENT;
	bytes[strcspn(bytes, "\r\n")] = '\0';
	if (check_name(bytes, &err) < 0)
		return -ENOENT;
	(void)snprintf(name, 64, "%s", bytes);
	return 0;
}

static int find(struct context *context)
{
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		if (file_of(owners[i], context->name, context->path) == 0 &&
		    access(context->path, F_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int context_load(const char *name, struct context *ret_context, struct error *err)
{
	struct context context = {};
	auto_free char *bytes = NULL;
	json_error_t where;
	size_t len;
	int r;

	if (!name && read_selected("ilb", context.name) < 0 &&
	    read_selected("nats", context.name) < 0)
		return error_set(err, -ENODATA,
				 "no context is selected: 'ilb context select NAME'");
	if (name && check_name(name, err) < 0)
		return -EINVAL;
	if (name)
		(void)snprintf(context.name, sizeof(context.name), "%s", name);
	if (find(&context) < 0)
		return error_set(err, -ENOENT, "there is no context '%s': see 'ilb context ls'",
				 context.name);
	r = file_read(context.path, FILE_LEN_MAX, &bytes, &len, err);
	if (r < 0)
		return r;
	context.json = json_loadb(bytes, len, 0, &where);
	if (!json_is_object(context.json)) {
		json_decref(context.json);
		return error_set(err, -EBADMSG, "%s is not a context: %s", context.path,
				 context.json ? "not an object" : where.text);
	}
	*ret_context = context;
	return 0;
}

void context_deinit(struct context *context)
{
	json_decref(context->json);
	context->json = NULL;
}

static const char *member(const struct context *context, const char *key)
{
	const char *value = json_string_value(json_object_get(context->json, key));

	return value && *value ? value : NULL;
}

int context_apply(const struct context *context, struct bus_options *options, struct error *err)
{
	bool has_login = options->creds || options->nkey;

	for (size_t i = 0; i < CONTEXT_FIELDS; i++) {
		const struct context_field *field = &context_fields[i];
		const char **value = (const char **)((char *)options + field->offset);

		if (!*value)
			*value = member(context, field->key);
	}
	for (size_t i = 0; i < ARRAY_SIZE(foreign_logins) && !has_login; i++) {
		if (member(context, foreign_logins[i]))
			return error_set(err, -EINVAL,
					 "context '%s' logs in with '%s', which ilb does not: give "
					 "--creds or --nkey",
					 context->name, foreign_logins[i]);
	}
	return 0;
}

/* The folder of our contexts and those above it. */
static int make_folders(const char *file, struct error *err)
{
	char path[PATH_LEN];

	(void)snprintf(path, sizeof(path), "%s", file);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return error_errno(err, -errno, "%s", path);
		*slash = '/';
	}
	return 0;
}

static int save(const char *path, const char *text, struct error *err)
{
	int r = make_folders(path, err);

	return r < 0 ? r : file_replace(path, text, strlen(text), err);
}

int context_add(const char *name, const struct bus_options *options, struct error *err)
{
	auto_call(json_decrefp) json_t *json = json_object();
	auto_free char *text = NULL;
	char path[PATH_LEN];

	if (check_name(name, err) < 0)
		return -EINVAL;
	if (file_of("ilb", name, path) < 0)
		return error_set(err, -ENOENT, "neither XDG_CONFIG_HOME nor HOME is set");
	if (access(path, F_OK) == 0)
		return error_set(err, -EEXIST,
				 "there is a context '%s' already: 'ilb context rm %s' first", name,
				 name);
	for (size_t i = 0; i < CONTEXT_FIELDS; i++) {
		const char *value =
			*(const char *const *)((const char *)options + context_fields[i].offset);

		if (value &&
		    json_object_set_new(json, context_fields[i].key, json_string(value)) < 0)
			return error_set(err, -EINVAL, "--%s: not UTF-8", context_fields[i].option);
	}
	text = json_dumps(json, JSON_INDENT(2));
	return text ? save(path, text, err) : error_set(err, -ENOMEM, "out of memory");
}

int context_select(const char *name, struct error *err)
{
	auto_call(context_deinit) struct context context = {};
	char path[PATH_LEN];
	int r = context_load(name, &context, err);

	if (r < 0)
		return r;
	if (make_path("ilb", "/context.txt", "", "", path) < 0)
		return error_set(err, -ENOENT, "neither XDG_CONFIG_HOME nor HOME is set");
	return save(path, name, err);
}

int context_remove(const char *name, struct error *err)
{
	char path[PATH_LEN], selected[64];

	if (check_name(name, err) < 0)
		return -EINVAL;
	if (file_of("ilb", name, path) == 0 && unlink(path) == 0) {
		if (read_selected("ilb", selected) == 0 && strcmp(selected, name) == 0 &&
		    make_path("ilb", "/context.txt", "", "", path) == 0)
			(void)unlink(path); /* at worst one is selected that is not there */
		return 0;
	}
	if (errno != ENOENT)
		return error_errno(err, -errno, "%s", path);
	if (file_of("nats", name, path) == 0 && access(path, F_OK) == 0)
		return error_set(err, -EPERM, "context '%s' is natscli's: 'nats context rm %s'",
				 name, name);
	return error_set(err, -ENOENT, "there is no context '%s': see 'ilb context ls'", name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **items;
	size_t n_items;
};

static void names_deinit(struct names *names)
{
	while (names->n_items)
		free(names->items[--names->n_items]);
	free(names->items);
}

static void close_folder(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder);
}

/* Files of the folder that are named like contexts. */
static int add_names(const char *owner, struct names *names)
{
	auto_call(close_folder) DIR *folder = NULL;
	char path[PATH_LEN];
	struct dirent *entry;

	if (make_path(owner, "/context", "", "", path) < 0)
		return 0;
	folder = opendir(path);
	while (folder && names->n_items < NAMES_MAX && (entry = readdir(folder))) {
		size_t len = strlen(entry->d_name);
		char **name;

		if (len < 6 || strcmp(entry->d_name + len - 5, ".json") != 0)
			continue;
		entry->d_name[len - 5] = '\0';
		if (check_name(entry->d_name, &(struct error){}) < 0)
			continue;
		name = ARRAY_ADD(names->items, names->n_items);
		if (!name || !(*name = strdup(entry->d_name)))
			return -ENOMEM;
	}
	return 0;
}

int context_list(struct text *ret_names)
{
	auto_call(names_deinit) struct names names = {};

	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		if (add_names(owners[i], &names) < 0)
			return -ENOMEM;
	}
	if (names.n_items)
		qsort(names.items, names.n_items, sizeof(*names.items), by_text);
	for (size_t i = 0; i < names.n_items; i++) {
		if (i == 0 || strcmp(names.items[i - 1], names.items[i]) != 0)
			text_addf(ret_names, "%s\n", names.items[i]);
	}
	return ret_names->failed ? -ENOMEM : 0;
}
