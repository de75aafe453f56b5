/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/agent.h"
#include "base/array.h"
#include "base/conceal.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/require.h"
#include "messages/subjects.h"

/* ilb-agent: forwards the internal load balancers of this node's Networks. See ilb-agent(8). */

enum { EXIT_USAGE = 2 };

struct program {
	struct agent_options options;
	char node[SUBJECT_TOKEN_MAX + 1];
	bool check;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t watchdog;
	struct agent *agent;
};

static const char help[] =
	"usage: ilb-agent [OPTION]...\n"
	"Forwards the internal load balancers of the Networks whose namespaces this node has.\n"
	"\n"
	"  --node NAME       name of this node (default: the host name)\n"
	"  --netns-dir DIR   where the Networks' namespaces are (default: /run/netns)\n"
	"  --state-dir DIR   where the last state is kept (default: /var/lib/ilb-agent)\n"
	"  --server URL      NATS, more than one with commas (default: $NATS_URL or\n"
	"                    nats://127.0.0.1:4222)\n"
	"  --creds FILE, --nkey FILE, --tlsca FILE, --tlscert FILE, --tlskey FILE\n"
	"                    as those of the nats command\n"
	"  --inbox-prefix PREFIX  where answers come to (default: _INBOX_agent.NAME)\n"
	"  --metrics ADDRESS:PORT  serve metrics for Prometheus there (default: nowhere)\n"
	"  --check           check the options and exit\n"
	"  --version, --help\n";

enum option_id {
	OPTION_BUS,
	OPTION_NODE,
	OPTION_NETNS_DIR,
	OPTION_STATE_DIR,
	OPTION_METRICS,
	OPTION_CHECK,
	OPTION_VERSION,
	OPTION_HELP
};

static const struct option own_options[] = {
	{"node", required_argument, NULL, OPTION_NODE},
	{"netns-dir", required_argument, NULL, OPTION_NETNS_DIR},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"metrics", required_argument, NULL, OPTION_METRICS},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
};

enum { N_OPTIONS_MAX = 32 };

static void all_options(struct option ret_options[static N_OPTIONS_MAX])
{
	size_t n = 0;

	memset(ret_options, 0, N_OPTIONS_MAX * sizeof(*ret_options));
	ARRAY_FOREACH(option, own_options, ARRAY_SIZE(own_options))
		ret_options[n++] = *option;
	for (const char *const *name = bus_option_names; *name; name++) {
		require(n < N_OPTIONS_MAX - 1);
		ret_options[n++] = (struct option){*name, required_argument, NULL, OPTION_BUS};
	}
}

static void read_place(const char *text, struct scrape_place *ret_place)
{
	struct error err = {};

	if (scrape_parse(text, ret_place, &err) == 0)
		return;
	fprintf(stderr, "ilb-agent: --metrics: %s\n", err.text);
	exit(EXIT_USAGE);
}

/* Exits for what is answered at once, and for wrong usage. */
static void read_options(struct program *program, int argc, char *argv[])
{
	struct option options[N_OPTIONS_MAX];
	int option, index = 0;

	all_options(options);
	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		switch (option) {
		case OPTION_BUS:
			require(bus_option(&program->options.bus, options[index].name, optarg));
			break;
		case OPTION_NODE:
			program->options.node = optarg;
			break;
		case OPTION_NETNS_DIR:
			program->options.netns_dir = optarg;
			break;
		case OPTION_STATE_DIR:
			program->options.state_dir = optarg;
			break;
		case OPTION_METRICS:
			read_place(optarg, &program->options.metrics);
			break;
		case OPTION_CHECK:
			program->check = true;
			break;
		case OPTION_VERSION:
			puts("ilb-agent " ILB_VERSION);
			exit(EXIT_SUCCESS);
		case OPTION_HELP:
			fputs(help, stdout);
			exit(EXIT_SUCCESS);
		default: /* getopt_long() has said what is wrong */
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ilb-agent: '%s': no argument is expected\n", argv[optind]);
		exit(EXIT_USAGE);
	}
}

