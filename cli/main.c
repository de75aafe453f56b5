/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/conceal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/manifests.h"

static command_fn command_completion;

/* Dispatch, --help and completion all come from this table. */
static const struct command commands[] = {
	{"apply", "-f FILE", "create or update the objects of a manifest", "sfnD", command_apply},
	{"get", "KIND [NAME...]", "show objects", "snlow", command_get},
	{"describe", "KIND/NAME...", "all about objects: what is wrong, and where it leads", "sn",
	 command_describe},
	{"diff", "-f FILE", "what applying a manifest would change", "sfn", command_diff},
	{"delete", "KIND NAME... | -f FILE", "delete objects", "sfn", command_delete},
	{"wait", "KIND/NAME... --for=ready", "wait until objects are ready, or deleted", "snFt",
	 command_wait},
	{"events", "", "what has happened to objects", "snowF", command_events},
	{"status", "", "show the allocators and their store", "so", command_status},
	{"nodes", "", "show the nodes, and what each has applied", "so", command_nodes},
	{"top", "[LOADBALANCER]", "what LoadBalancers and their destinations carry, live", "snoi",
	 command_top},
	{"trace", "--network NAME --from ADDRESS:PORT --to ADDRESS:PORT",
	 "say where a flow will go, and why", "snNT", command_trace},
	{"explain", "KIND[.FIELD...]", "document a kind or a field of it", "", command_explain},
	{"compile", "-f FILE --network NAME", "manifests to the message that agents read", "fnNC",
	 command_compile},
	{"decode", "[TYPE|SUBJECT]", "a message of the bus from standard input, as text", "fo",
	 command_decode},
	{"context", "add|ls|select|rm|show [CONTEXT]",
	 "places to connect to: 'add NAME --server URL --creds FILE'", "S", command_context},
	{"completion", "bash|zsh", "completion for a shell", "", command_completion},
	{"version", "", "print the version", "", command_version},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (text_equal(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static enum exit_status command_completion(const struct arguments *arguments, struct error *err)
{
	auto_call(text_deinit) struct text text = {};

	if (arguments->n_words != 1) {
		(void)error_set(err, 0, "completion takes a shell: bash or zsh");
		return EXIT_USAGE;
	}
	if (completion_write(arguments->words[0], commands, ARRAY_SIZE(commands), &text, err) < 0)
		return EXIT_USAGE;
	printf("%s", text.bytes ?: "");
	return text.failed ? EXIT_FAILED : EXIT_DONE;
}

static void print_usage(void)
{
	printf("ilb - internal load balancers\n\nUsage: ilb COMMAND [OPTION...]\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\n'ilb COMMAND --help' says more; the manual is ilb(1).\n");
}

static void print_command_usage(const struct command *command)
{
	printf("ilb %s - %s\n\nUsage: ilb %s %s [OPTION...]\n\nOptions:\n", command->name,
	       command->summary, command->name, command->operands);
	arguments_print_help(command->accepts);
}

/*
 * Where to connect: options first, then a context that is asked for by name, the environment, and where that names
 * no server the context that is selected.
 */
static int find_place(struct arguments *arguments, struct context *context, struct error *err)
{
	struct bus_options *bus = &arguments->bus;
	int r;

	if (!arguments->context)
		bus_options_from_environment(bus);
	if (!arguments->context && bus->servers)
		return 0;
	r = context_load(arguments->context, context, err);
	if (r == -ENODATA && !arguments->context) {
		*err->text = '\0';
		return 0; /* as most have it: none is selected */
	}
	if (r == 0)
		r = context_apply(context, bus, err);
	bus_options_from_environment(bus);
	return r;
}

static int usage_error(const char *sentence)
{
	(void)fprintf(stderr, "ilb: %s; see 'ilb --help'\n", sentence);
	return EXIT_USAGE;
}

int main(int argc, char **given)
{
	auto_free char **argv = conceal_arguments(argc, given); /* options point into it */
	const struct command *command;
	auto_call(context_deinit) struct context context = {};
	auto_call(manifests_deinit) struct manifests manifests = {};
	struct arguments arguments;
	struct error err = {};
	enum exit_status status;

	if (!argv)
		return usage_error("out of memory");
	if (argc < 2)
		return usage_error("no command given");
	if (text_equal(argv[1], "--version"))
		return command_version(&(struct arguments){}, &err);
	if (text_equal(argv[1], "--help") || text_equal(argv[1], "-h") ||
	    text_equal(argv[1], "help")) {
		print_usage();
		return EXIT_DONE;
	}
	command = find_command(argv[1]);
	if (!command) {
		(void)error_set(&err, 0, "'%s' is not a command", argv[1]);
		return usage_error(err.text);
	}
	if (arguments_parse(argc - 1, argv + 1, command->accepts, &arguments, &err) < 0)
		return usage_error(err.text);
	if (arguments.help) {
		print_command_usage(command);
		return EXIT_DONE;
	}
	if (manifests_expand(&arguments, &manifests, &err) < 0)
		return usage_error(err.text);
	if (strchr(command->accepts, ACCEPT_CONNECT) && find_place(&arguments, &context, &err) < 0)
		return usage_error(err.text);
	status = command->run(&arguments, &err);
	if (*err.text)
		(void)fprintf(stderr, "ilb: %s\n", err.text);
	if (fflush(stdout) != 0 && status == EXIT_DONE)
		status = EXIT_FAILED;
	return status;
}
