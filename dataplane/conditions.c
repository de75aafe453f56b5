/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/conditions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/require.h"

static int printf_like(3, 4) add(struct status *status, const char *reason, const char *format, ...)
{
	char sentence[STATUS_SENTENCE_MAX];
	struct status_condition *condition;
	va_list args;

	require(status->n_conditions < STATUS_CONDITIONS_MAX);
	condition = ARRAY_ADD(status->conditions, status->n_conditions);
	if (!condition)
		return -ENOMEM;
	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args); /* cut at the limit */
	va_end(args);
	condition->reason = strdup(reason);
	condition->sentence = strdup(sentence);
	return condition->reason && condition->sentence ? 0 : -ENOMEM;
}

static int add_forwarding(struct status *status, const struct condition_facts *facts)
{
	bool off4 = facts->has_vips4 && !facts->settings.forwarding4;
	bool off6 = facts->has_vips6 && !facts->settings.forwarding6;

	if (!off4 && !off6)
		return 0;
	return add(status, "ForwardingDisabled",
		   "the Network's namespace does not forward%s%s%s: set%s%s to 1 there",
		   off4 ? " IPv4" : "", off4 && off6 ? " and" : "", off6 ? " IPv6" : "",
		   off4 ? " net.ipv4.ip_forward" : "",
		   !off6  ? ""
		   : off4 ? " and net.ipv6.conf.all.forwarding"
			  : " net.ipv6.conf.all.forwarding");
}

static int add_paths(struct status *status, const struct condition_facts *facts)
{
	int r = 0;

	if (facts->has_vips4 && facts->settings.strict_reverse_path)
		r = add(status, "StrictReversePath",
			"net.ipv4.conf.all.rp_filter is 1: packets that arrive by another link "
			"than their answer would take are dropped; set it to 2 in the Network's "
			"namespace");
	if (r == 0 && facts->bridge_ports && !facts->settings.bridge_netfilter)
		r = add(status, "SharedBridge",
			"clients and destinations on ports of one bridge exchange replies past "
			"the rules: give each a routed port, or load br_netfilter and set "
			"net.bridge.bridge-nf-call-iptables and -ip6tables to 1");
	if (r == 0 && *facts->route_failure)
		r = add(status, "RouteFailed", "%s; pings to that VIP may stay unanswered",
			facts->route_failure);
	return r;
}

static int add_flowtable(struct status *status, const struct condition_facts *facts)
{
	if (!facts->flowtable)
		return add(status, "FlowtableUnsupported",
			   "this kernel has no flowtables (CONFIG_NF_FLOW_TABLE and "
			   "CONFIG_NFT_FLOW_OFFLOAD): everything works, established connections "
			   "take the slower path");
	if (*facts->flowtable_failure)
		return add(status, "FlowtableFailed",
			   "%s; connections through it take the slower path",
			   facts->flowtable_failure);
	return 0;
}

static int add_conntrack(struct status *status, const struct condition_facts *facts)
{
	uint64_t count = facts->conntrack_count, max = facts->conntrack_max;
	int r = 0;

	if (max > 0 && count > max / 100 * CONDITIONS_FILL_PERCENT)
		r = add(status, "ConntrackNearlyFull",
			"%" PRIu64 " of %" PRIu64 " connection tracking entries are in use: raise "
			"net.netfilter.nf_conntrack_max on the node, or find who opens so many",
			count, max);
	if (r == 0 && *facts->conntrack_failure)
		r = add(status, "ConntrackFailed",
			"%s; flows to removed destinations may go on until they time out",
			facts->conntrack_failure);
	return r;
}

static int add_repairs(struct status *status, const struct condition_facts *facts)
{
	if (facts->n_repairs == 0)
		return 0;
	return add(status, "TableRepaired",
		   "table inet ilb was changed by '%s' and written anew, %" PRIu32
		   " times since the last change of state: keep other programs out of it "
		   "('flush ruleset' is the usual one)",
		   *facts->editor ? facts->editor : "another program", facts->n_repairs);
}

/* docs/health.md, "Dead nodes" */
static int add_source(struct status *status, const struct condition_facts *facts)
{
	if (facts->has_source || (!facts->has_vips4 && !facts->has_vips6))
		return 0;
	return add(status, "NoSourceAddress",
		   "the Network's namespace has no address that other nodes can answer "
		   "(link-local ones do not count): give lo one of the Network, routed to this "
		   "node; until then checks of machines on other nodes fail, and dead nodes are "
		   "not found from here");
}

int conditions_add(struct status *status, const struct condition_facts *facts)
{
	int r;

	r = add_forwarding(status, facts);
	if (r == 0)
		r = add_paths(status, facts);
	if (r == 0)
		r = add_source(status, facts);
	if (r == 0)
		r = add_flowtable(status, facts);
	if (r == 0)
		r = add_conntrack(status, facts);
	if (r == 0)
		r = add_repairs(status, facts);
	return r;
}
