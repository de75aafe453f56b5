/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dataplane/entries.h"

/*
 * Who of a list of changes has its turn when. The kernel knows a VIP for one LoadBalancer only, and
 * who was not told for long may hear of its old and new holder at once: so those that let go of one
 * come first, then those that exchange theirs among one another, then the others.
 */

/* Sorts the changes, and marks those that move. Return: 0, -ENOMEM. */
must_check int turns_order(struct entry_changes *changes);
