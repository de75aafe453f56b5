/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/surroundings.h"

#include <stdlib.h>

#include "dataplane/conntrack.h"

#define LOOK_MS 10000

int surroundings_init(struct surroundings *surroundings, struct error *err)
{
	int r;

	r = link_new(&surroundings->link, err);
	return r < 0 ? r : link_raise_lo(surroundings->link, err);
}

void surroundings_deinit(struct surroundings *surroundings)
{
	flowtable_forget(&surroundings->flowtable);
	link_free(TAKE(surroundings->link));
}

static bool has_bridge_ports(const struct link_device *devices, size_t n_devices)
{
	for (size_t i = 0; i < n_devices; i++) {
		size_t n_ports = 0;

		for (size_t k = 0; k < n_devices && devices[i].bridge; k++)
			n_ports += devices[k].master == devices[i].index;
		if (n_ports > 1)
			return true;
	}
	return false;
}

static int update_flowtable(struct surroundings *surroundings, struct table *table,
			    const struct link_device *devices, size_t n_devices, struct error *err)
{
	uint32_t n_runs = 0;
	int r;

	if (table->bare || !table->present)
		flowtable_forget(&surroundings->flowtable);
	table->bare = false;
	if (!table->options.flowtable || !table->present)
		return 0;
	r = flowtable_update(&surroundings->flowtable, table->nft, devices, n_devices, &n_runs,
			     err);
	table->n_runs += n_runs;
	return r;
}

void surroundings_look_at_links(struct surroundings *surroundings, struct table *table)
{
	auto_free struct link_device *devices = NULL;
	struct error err = {};
	size_t n_devices = 0;
	int r;

	r = link_list_devices(surroundings->link, &devices, &n_devices, &err);
	if (r == 0) {
		surroundings->facts.bridge_ports = has_bridge_ports(devices, n_devices);
		r = update_flowtable(surroundings, table, devices, n_devices, &err);
	}
	surroundings->flowtable_failure = r < 0 ? err : (struct error){};
}

void surroundings_look(struct surroundings *surroundings, uint64_t now_ms)
{
	struct condition_facts *facts = &surroundings->facts;

	surroundings->look_ms = now_ms + LOOK_MS;
	link_read_settings(&facts->settings);
	if (conntrack_fill(&facts->conntrack_count, &facts->conntrack_max) < 0)
		facts->conntrack_count = facts->conntrack_max = 0;
}
