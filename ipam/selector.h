/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "ipam/object.h"

/*
 * Label selectors as in Kubernetes (apimachinery pkg/labels): all requirements must hold; NotIn and
 * DoesNotExist hold where the key is absent.
 */

/* NULL matches nothing, an empty selector everything. */
bool selector_matches(const struct selector *selector, const struct labels *labels);

/* True when both say the same in the same words, or both are absent. */
bool selector_equal(const struct selector *a, const struct selector *b);

/*
 * Reads the form of command lines: "app=web,tier!=db,env in (a,b),!canary".
 * Return: 0, -EINVAL with a sentence.
 */
struct error;
must_check int selector_parse(const char *text, struct selector **ret_selector, struct error *err);
