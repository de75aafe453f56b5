/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/surroundings.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
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

static bool can_be_source(const struct sockaddr *from)
{
	const struct sockaddr_in *in4 = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;
	struct address address;
	int r = -EINVAL;

	if (from->sa_family == AF_INET)
		r = address_from_bytes(&in4->sin_addr, sizeof(in4->sin_addr), &address);
	if (from->sa_family == AF_INET6)
		r = address_from_bytes(&in6->sin6_addr, sizeof(in6->sin6_addr), &address);
	return r == 0 && !address_why_not_host(&address);
}

/* VIPs are routes and no addresses, so they are not among these. */
static bool has_source(void)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return true; /* not known: nothing to complain of */
	for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next)
		found = one->ifa_addr && can_be_source(one->ifa_addr);
	freeifaddrs(all);
	return found;
}

void surroundings_look(struct surroundings *surroundings, uint64_t now_ms)
{
	struct condition_facts *facts = &surroundings->facts;

	surroundings->look_ms = now_ms + LOOK_MS;
	link_read_settings(&facts->settings);
	facts->has_source = has_source();
	if (conntrack_fill(&facts->conntrack_count, &facts->conntrack_max) < 0)
		facts->conntrack_count = facts->conntrack_max = 0;
}
