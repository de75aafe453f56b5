/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/traffic.h"

#include <stdlib.h>

void traffic_free(struct traffic *traffic)
{
	if (!traffic)
		return;
	for (size_t i = 0; i < traffic->n_lbs; i++) {
		free(traffic->lbs[i].name);
		free(traffic->lbs[i].destinations);
	}
	free(traffic->lbs);
	free(traffic->net);
	free(traffic);
}
