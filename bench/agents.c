/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "base/log.h"
#include "base/text.h"
#include "bench/fleet.h"

/*
 * agents URL FIRST COUNT NETWORKS: so many agents in one process, with everything that is theirs
 * but kernel, namespaces and disk (fleet_worker.c). Runs until it is killed.
 */

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	if (text_parse_u64(text, 1000000, &value) < 0) {
		(void)fprintf(stderr, "agents: '%s' is not a number\n", text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	uv_loop_t loop;

	if (argc != 5 || uv_loop_init(&loop) < 0)
		return 2;
	log_set_level(LOG_LEVEL_ERR);
	fleet_options = (struct fleet_options){.first = (unsigned)number(argv[2]),
					       .n_agents = (unsigned)number(argv[3]),
					       .n_networks = (unsigned)number(argv[4])};
	for (unsigned i = 0; i < fleet_options.n_agents; i++) {
		char *name = malloc(32);
		struct agent_options options = {.node = name, .netns_dir = "", .state_dir = "/tmp"};
		struct agent *agent;
		struct error err;

		if (!name)
			return 1;
		(void)snprintf(name, 32, "node-%u", fleet_options.first + i);
		options.bus.servers = argv[1];
		options.bus.queue = 1024; /* the default is for nodes with thousands of Networks */
		if (agent_new(&loop, &options, &agent, &err) < 0) {
			(void)fprintf(stderr, "agents: %s\n", err.text);
			return 1;
		}
	}
	return uv_run(&loop, UV_RUN_DEFAULT);
}
