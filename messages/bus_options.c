/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "messages/bus_private.h"

#define DEFAULT_URL      "nats://127.0.0.1:4222"
#define MAX_SERVERS      64
#define NKEY_FILE_MAX    4096
#define CONNECT_MS       2000
#define PING_MS          10000
#define PINGS_OUT        2
#define WRITE_MS         2000
#define RECONNECT_BUFFER (64 << 10)

const char *const bus_option_names[] = {
	"server", "creds", "nkey", "tlsca", "tlscert", "tlskey", "inbox-prefix", NULL,
};

static const char *const environment_names[] = {
	"NATS_URL",  "NATS_CREDS", "NATS_NKEY",         "NATS_CA",
	"NATS_CERT", "NATS_KEY",   "NATS_INBOX_PREFIX",
};

/* In the order of the two lists above. */
static const char **option_field(struct bus_options *options, size_t i)
{
	const char **const fields[] = {&options->servers,     &options->creds,   &options->nkey,
				       &options->tlsca,       &options->tlscert, &options->tlskey,
				       &options->inbox_prefix};

	return fields[i];
}

bool bus_option(struct bus_options *options, const char *name, const char *value)
{
	for (size_t i = 0; bus_option_names[i]; i++) {
		if (strcmp(name, bus_option_names[i]) == 0) {
			*option_field(options, i) = value;
			return true;
		}
	}
	return false;
}

void bus_options_from_environment(struct bus_options *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(environment_names); i++) {
		const char *value = getenv(environment_names[i]);

		if (!*option_field(options, i) && value && value[0])
			*option_field(options, i) = value;
	}
}

static int native_error(struct error *err, natsStatus s, const char *what)
{
	const char *text = nats_GetLastError(NULL);

	if (s == NATS_NO_MEMORY)
		return -ENOMEM;
	return error_set(err, -EINVAL, "%s: %s", what,
			 text && text[0] ? text : natsStatus_GetText(s));
}

/* libnats' own trimming of blanks reads in front of a text that is nothing else (seen in 3.4.1). */
static char *trim(char *url)
{
	static const char blanks[] = " \t\r\n";
	size_t len;

	url += strspn(url, blanks);
	for (len = strlen(url); len > 0 && strchr(blanks, url[len - 1]); len--)
		url[len - 1] = '\0';
	return url;
}

static bool is_plain(const char *url)
{
	for (; *url; url++) {
		if (*url <= ' ' || *url > '~')
			return false;
	}
	return true;
}

/* Splits `list` in place. Return: how many, or <0. */
static int split_servers(char *list, const char *urls[static MAX_SERVERS], struct error *err)
{
	int n = 0;

	for (char *url; (url = strsep(&list, ","));) {
		url = trim(url);
		if (!url[0])
			continue;
		if (n == MAX_SERVERS)
			return error_set(err, -EINVAL, "server: more than %d", MAX_SERVERS);
		if (!is_plain(url))
			return error_set(err, -EINVAL,
					 "server: blanks, control characters and what is not ASCII "
					 "cannot be in an address");
		urls[n++] = url;
	}
	return n > 0 ? n : error_set(err, -EINVAL, "server: no address is given");
}

static int set_servers(natsOptions *native, const char *servers, struct error *err)
{
	auto_free char *copy = strdup(servers);
	const char *urls[MAX_SERVERS];
	natsStatus s;
	int n;

	if (!copy)
		return -ENOMEM;
	n = split_servers(copy, urls, err);
	if (n < 0)
		return n;
	s = natsOptions_SetServers(native, urls, n);
	explicit_bzero(copy, strlen(servers));
	return s == NATS_OK ? 0 : native_error(err, s, "server");
}

/* The line of `text` that begins with `first`, terminated in place; NULL when there is none. */
static char *find_line(char *text, char first)
{
	for (char *next = text, *line; (line = strsep(&next, "\r\n"));) {
		if (line[0] == first &&
		    strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == strlen(line))
			return line;
	}
	return NULL;
}

/*
 * libnats signs with the file's seed but does not derive the public key from it, and libcrypto for
 * that alone is not worth it: `nk -gen user -pubout` writes both into the file.
 */
