/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ipam/object.h"

/*
 * Objects for tests in a line: what a manifest would say, without one.
 *
 *	net NAME
 *	root NAME =10.0.0.0/24 [k=v ...]
 *	child NAME SOURCE [k=v ...]
 *	nic NAME NETWORK SOURCE[,SOURCE] [k=v ...]		node=NAME is its node, weight=N its weight
 *	lb NAME NETWORK SOURCE[,SOURCE] [k=v ...]		its selector; "all" is {}, none: a routing
 *	routing NAME NETWORK ADDRESS[*WEIGHT],...
 *
 * SOURCE is a literal "10.0.0.1", "@prefix", "@prefix=10.0.0.7/32", "%k=v" (a selector) or "%" (the
 * empty one); behind "/28" the length that a child wants, "6@prefix" of IPv6, "=10.0.0.7/32" without a
 * prefix is a root.
 */
struct object *build(const char *line);
