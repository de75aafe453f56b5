/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/desired.h"

#include <errno.h>
#include <string.h>

const char *protocol_name(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return "TCP";
	case PROTOCOL_UDP:
		return "UDP";
	case PROTOCOL_SCTP:
		return "SCTP";
	}
	return "?";
}

int protocol_parse(const char *name, enum protocol *ret_protocol)
{
	static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(name, protocol_name(protocols[i])) == 0) {
			*ret_protocol = protocols[i];
			return 0;
		}
	}
	return -EINVAL;
}

void desired_lb_deinit(struct desired_lb *lb)
{
	free(lb->name);
	free(lb->ports);
	for (size_t i = 0; i < lb->n_destinations; i++)
		free(lb->destinations[i].node);
	free(lb->destinations);
	free(lb->source_ranges);
	free(lb->check.path);
	*lb = (struct desired_lb){};
}

void desired_lb_free(struct desired_lb *lb)
{
	if (!lb)
		return;
	desired_lb_deinit(lb);
	free(lb);
}

void desired_free(struct desired *desired)
{
	if (!desired)
		return;
	for (size_t i = 0; i < desired->n_lbs; i++)
		desired_lb_free(desired->lbs[i]);
	free(desired->lbs);
	free(desired->removed);
	free(desired->net);
	free(desired);
}
