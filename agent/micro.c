/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/micro.h"

#include <inttypes.h>
#include <stdio.h>

#include "messages/subjects.h"

static size_t endpoints(void *user, struct service_endpoint ret[static SERVICE_ENDPOINTS_MAX])
{
	const struct micro *micro = user;
	char subject[SUBJECT_MAX];

	ret[0] = (struct service_endpoint){
		.name = "traffic",
		.n_requests = micro->context->top_counters.n_requests,
		.n_errors = micro->context->top_counters.n_errors,
	};
	(void)snprintf(ret[0].subject, sizeof(ret[0].subject), "%s", subject_traffic(subject, "*"));
	return 1;
}

static void data(void *user, struct text *text)
{
	const struct micro *micro = user;
	size_t n_open = 0, n_refused = 0, n_unhealthy = 0;
	uint64_t n_faults = 0;

	for (const struct network *network = *micro->networks; network;
	     network = network->hh.next) {
		n_open += network->stage == NETWORK_OPEN || network->stage == NETWORK_APPLYING;
		n_refused += network->report.status->n_refused;
		n_unhealthy += network->vitals ? vitals_counts(network->vitals).n_unhealthy : 0;
	}
	for (unsigned i = 0; i < FAULT_N_KINDS; i++)
		n_faults += micro->context->faults.counts[i];
	text_addf(text,
		  "{\"networks\":%u,\"served\":%zu,\"refused\":%zu,\"unhealthyDestinations\":%zu,"
		  "\"malformed\":%" PRIu64 "}",
		  HASH_COUNT(*micro->networks), n_open, n_refused, n_unhealthy, n_faults);
}

int micro_init(struct micro *micro, const struct network_context *context,
	       struct network *const *networks, struct error *err)
{
	const struct service_options options = {
		.bus = context->bus,
		.name = "ilb-agent",
		.id = context->node,
		.description = "ILB agent of a node",
		.endpoints = endpoints,
		.data = data,
		.user = micro,
	};

	*micro = (struct micro){.context = context, .networks = networks};
	return service_new(&options, &micro->service, err);
}

void micro_deinit(struct micro *micro)
{
	service_free(TAKE(micro->service));
}
