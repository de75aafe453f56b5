/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/status.h"

void status_free(struct status *status)
{
	if (!status)
		return;
	for (size_t i = 0; i < status->n_refusals; i++)
		free(status->refusals[i].sentence);
	for (size_t i = 0; i < status->n_conditions; i++) {
		free(status->conditions[i].reason);
		free(status->conditions[i].sentence);
	}
	free(status->refusals);
	free(status->conditions);
	free(status->addresses);
	free(status->node);
	free(status->net);
	free(status);
}

void alive_free(struct alive *alive)
{
	if (!alive)
		return;
	for (size_t i = 0; i < alive->n_nets; i++)
		free(alive->nets[i]);
	free(alive->nets);
	free(alive->node);
	free(alive->version);
	free(alive);
}

void sync_free(struct sync *sync)
{
	if (!sync)
		return;
	for (size_t i = 0; i < sync->n_nets; i++)
		free(sync->nets[i].net);
	free(sync->nets);
	free(sync->node);
	free(sync);
}
