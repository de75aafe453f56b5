/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How many agents a process of bench/fleet is, and what they host. */
struct fleet_options {
	unsigned first, n_agents, n_networks;
};
extern struct fleet_options fleet_options;
