/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "messages/bus.h"

/*
 * The command line of `ilb`, read once for all commands. Each command names the options that it
 * takes; the others are refused, so none is silently without effect.
 */

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME };

#define ARGUMENT_FILES_MAX 256

struct arguments {
	struct bus_options bus;
	const char *name_space; /* -n; "default" */
	uint64_t timeout_ms;    /* --timeout; 0: the command's own */
	const char *files[ARGUMENT_FILES_MAX];
	size_t n_files;
	const char *selector;                       /* -l */
	enum output output;                         /* -o */
	bool watch;                                 /* -w */
	bool dry_run;                               /* --dry-run */
	const char *wait_for;                       /* --for */
	const char *network, *from, *to, *protocol; /* --network, --from, --to, --protocol */
	const char *epoch, *revision, *follows;     /* --epoch, --revision, --follows */
	const char *context;                        /* --context */
	uint64_t interval_ms;                       /* --interval; 0: the command's own */
	bool once;                                  /* --once */
	bool help;
	const char *const *words; /* what is left: the command's operands */
	size_t n_words;
};

/*
 * Reads argv from behind the command's name.
 * @accepts: the command's own options, by their letters below.
 * Return: 0, -EINVAL with a sentence.
 */
#define ACCEPT_NAMESPACE 'n'
#define ACCEPT_FILE      'f'
#define ACCEPT_SELECTOR  'l'
#define ACCEPT_OUTPUT    'o'
#define ACCEPT_WATCH     'w'
#define ACCEPT_DRY_RUN   'D'
#define ACCEPT_FOR       'F'
#define ACCEPT_NETWORK   'N'
#define ACCEPT_FLOW      'T'
#define ACCEPT_COMPILE   'C'
#define ACCEPT_TIMEOUT   't'
#define ACCEPT_SERVER    'S' /* how to connect, not where it is written down */
#define ACCEPT_CONNECT   's' /* every command that talks to the bus: ACCEPT_SERVER and --context */
#define ACCEPT_TOP       'i' /* --interval, --once */

must_check int arguments_parse(int argc, char **argv, const char *accepts,
			       struct arguments *ret_arguments, struct error *err);

/* The lines of --help for the options in `accepts`. */
void arguments_print_help(const char *accepts);

/* An option as --help shows it. */
struct argument_option {
	const char *name;
	char letter;       /* '\0': none */
	const char *value; /* "FILE"; NULL: takes none */
	const char *help;
};

#define ARGUMENT_OPTIONS_MAX 32

/*
 * @accepts: as above; NULL: all.
 * Return: how many there are.
 */
size_t arguments_list(const char *accepts,
		      struct argument_option ret_options[static ARGUMENT_OPTIONS_MAX]);
