/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/presence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_devices(const void *a, const void *b)
{
	const struct link_device *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static const struct link_device *find_device(const struct link_device *devices, size_t n_devices,
					     int index)
{
	const struct link_device key = {.index = index};

	if (index == 0 || n_devices == 0)
		return NULL;
	return bsearch(&key, devices, n_devices, sizeof(*devices), compare_devices);
}

void presence_judge(struct presence_machine *machine, const struct link_route *route,
		    const struct link_device *devices, size_t n_devices)
{
	const struct link_device *via = find_device(devices, n_devices, route->index);
	const struct link_device *before = find_device(devices, n_devices, machine->index);
	bool stays = before && before->running && !machine->absent;

	if (via && (!machine->index || stays || route->len >= machine->len ||
		    strcmp(via->name, machine->device) == 0)) {
		memcpy(machine->device, via->name, sizeof(machine->device));
		machine->index = via->index;
		machine->len = route->len;
		machine->absent = !via->running;
	} else {
		machine->absent = machine->index && !stays;
	}
}

static int compare(const void *a, const void *b)
{
	const struct presence_machine *x = a, *y = b;

	return address_compare(&x->address, &y->address);
}

int presence_attend(struct presence *presence, const struct address *addresses, size_t n_addresses)
{
	size_t n = n_addresses < PRESENCE_MAX ? n_addresses : PRESENCE_MAX;
	struct presence_machine *machines = calloc(n + 1, sizeof(*machines));

	if (!machines)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct presence_machine *known = NULL;

		machines[i].address = addresses[i];
		if (presence->n_machines > 0)
			known = bsearch(&machines[i], presence->machines, presence->n_machines,
					sizeof(*machines), compare);
		if (known)
			machines[i] = *known;
	}
	free(presence->machines);
	presence->machines = machines;
	presence->n_machines = n;
	return 0;
}

static int look_up_routes(const struct presence *presence, struct link *link,
			  struct link_route *routes, struct error *err)
{
	for (size_t i = 0; i < presence->n_machines; i++) {
		int r = link_find_route(link, &presence->machines[i].address, &routes[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int presence_look(struct presence *presence, struct link *link, bool *ret_changed,
		  struct error *err)
{
	auto_free struct link_route *routes = calloc(presence->n_machines + 1, sizeof(*routes));
	auto_free struct link_device *devices = NULL;
	size_t n_devices = 0;
	int r;

	*ret_changed = false;
	if (presence->n_machines == 0)
		return 0;
	if (!routes)
		return error_set(err, -ENOMEM, "out of memory");
	r = look_up_routes(presence, link, routes, err);
	if (r == 0)
		r = link_list_devices(link, &devices, &n_devices, err);
	if (r == 0 && n_devices > 0)
		qsort(devices, n_devices, sizeof(*devices), compare_devices);
	for (size_t i = 0; i < presence->n_machines && r == 0; i++) {
		struct presence_machine *machine = &presence->machines[i];
		bool was_absent = machine->absent;

		presence_judge(machine, &routes[i], devices, n_devices);
		*ret_changed = *ret_changed || machine->absent != was_absent;
	}
	return r;
}

int presence_list(const struct presence *presence, struct address **ret_absent,
		  size_t *ret_n_absent)
{
	struct address *absent = calloc(presence->n_machines + 1, sizeof(*absent));
	size_t n = 0;

	if (!absent)
		return -ENOMEM;
	for (size_t i = 0; i < presence->n_machines; i++) {
		if (presence->machines[i].absent)
			absent[n++] = presence->machines[i].address;
	}
	*ret_absent = absent;
	*ret_n_absent = n;
	return 0;
}

void presence_deinit(struct presence *presence)
{
	free(presence->machines);
	*presence = (struct presence){};
}
