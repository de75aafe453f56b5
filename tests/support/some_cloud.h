/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ipam/catalog.h"

/*
 * Objects for tests of what stands on a catalog, made as users make them: from manifests, decided,
 * and put. Whatever fails on the way fails the test.
 */

/* Applies each document of `manifest` to the catalog as the record after `*sequence`, which counts. */
void some_cloud_apply(struct catalog *catalog, const char *manifest, uint64_t *sequence);

/* A manifest of one LoadBalancer of the Network "net"; with generation counting as it changes. */
const char *some_cloud_lb(const char *name, const char *ip, unsigned port);
