/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

/* The one table of options: it reads them, refuses them and documents them. */
static const struct {
	const char *name;
	int letter;  /* its short form, or where it has none a number above all characters */
	char accept; /* the command must take this */
	const char *value, *help;
} table[] = {
	{"namespace", 'n', ACCEPT_NAMESPACE, "NAMESPACE", "namespace (default: default)"},
	{"filename", 'f', ACCEPT_FILE, "FILE",
	 "manifest, YAML or JSON, or a folder of them; - for standard input"},
	{"selector", 'l', ACCEPT_SELECTOR, "SELECTOR", "only objects whose labels match"},
	{"output", 'o', ACCEPT_OUTPUT, "FORMAT", "table, wide, json, yaml or name"},
	{"watch", 'w', ACCEPT_WATCH, NULL, "go on and print every change"},
	{"dry-run", 1000, ACCEPT_DRY_RUN, NULL, "say what would be done, change nothing"},
	{"for", 1001, ACCEPT_FOR, "STATE", "wait: ready or deleted; events: KIND/NAME"},
	{"network", 1010, ACCEPT_NETWORK, "NAME", "the Network, by its name"},
	{"from", 1011, ACCEPT_FLOW, "ADDRESS:PORT", "its source; an IPv6 address in brackets"},
	{"to", 1012, ACCEPT_FLOW, "ADDRESS:PORT", "its destination"},
	{"protocol", 1013, ACCEPT_FLOW, "PROTOCOL", "tcp (default), udp, sctp or icmp"},
	{"timeout", 1002, ACCEPT_TIMEOUT, "DURATION", "how long to wait, as in 500ms, 30s, 5m"},
	{"interval", 1020, ACCEPT_TOP, "DURATION", "between two looks (default: 2s)"},
	{"once", 1021, ACCEPT_TOP, NULL, "look once, and end"},
	{"epoch", 1014, ACCEPT_COMPILE, "UUID", "of the message (default: made of the Network)"},
	{"revision", 1015, ACCEPT_COMPILE, "NUMBER", "of the message (default: the time)"},
	{"follows", 1016, ACCEPT_COMPILE, "NUMBER", "a change of this revision, not a snapshot"},
	{"server", 's', ACCEPT_SERVER, "URL", "NATS servers ($NATS_URL)"},
	{"context", 1018, ACCEPT_CONNECT, "CONTEXT", "where to connect: see 'ilb context ls'"},
	{"creds", 1003, ACCEPT_SERVER, "FILE", "user credentials ($NATS_CREDS)"},
	{"nkey", 1004, ACCEPT_SERVER, "FILE", "nkey seed ($NATS_NKEY)"},
	{"tlsca", 1005, ACCEPT_SERVER, "FILE", "certificate authority ($NATS_CA)"},
	{"tlscert", 1006, ACCEPT_SERVER, "FILE", "client certificate ($NATS_CERT)"},
	{"tlskey", 1007, ACCEPT_SERVER, "FILE", "client key ($NATS_KEY)"},
	{"inbox-prefix", 1017, ACCEPT_SERVER, "PREFIX", "of subjects that answers come to"},
	{"help", 'h', '\0', NULL, "this text"},
};

static bool is_accepted(size_t i, const char *accepts)
{
	char accept = table[i].accept;

	return !accept || strchr(accepts, accept) ||
	       (accept == ACCEPT_SERVER && strchr(accepts, ACCEPT_CONNECT));
}

static int parse_output(const char *value, enum output *ret_output, struct error *err)
{
	static const char *const names[] = {"table", "wide", "json", "yaml", "name"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (text_equal(value, names[i])) {
			*ret_output = (enum output)i;
			return 0;
		}
	}
	return error_set(err, -EINVAL, "--output '%s': must be table, wide, json, yaml or name",
			 value);
}

static int parse_duration(const char *name, const char *value, uint64_t *ret_ms, struct error *err)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	size_t digits = strspn(value, "0123456789");
	char number[20];
	uint64_t count;

	if (digits > 0 && digits < sizeof(number)) {
		memcpy(number, value, digits);
		number[digits] = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
			if (text_equal(value + digits, units[i].unit) &&
			    text_parse_u64(number, 1000000, &count) == 0 && count > 0) {
				*ret_ms = count * units[i].ms;
				return 0;
			}
		}
	}
	return error_set(err, -EINVAL, "--%s '%s': must be a number with ms, s, m or h, as 30s",
			 name, value);
}

