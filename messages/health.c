/* SPDX-License-Identifier: Apache-2.0 */
#include "messages/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void health_free(struct health *health)
{
	if (!health)
		return;
	for (size_t i = 0; i < health->n_verdicts; i++)
		free(health->verdicts[i].reason);
	free(health->verdicts);
	free(health->node);
	free(health->net);
	free(health);
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	free(probe->net);
	free(probe->node);
	free(probe);
}

uint64_t health_check_id(const struct desired_check *check)
{
	char text[DESIRED_PATH_MAX + 64];
	uint64_t id;
	int len;

	if (!check->interval_s)
		return 0;
	len = snprintf(text, sizeof(text), "%d %u %u %u %u %u %s", check->protocol, check->port,
		       check->interval_s, check->timeout_s, check->healthy_threshold,
		       check->unhealthy_threshold, check->path ? check->path : "");
	id = hash_bytes(text, len < (int)sizeof(text) ? (size_t)len : sizeof(text) - 1);
	return id ? id : 1;
}
