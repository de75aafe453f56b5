/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/array.h"
#include "ipam/rules.h"

/*
 * Rules of a LoadBalancer. Its type (L2, L3) is the table's. A field of a port that could not be
 * read is 0 and is left alone.
 */

#define CHECK_PATH_MAX 1024

/* L21, but for every entry: ironcore never looks at the first of a protocol. */
static void port_range_goes_upwards(struct judge *judge, const struct desired_port *port, size_t i)
{
	if (port->first && port->last && port->last < port->first)
		judge_refuse(judge, PROBLEM_FORBIDDEN, path_at("spec.ports[%zu].endPort", i).text,
			     "endPort must be >= port, %u", port->first);
}

static void port_range_is_not_translated(struct judge *judge, const struct desired_port *port,
					 size_t i)
{
	if (port->first && port->last > port->first && port->target != port->first)
		judge_refuse(judge, PROBLEM_FORBIDDEN,
			     path_at("spec.ports[%zu].targetPort", i).text,
			     "may not be combined with a range: each port of one goes to the same "
			     "port of the destination");
}

static bool ports_overlap(const struct desired_port *a, const struct desired_port *b)
{
	return a->protocol == b->protocol && a->first && b->first && a->first <= b->last &&
	       b->first <= a->last;
}

/* L20; one problem for each earlier entry that is in the way. */
static void ports_do_not_overlap(struct judge *judge, const struct lb_spec *lb, size_t i)
{
	const struct desired_port *port = &lb->ports[i];

	for (size_t j = 0; j < i; j++) {
		if (ports_overlap(&lb->ports[j], port))
			judge_refuse(judge, PROBLEM_FORBIDDEN, path_at("spec.ports[%zu]", i).text,
				     "port range [%u %u] overlaps with port range [%u %u] of "
				     "spec.ports[%zu]",
				     port->first, port->last, lb->ports[j].first, lb->ports[j].last,
				     j);
	}
}

static void check_timeout_is_less_than_its_interval(struct judge *judge,
						    const struct desired_check *check)
{
	if (check->interval_s && check->timeout_s >= check->interval_s)
		judge_refuse(judge, PROBLEM_INVALID, "spec.healthCheck.timeoutSeconds",
			     "must be less than intervalSeconds, %u: write both",
			     check->interval_s);
}

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if (!isgraph((unsigned char)*text))
			return false;
	}
	return true;
}

/* It becomes part of a request as it stands: no blanks, no control characters. */
static void check_path_is_one_of_http(struct judge *judge, const struct desired_check *check)
{
	static const char at[] = "spec.healthCheck.path";

	if (!check->interval_s || !check->path)
		return;
	if (check->protocol != CHECK_PROTOCOL_HTTP)
		judge_refuse(judge, PROBLEM_FORBIDDEN, at,
			     "is of protocol HTTP only; leave it out, or write protocol: HTTP");
	else if (check->path[0] != '/' || !is_printable(check->path))
		judge_refuse(judge, PROBLEM_INVALID, at,
			     "must begin with '/' and be printable ASCII without blanks; write "
			     "other characters as %%XX");
	else if (strlen(check->path) > CHECK_PATH_MAX)
		judge_refuse(judge, PROBLEM_INVALID, at, "must be no more than %d bytes",
			     CHECK_PATH_MAX);
}

static void source_range_has_no_host_bits(struct judge *judge, const struct cidr *range, size_t i)
{
	struct cidr masked = *range;
	char text[CIDR_TEXT_MAX];

	cidr_mask(&masked);
	if (range->address.family && cidr_has_host_bits(range))
		judge_refuse(judge, PROBLEM_INVALID, path_at("spec.sourceRanges[%zu]", i).text,
			     "has bits set behind its length; write \"%s\"",
			     cidr_format(&masked, text));
}

void rules_check_lb(struct judge *judge, const struct object *lb)
{
	const struct lb_spec *spec = &lb->lb;

	rules_check_addressing(judge, &spec->addressing);
	rules_check_selector(judge, "spec.networkInterfaceSelector", spec->selector); /* L19 */
	for (size_t i = 0; i < spec->n_ports; i++) {
		port_range_goes_upwards(judge, &spec->ports[i], i);
		port_range_is_not_translated(judge, &spec->ports[i], i);
		ports_do_not_overlap(judge, spec, i);
	}
	check_timeout_is_less_than_its_interval(judge, &spec->check);
	check_path_is_one_of_http(judge, &spec->check);
	for (size_t i = 0; i < spec->n_source_ranges; i++)
		source_range_has_no_host_bits(judge, &spec->source_ranges[i], i);
}