static int set_nkey(natsOptions *native, const char *path, struct error *err)
{
	auto_free char *text = NULL;
	const char *public;
	size_t len;
	natsStatus s;
	int r = file_read(path, NKEY_FILE_MAX, &text, &len, err);

	if (r < 0)
		return error_prefix(err, r == -ENOMEM ? r : -EINVAL, "nkey");
	public = find_line(text, 'U');
	if (!public)
		return error_set(err, -EINVAL,
				 "nkey: '%s' has no line with the public key (U...): add the one "
				 "that nk -inkey '%s' -pubout writes",
				 path, path);
	s = natsOptions_SetNKeyFromSeed(native, public, path);
	explicit_bzero(text, len);
	return s == NATS_OK ? 0 : native_error(err, s, "nkey");
}

static int set_login(natsOptions *native, const struct bus_options *options, struct error *err)
{
	if (options->creds && options->nkey)
		return error_set(err, -EINVAL, "creds and nkey: only one of them can log in");
	if (options->nkey)
		return set_nkey(native, options->nkey, err);
	if (options->creds) {
		natsStatus s;

		if (access(options->creds, R_OK) < 0)
			return error_errno(err, -EINVAL, "creds: '%s' cannot be read",
					   options->creds);
		s = natsOptions_SetUserCredentialsFromFiles(native, options->creds, NULL);
		return s == NATS_OK ? 0 : native_error(err, s, "creds");
	}
	return 0;
}

static int set_tls(natsOptions *native, const struct bus_options *options, struct error *err)
{
	natsStatus s = NATS_OK;

	if (!options->tlsca && !options->tlscert && !options->tlskey)
		return 0;
	if (!options->tlscert != !options->tlskey)
		return error_set(err, -EINVAL, "tlscert and tlskey: only together");
	s = natsOptions_SetSecure(native, true);
	if (s == NATS_OK && options->tlsca)
		s = natsOptions_LoadCATrustedCertificates(native, options->tlsca);
	if (s != NATS_OK)
		return native_error(err, s, "tlsca");
	if (options->tlscert)
		s = natsOptions_LoadCertificatesChain(native, options->tlscert, options->tlskey);
	return s == NATS_OK ? 0 : native_error(err, s, "tlscert");
}

static natsStatus set_behaviour(natsOptions *native, const struct bus_options *options)
{
	natsStatus s = natsOptions_SetSendAsap(native, true); /* else each publish waits 1 ms */

	if (s == NATS_OK) /* else a thread for each subscription */
		s = natsOptions_UseGlobalMessageDelivery(native, true);
	if (s == NATS_OK)
		s = natsOptions_SetTimeout(native, CONNECT_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(native, -1);
	if (s == NATS_OK) /* what was not sent is sent anew, not late */
		s = natsOptions_SetReconnectBufSize(native, RECONNECT_BUFFER);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(native, PING_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPingsOut(native, PINGS_OUT);
	if (s == NATS_OK)
		s = natsOptions_SetWriteDeadline(native, WRITE_MS);
	if (s == NATS_OK && options->name)
		s = natsOptions_SetName(native, options->name);
	if (s == NATS_OK && options->inbox_prefix)
		s = natsOptions_SetCustomInboxPrefix(native, options->inbox_prefix);
	return s;
}

int bus_options_native(const struct bus_options *options, natsOptions **ret_native,
		       struct error *err)
{
	struct bus_options all = *options;
	natsOptions *native = NULL;
	natsStatus s = natsOptions_Create(&native);
	int r;

	if (s != NATS_OK)
		return native_error(err, s, "libnats");
	bus_options_from_environment(&all);
	s = set_behaviour(native, &all);
	r = s == NATS_OK ? 0 : native_error(err, s, "libnats");
	if (r == 0)
		r = set_servers(native, all.servers ? all.servers : DEFAULT_URL, err);
	if (r == 0)
		r = set_login(native, &all, err);
	if (r == 0)
		r = set_tls(native, &all, err);
	if (r < 0)
		natsOptions_Destroy(native);
	else
		*ret_native = native;
	return r;
}
