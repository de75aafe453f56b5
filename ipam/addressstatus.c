/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/addressstatus.h"

#include "base/array.h"
#include "ipam/state.h"
#include "ipam/waiting.h"

static json_t *entry_status(const struct catalog *catalog, const struct object *object, size_t i,
			    bool forwarded)
{
	const struct lease *lease = object_lease(object, i);
	struct waiting waiting = {.reason = "Deleting", .message = "the object is being deleted"};
	char address[ADDRESS_TEXT_MAX];

	if (lease)
		return json_pack("{sI ss ss}", "index", (json_int_t)i, "ip",
				 address_format(&lease->block.address, address), "state",
				 forwarded ? "Programmed" : "Allocated");
	(void)waiting_explain(catalog, object, i, &waiting);
	return json_pack("{sI ss ss ss}", "index", (json_int_t)i, "state", "Pending", "reason",
			 waiting.reason, "message", waiting.message);
}

json_t *addresses_status(const struct catalog *catalog, const struct object *object,
			 const bool forwarded[static 2])
{
	json_t *list = json_array();
	char address[ADDRESS_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < object_n_sources(object); i++)
		r |= json_array_append_new(list, entry_status(catalog, object, i, forwarded[i]));
	ARRAY_FOREACH(lease, object->leases, object->n_leases) {
		if (!lease->releasing)
			continue;
		r |= json_array_append_new(
			list, json_pack("{ss ss ss}", "ip",
					address_format(&lease->block.address, address), "state",
					"Releasing", "message",
					"no longer named; given back once no node programs it"));
	}
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

void addresses_condition(const struct catalog *catalog, const struct object *object,
			 struct conditions *conditions)
{
	struct waiting waiting;

	for (size_t i = 0; i < object_n_sources(object); i++) {
		if (!waiting_explain(catalog, object, i, &waiting))
			continue;
		conditions_add(conditions, "AddressesAllocated", false, waiting.reason, "%s",
			       waiting.message);
		return;
	}
	conditions_add(conditions, "AddressesAllocated", true, "Allocated", "%s", "");
}
