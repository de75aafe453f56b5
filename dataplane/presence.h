/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "dataplane/link.h"

/*
 * Whether the machines of this node are there: which link leads to each, and whether it is up. The
 * kernel forgets the routes of a link that goes down, so what it said before is kept: a machine whose
 * link went down or away is absent until a route leads to it again that is as specific, or over a
 * link of the same name. One that the kernel's routes lead to another way while its link is up has
 * moved.
 *
 * A machine whose link was down already when it was first looked for is taken for present: nothing
 * says what its link is.
 */

#define PRESENCE_MAX \
	65536 /* machines of one Network on one node; further ones are taken for present */

struct presence_machine {
	struct address address;
	char device[IFNAMSIZ]; /* that leads to it; "" while not known */
	int index;             /* of the device; 0 while not known */
	uint8_t len;           /* of the route's prefix */
	bool absent;
};

struct presence {
	struct presence_machine *machines; /* by address */
	size_t n_machines;
};

/*
 * Looks after these and no others; what is known of those that stay is kept.
 * @addresses: sorted and distinct. Return: 0, -ENOMEM (as before).
 */
must_check int presence_attend(struct presence *presence, const struct address *addresses,
			       size_t n_addresses);

/*
 * Asks the kernel how things are. Costs a question for each machine.
 * @ret_changed: some are absent that were not, or the other way round.
 * Return: 0, or an errno: some are as they were known before.
 */
must_check int presence_look(struct presence *presence, struct link *link, bool *ret_changed,
			     struct error *err);

/* Those that are absent, sorted; the caller frees them. Return: 0, -ENOMEM. */
must_check int presence_list(const struct presence *presence, struct address **ret_absent,
			     size_t *ret_n_absent);

void presence_deinit(struct presence *presence);

/*
 * What one look says of one machine. Pure.
 * @route:   looked up before `devices`, so that a route that is gone with its link is not taken for
 *           one that was changed; index 0: there is none.
 * @devices: sorted by index.
 */
void presence_judge(struct presence_machine *machine, const struct link_route *route,
		    const struct link_device *devices, size_t n_devices);
