/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/schema.h"

static const struct choice types[] = {
	{"Internal", 0, NULL},
	{"Public", 0, "only \"Internal\" load balancers are served"},
	{},
};

static const struct choice protocols[] = {
	{"TCP", PROTOCOL_TCP, NULL},
	{"UDP", PROTOCOL_UDP, NULL},
	{"SCTP", PROTOCOL_SCTP, NULL},
	{},
};

static const struct choice affinities[] = {
	{"None", AFFINITY_NONE, NULL},
	{"ClientIP", AFFINITY_CLIENT_IP, NULL},
	{},
};

static const struct choice check_protocols[] = {
	{"TCP", CHECK_PROTOCOL_TCP, NULL},
	{"HTTP", CHECK_PROTOCOL_HTTP, NULL},
	{},
};

static const struct choice all_unhealthies[] = {
	{"Reject", ALL_UNHEALTHY_REJECT, NULL},
	{"FailOpen", ALL_UNHEALTHY_FAIL_OPEN, NULL},
	{},
};

static bool is_single(const void *base)
{
	const struct desired_port *port = base;

	return port->last == port->first;
}

static bool is_untranslated(const void *base)
{
	const struct desired_port *port = base;

	return port->target == port->first;
}

static const struct field port_fields[] = {
	{
		.name = "protocol",
		.type = FIELD_CHOICE,
		FIELD_AT(struct desired_port, protocol),
		.choices = protocols,
		.fallback = "TCP",
		.doc = "The transport protocol.",
	},
	{
		.name = "port",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_port, first),
		.min = 1,
		.max = 65535,
		.required = "must be between 1 and 65535",
		.doc = "The port that clients connect to, or the first of a range.",
	},
	{
		.name = "endPort",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_port, last),
		.min = 1,
		.max = 65535,
		.otherwise = "`port`",
		.is_absent = is_single,
		.doc = "The last port of a range. Each port of it goes to the same port of the "
		       "destination.",
	},
	{
		.name = "targetPort",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_port, target),
		.min = 1,
		.max = 65535,
		.otherwise = "`port`",
		.is_absent = is_untranslated,
		.doc = "The port of the destinations. Not together with a range.",
	},
	{},
};

static const struct field port_item[] = {
	{.name = "", .type = FIELD_OBJECT, .fields = port_fields, .doc = ""},
};

static bool is_unchecked(const void *base)
{
	const struct lb_spec *lb = base;

	return lb->check.interval_s == 0;
}

static const struct field check_fields[] = {
	{
		.name = "protocol",
		.type = FIELD_CHOICE,
		FIELD_AT(struct desired_check, protocol),
		.choices = check_protocols,
		.fallback = "TCP",
		.doc = "TCP: the connection is accepted. HTTP: GET is answered with 200 to 399.",
	},
	{
		.name = "port",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_check, port),
		.min = 1,
		.max = 65535,
		.otherwise = "targetPort of the first of `ports`",
		.doc = "The port of the destinations that is asked.",
	},
	{
		.name = "path",
		.type = FIELD_STRING,
		FIELD_AT(struct desired_check, path),
		.otherwise = "\"/\" for HTTP",
		.doc = "What is asked for, of HTTP only.",
	},
	{
		.name = "intervalSeconds",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_check, interval_s),
		.min = 1,
		.max = 300,
		.fallback = "5",
		.doc = "How often.",
	},
	{
		.name = "timeoutSeconds",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_check, timeout_s),
		.min = 1,
		.max = 60,
		.fallback = "3",
		.doc = "How long an answer may take; less than the interval.",
	},
	{
		.name = "healthyThreshold",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_check, healthy_threshold),
		.min = 1,
		.max = 10,
		.fallback = "2",
		.doc = "Successes in a row that make a destination healthy.",
	},
	{
		.name = "unhealthyThreshold",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct desired_check, unhealthy_threshold),
		.min = 1,
		.max = 10,
		.fallback = "3",
		.doc = "Failures in a row that make it unhealthy.",
	},
	{},
};

static const struct field source_item[] = {
	{.name = "", .type = FIELD_CIDR, .size = sizeof(struct cidr), .doc = ""},
};

const struct field schema_lb_spec[] = {
	{
		.name = "type",
		.type = FIELD_CONSTANT,
		.choices = types,
		.fallback = "Internal",
		.required = "must specify type: Internal",
		.doc = "Internal: reachable inside its Network only. Nothing else is served.",
	},
	{
		.name = "networkRef",
		.type = FIELD_OBJECT,
		FIELD_AT(struct lb_spec, addressing),
		.fields = schema_network_ref,
		.doc = "The Network it serves. Cannot be changed.",
	},
	{
		.name = "ipFamilies",
		.type = FIELD_ARRAY,
		FIELD_WITHIN(struct lb_spec, addressing, families),
		.item = schema_family_item,
		.max = 2,
		.distinct = true,
		.otherwise = "the families of `ips`",
		.doc = "IPv4, IPv6, in the order of `ips`.",
	},
	{
		.name = "ips",
		.type = FIELD_ARRAY,
		FIELD_WITHIN(struct lb_spec, addressing, ips),
		.item = schema_ip_source_item,
		.max = 2,
		.required = "name at least one address, or a Prefix to take one from",
		.doc = "The addresses that clients connect to, at most one a family.",
	},
	{
		.name = "networkInterfaceSelector",
		.type = FIELD_OPTIONAL,
		FIELD_POINTS(struct lb_spec, selector),
		.fields = schema_selector,
		.doc = "The destinations: NetworkInterfaces of the same namespace and Network "
		       "whose labels match. `{}`: all of them. Without it, the "
		       "LoadBalancerRouting of the same name decides.",
	},
	{
		.name = "ports",
		.type = FIELD_LIST,
		FIELD_ITEMS(struct lb_spec, ports),
		.item = port_item,
		.max = DESIRED_PORTS_MAX,
		.required = "name at least one port",
		.doc = "What is forwarded; everything else is refused.",
	},
	{
		.name = "sessionAffinity",
		.type = FIELD_CHOICE,
		FIELD_AT(struct lb_spec, affinity),
		.choices = affinities,
		.fallback = "None",
		.doc = "ClientIP: all connections of a client address go to one destination.",
	},
	{
		.name = "healthCheck",
		.type = FIELD_OBJECT,
		FIELD_AT(struct lb_spec, check),
		.fields = check_fields,
		.is_absent = is_unchecked,
		.doc = "How destinations are checked by the nodes that host them. Without it all "
		       "of them count as healthy.",
	},
	{
		.name = "drainSeconds",
		.type = FIELD_NUMBER,
		FIELD_SIZED(struct lb_spec, drain_s),
		.max = 3600,
		.fallback = "300",
		.doc = "How long established TCP connections of a removed destination go on.",
	},
	{
		.name = "whenAllUnhealthy",
		.type = FIELD_CHOICE,
		FIELD_AT(struct lb_spec, when_all_unhealthy),
		.choices = all_unhealthies,
		.fallback = "Reject",
		.doc = "Reject: connections are refused at once. FailOpen: they go to all "
		       "destinations, as if all were healthy.",
	},
	{
		.name = "sourceRanges",
		.type = FIELD_LIST,
		FIELD_ITEMS(struct lb_spec, source_ranges),
		.item = source_item,
		.max = DESIRED_SOURCES_MAX,
		.distinct = true,
		.otherwise = "the whole Network",
		.doc = "Who may connect.",
	},
	{},
};