/* Options whose value is kept as it is. */
static const char **plain_value(struct arguments *arguments, const char *name)
{
	const struct {
		const char *name, **value;
	} plain[] = {
		{"namespace", &arguments->name_space},
		{"selector", &arguments->selector},
		{"for", &arguments->wait_for},
		{"network", &arguments->network},
		{"from", &arguments->from},
		{"to", &arguments->to},
		{"protocol", &arguments->protocol},
		{"epoch", &arguments->epoch},
		{"revision", &arguments->revision},
		{"follows", &arguments->follows},
		{"context", &arguments->context},
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (text_equal(plain[i].name, name))
			return plain[i].value;
	}
	return NULL;
}

static bool *flag(struct arguments *arguments, const char *name)
{
	if (text_equal(name, "watch"))
		return &arguments->watch;
	if (text_equal(name, "dry-run"))
		return &arguments->dry_run;
	if (text_equal(name, "once"))
		return &arguments->once;
	return text_equal(name, "help") ? &arguments->help : NULL;
}

static int take(struct arguments *arguments, const char *name, const char *value, struct error *err)
{
	const char **plain = plain_value(arguments, name);
	bool *given = flag(arguments, name);

	if (bus_option(&arguments->bus, name, value))
		return 0;
	if (plain)
		*plain = value;
	else if (given)
		*given = true;
	else if (text_equal(name, "output"))
		return parse_output(value, &arguments->output, err);
	else if (text_equal(name, "timeout"))
		return parse_duration(name, value, &arguments->timeout_ms, err);
	else if (text_equal(name, "interval"))
		return parse_duration(name, value, &arguments->interval_ms, err);
	else if (text_equal(name, "filename")) {
		if (arguments->n_files == ARGUMENT_FILES_MAX)
			return error_set(err, -EINVAL, "at most %d files", ARGUMENT_FILES_MAX);
		arguments->files[arguments->n_files++] = value;
	}
	return 0;
}

static size_t find_letter(int letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].letter == letter)
			return i;
	}
	return ARRAY_SIZE(table);
}

/* getopt_long(3)'s two tables from ours. */
static void make_getopt_tables(const char *accepts, struct option *options, char *letters)
{
	size_t n = 0, n_letters = 0;

	letters[n_letters++] = ':'; /* tell a missing value from an unknown option */
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!is_accepted(i, accepts))
			continue;
		options[n++] = (struct option){table[i].name,
					       table[i].value ? required_argument : no_argument,
					       NULL, table[i].letter};
		if (table[i].letter >= 1000)
			continue;
		letters[n_letters++] = (char)table[i].letter;
		if (table[i].value)
			letters[n_letters++] = ':';
	}
	options[n] = (struct option){};
	letters[n_letters] = '\0';
}

int arguments_parse(int argc, char **argv, const char *accepts, struct arguments *ret_arguments,
		    struct error *err)
{
	struct option options[ARRAY_SIZE(table) + 1];
	char letters[2 * ARRAY_SIZE(table) + 2];
	struct arguments arguments = {.name_space = "default"};
	int letter, r;

	make_getopt_tables(accepts, options, letters);
	opterr = 0;
	while ((letter = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		size_t i = find_letter(letter);

		if (letter == ':')
			return error_set(err, -EINVAL, "option '%s' needs a value",
					 argv[optind - 1]);
		if (i == ARRAY_SIZE(table))
			return error_set(err, -EINVAL, "option '%s' is not one of this command's",
					 argv[optind - 1]);
		r = take(&arguments, table[i].name, optarg, err);
		if (r < 0)
			return r;
	}
	arguments.words = (const char *const *)argv + optind;
	arguments.n_words = (size_t)(argc - optind);
	*ret_arguments = arguments;
	return 0;
}

void arguments_print_help(const char *accepts)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char left[64];

		if (!is_accepted(i, accepts))
			continue;
		(void)snprintf(left, sizeof(left), "%c%c%s --%s%s%s",
			       table[i].letter < 1000 ? '-' : ' ',
			       table[i].letter < 1000 ? (char)table[i].letter : ' ',
			       table[i].letter < 1000 ? "," : " ", table[i].name,
			       table[i].value ? " " : "", table[i].value ?: "");
		printf("  %-28s %s\n", left, table[i].help);
	}
}

size_t arguments_list(const char *accepts,
		      struct argument_option ret_options[static ARGUMENT_OPTIONS_MAX])
{
	size_t n = 0;

	_Static_assert(ARRAY_SIZE(table) <= ARGUMENT_OPTIONS_MAX, "room for all");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!accepts || is_accepted(i, accepts))
			ret_options[n++] = (struct argument_option){
				table[i].name,
				table[i].letter < 1000 ? (char)table[i].letter : '\0',
				table[i].value, table[i].help};
	}
	return n;
}
