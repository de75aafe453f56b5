/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/allocator.h"
#include "base/array.h"
#include "base/conceal.h"
#include "base/log.h"
#include "base/require.h"
#include "base/text.h"

#define EXIT_USAGE   2
#define OPTIONS_MAX  32
#define REPLICAS_MAX 5

struct command_line {
	struct allocator_options options;
	bool check;
};

static const char help[] =
	"usage: ilb-allocator [OPTION]...\n"
	"Owns the addresses and publishes the desired state of internal load balancers.\n\n"
	"  --server URL[,URL]...  NATS servers; default $NATS_URL or nats://127.0.0.1:4222\n"
	"  --creds FILE           NATS credentials; --nkey FILE for a seed\n"
	"  --tlsca FILE  --tlscert FILE  --tlskey FILE\n"
	"  --inbox-prefix PREFIX\n"
	"  --replicas N           copies of the store that JetStream keeps, 1 to 5, when it is\n"
	"                         made; default 1\n"
	"  --metrics ADDRESS:PORT serves metrics for Prometheus there; default nowhere\n"
	"  --check                checks the options and exits\n"
	"  --version  --help\n";

/* The connection's options, which are natscli's, and our own behind them. */
static void fill_table(struct option table[static OPTIONS_MAX])
{
	static const struct option own[] = {
		{"replicas", required_argument, NULL, 'r'},
		{"metrics", required_argument, NULL, 'm'},
		{"check", no_argument, NULL, 'c'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	size_t n = 0;

	for (; bus_option_names[n]; n++) {
		require(n + ARRAY_SIZE(own) < OPTIONS_MAX);
		table[n] = (struct option){bus_option_names[n], required_argument, NULL, 'b'};
	}
	memcpy(&table[n], own, sizeof(own));
}

_Noreturn static void usage(const char *sentence, const char *what)
{
	(void)fprintf(stderr, "ilb-allocator: %s%s\n", sentence, what);
	exit(EXIT_USAGE);
}

static void parse_replicas(const char *text, unsigned *ret_replicas)
{
	uint64_t replicas;

	if (text_parse_u64(text, REPLICAS_MAX, &replicas) < 0 || replicas == 0)
		usage("--replicas: must be a number from 1 to 5: ", text);
	*ret_replicas = (unsigned)replicas;
}

static struct command_line parse(int argc, char **argv)
{
	struct command_line line = {.options.replicas = 1};
	struct option table[OPTIONS_MAX];
	struct error err = {};
	int option, index;

	fill_table(table);
	while ((option = getopt_long(argc, argv, "", table, &index)) >= 0) {
		switch (option) {
		case 'b':
			require(bus_option(&line.options.bus, table[index].name, optarg));
			break;
		case 'r':
			parse_replicas(optarg, &line.options.replicas);
			break;
		case 'm':
			if (scrape_parse(optarg, &line.options.metrics, &err) < 0)
				usage("--metrics: ", err.text);
			break;
		case 'c':
			line.check = true;
			break;
		case 'v':
			(void)puts("ilb-allocator " ILB_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			(void)fputs(help, stdout);
			exit(EXIT_SUCCESS);
		default: /* getopt has said what is wrong */
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc)
		usage("takes no arguments: ", argv[optind]);
	bus_options_from_environment(&line.options.bus);
	line.options.bus.name = "ilb-allocator";
	line.options.bus.ask_version = true;
	return line;
}

int main(int argc, char **given)
{
	auto_free char **argv = conceal_arguments(argc, given); /* options point into it */
	struct command_line line;
	struct allocator *allocator = NULL;
	struct error err;
	uv_loop_t loop;
	int code;

	if (!argv)
		return EXIT_FAILURE;
	line = parse(argc, argv);
	require(uv_loop_init(&loop) == 0);
	if (line.check) {
		struct bus *bus = NULL;

		if (bus_new(&loop, &line.options.bus, NULL, NULL, &bus, &err) < 0)
			usage("", err.text);
		exit(EXIT_SUCCESS);
	}
	if (allocator_new(&loop, &line.options, &allocator, &err) < 0) {
		log_err("error='%s'", err.text);
		require(uv_loop_close(&loop) == 0);
		return EXIT_FAILURE;
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	code = allocator_exit_code(allocator);
	allocator_free(allocator);
	require(uv_loop_close(&loop) == 0);
	return code;
}