/* The node's name in lower case, as it stands in subjects. */
static int name_node(struct program *program, struct error *err)
{
	char *node = program->node;

	if (!program->options.node) {
		if (gethostname(node, sizeof(program->node) - 1) < 0)
			return error_errno(err, -errno, "host name");
	} else if (snprintf(node, sizeof(program->node), "%s", program->options.node) >=
		   (int)sizeof(program->node)) {
		return error_set(err, -EINVAL, "--node: longer than %d characters",
				 SUBJECT_TOKEN_MAX);
	}
	for (char *c = node; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	if (!subject_is_token(node))
		return error_set(err, -EINVAL,
				 "node name '%s': only letters, digits, '-' and '_' can be used; "
				 "choose another with --node",
				 node);
	program->options.node = node;
	return 0;
}

/* Better said at the start than by the first namespace that cannot be entered. */
static void warn_of_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data) < 0)
		return; /* then we shall see */
	if (!(data[0].effective & (1U << CAP_NET_ADMIN)) ||
	    !(data[0].effective & (1U << CAP_SYS_ADMIN)))
		log_warning("CAP_NET_ADMIN and CAP_SYS_ADMIN are needed to enter namespaces and to "
			    "program them: run as root, or by the systemd unit");
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct program *program = handle->data;

	log_info("signal %d: ending; what is programmed goes on forwarding", number);
	notify_send("STOPPING=1");
	agent_close(TAKE(program->agent));
	for (size_t i = 0; i < ARRAY_SIZE(program->signals); i++)
		uv_close((uv_handle_t *)&program->signals[i], NULL);
	uv_close((uv_handle_t *)&program->watchdog, NULL);
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	notify_send("WATCHDOG=1");
}

static void start_handles(struct program *program)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	uint64_t watchdog_ms = notify_watchdog_ms();

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		require(uv_signal_init(&program->loop, &program->signals[i]) == 0);
		program->signals[i].data = program;
		require(uv_signal_start_oneshot(&program->signals[i], on_signal, numbers[i]) == 0);
	}
	require(uv_timer_init(&program->loop, &program->watchdog) == 0);
	if (watchdog_ms > 0)
		require(uv_timer_start(&program->watchdog, on_watchdog, 0, watchdog_ms / 2) == 0);
}

static void ignore_bus(void *user, enum bus_event event, const char *sentence)
{
	(void)user;
	(void)event;
	(void)sentence;
}

/* What can be wrong with options shows when the bus is made; nothing is sent or changed. */
static int check(struct program *program, struct error *err)
{
	struct bus *bus;
	int r = bus_new(&program->loop, &program->options.bus, ignore_bus, NULL, &bus, err);

	if (r == 0)
		bus_close(bus);
	return r;
}

static int start(struct program *program, struct error *err)
{
	int r = agent_new(&program->loop, &program->options, &program->agent, err);

	if (r < 0)
		return r;
	warn_of_capabilities();
	start_handles(program);
	notify_send("READY=1");
	log_info("node=%s: looking for Networks in '%s'", program->options.node,
		 program->options.netns_dir);
	return 0;
}

static int run(struct program *program, struct error *err)
{
	int r = uv_loop_init(&program->loop);

	if (r < 0)
		return error_errno(err, r, "event loop");
	r = program->check ? check(program, err) : start(program, err);
	(void)uv_run(&program->loop, UV_RUN_DEFAULT); /* until every handle is closed */
	require(uv_loop_close(&program->loop) == 0);
	return r;
}

int main(int argc, char *given[])
{
	auto_free char **argv = conceal_arguments(argc, given); /* options point into it */
	static struct program program = {
		.options = {.netns_dir = "/run/netns", .state_dir = "/var/lib/ilb-agent"}};
	struct error err = {};

	if (!argv)
		return EXIT_FAILURE;
	read_options(&program, argc, argv);
	if (name_node(&program, &err) < 0) {
		fprintf(stderr, "ilb-agent: %s\n", err.text);
		return EXIT_USAGE;
	}
	/* Its default action would end us when a peer goes while we write. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (run(&program, &err) < 0) {
		log_err("%s", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
