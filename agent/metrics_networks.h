/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/network.h"
#include "base/text.h"

/* The metrics of each Network of the node, METRICS_NETWORKS_MAX at most. */

/* What the loop knows. @networks: the head of the agent's. */
void metrics_networks_write(const struct network *networks, struct text *text);
/* What the kernel thread knows. */
void metrics_networks_write_kernel(const struct worker_count *count, struct text *text);
