/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "ipam/rules.h"

/* Defaults that follow from other fields; constant ones stand in the table. */

static int default_namespace(struct meta *meta)
{
	if (!meta->name_space)
		meta->name_space = strdup("default");
	return meta->name_space ? 0 : -ENOMEM;
}

static void default_family_from_prefix(struct prefix_spec *spec)
{
	if (!spec->family)
		spec->family = spec->prefix.address.family;
}

static enum family family_of(const struct ip_source *ip)
{
	if (ip->literal.family)
		return ip->literal.family;
	return ip->ephemeral ? ip->ephemeral->spec.family : FAMILY_NONE;
}

/* A family that no entry tells stays none, and is then required. */
static void default_families(struct addressing *addressing)
{
	if (addressing->n_families)
		return;
	for (size_t i = 0; i < addressing->n_ips; i++) {
		if (!family_of(&addressing->ips[i]))
			return;
	}
	for (size_t i = 0; i < addressing->n_ips; i++)
		addressing->families[i] = family_of(&addressing->ips[i]);
	addressing->n_families = addressing->n_ips;
}

/*
 * A template is of the family at its place, and a single address. That of a root is left as it
 * is: it needs a prefix, and a length that nobody wrote would only make a second complaint.
 */
static void default_template(struct prefix_spec *spec, enum family family)
{
	if (!spec->family)
		spec->family = family;
	if (spec->family && !spec->prefix.address.family && !spec->length &&
	    !prefix_spec_is_root(spec))
		spec->length = (uint8_t)family_bits(spec->family);
}

static void default_addressing(struct addressing *addressing)
{
	for (size_t i = 0; i < addressing->n_ips; i++) {
		if (addressing->ips[i].ephemeral)
			default_family_from_prefix(&addressing->ips[i].ephemeral->spec);
	}
	default_families(addressing);
	for (size_t i = 0; i < addressing->n_ips; i++) {
		if (addressing->ips[i].ephemeral)
			default_template(&addressing->ips[i].ephemeral->spec,
					 i < addressing->n_families ? addressing->families[i]
								    : FAMILY_NONE);
	}
}

static void default_port(struct desired_port *port)
{
	if (!port->last)
		port->last = port->first;
	if (!port->target)
		port->target = port->first;
}

static int default_check(struct lb_spec *lb)
{
	struct desired_check *check = &lb->check;

	if (!check->interval_s)
		return 0;
	if (!check->port && lb->n_ports)
		check->port = lb->ports[0].target;
	if (check->protocol == CHECK_PROTOCOL_HTTP && !check->path) {
		check->path = strdup("/");
		return check->path ? 0 : -ENOMEM;
	}
	return 0;
}

static int default_lb(struct lb_spec *lb)
{
	default_addressing(&lb->addressing);
	ARRAY_FOREACH(port, lb->ports, lb->n_ports)
		default_port(port);
	return default_check(lb);
}

int defaults_fill(struct object *object)
{
	int r = default_namespace(&object->meta);

	if (r < 0)
		return r;
	switch (object->kind) {
	case KIND_NETWORK_INTERFACE:
		default_addressing(&object->nic.addressing);
		return 0;
	case KIND_LOAD_BALANCER:
		return default_lb(&object->lb);
	case KIND_PREFIX:
		default_family_from_prefix(&object->prefix);
		return 0;
	case KIND_NETWORK:
	case KIND_LOAD_BALANCER_ROUTING:
	case KIND_N_KINDS:
		return 0;
	}
	return 0;
}
