/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/trace.h"

#include <errno.h>

#include "base/array.h"
#include "dataplane/forwarding.h"

#define PROTOCOL_ICMP   1
#define PROTOCOL_ICMPV6 58

const char *trace_outcome_name(enum trace_outcome outcome)
{
	switch (outcome) {
	case TRACE_NOT_OURS:
		return "NotOurs";
	case TRACE_ECHO:
		return "Echo";
	case TRACE_NOT_BALANCED:
		return "NotBalanced";
	case TRACE_NO_PORT:
		return "NoPort";
	case TRACE_SOURCE_REFUSED:
		return "SourceRefused";
	case TRACE_NO_DESTINATION:
		return "NoDestination";
	case TRACE_FORWARDED:
		return "Forwarded";
	}
	return "?";
}

static const char *protocol_word(uint8_t protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return "TCP";
	case PROTOCOL_UDP:
		return "UDP";
	case PROTOCOL_SCTP:
		return "SCTP";
	case PROTOCOL_ICMP:
		return "ICMP";
	case PROTOCOL_ICMPV6:
		return "ICMPv6";
	default:
		return NULL;
	}
}

static const struct desired_lb *find_lb(const struct desired_lb *const *lbs, size_t n_lbs,
					const struct address *vip)
{
	for (size_t i = 0; i < n_lbs; i++)
		for (size_t k = 0; k < lbs[i]->n_vips; k++)
			if (address_equal(&lbs[i]->vips[k], vip))
				return lbs[i];
	return NULL;
}

static const struct desired_port *find_port(const struct desired_lb *lb, uint8_t protocol,
					    uint16_t port)
{
	ARRAY_FOREACH(entry, lb->ports, lb->n_ports)
		if (entry->protocol == protocol && entry->first <= port && port <= entry->last)
			return entry;
	return NULL;
}

static bool may_use(const struct forwarding *f, const struct address *source)
{
	for (size_t i = 0; i < f->n_sources; i++)
		if (cidr_contains(&f->sources[i], source))
			return true;
	return f->n_sources == 0;
}

static bool is_echo(const struct trace_flow *flow)
{
	return flow->protocol ==
	       (flow->flow.vip.family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
}

/* The chains behind svc: restriction, slot table, translation. */
static int follow(const struct trace_flow *flow, struct trace *trace, struct error *err)
{
	auto_call(forwarding_freep) struct forwarding *f = NULL;
	enum family family = (enum family)flow->flow.vip.family;
	int r = forwarding_new(trace->lb, "", &f, err);

	if (r < 0)
		return r;
	trace->mark = forwarding_mark(f, family);
	if ((trace->mark & CLASS_SIZE_MASK) == CLASS_REFUSE) {
		trace->outcome = TRACE_NO_DESTINATION;
		return 0;
	}
	if (!may_use(f, &flow->flow.source)) {
		trace->outcome = TRACE_SOURCE_REFUSED;
		return 0;
	}
	trace->n_slots = (uint32_t)forwarding_n_slots(f, family);
	trace->slot = slots_of_flow(&flow->flow, trace->mark & CLASS_AFFINITY, f->size_index);
	trace->destination = forwarding_slot(f, family, trace->slot)->address;
	trace->target_port =
		trace->port->target == trace->port->first ? flow->flow.port : trace->port->target;
	trace->outcome = TRACE_FORWARDED;
	return 0;
}

int trace_flow(const struct desired_lb *const *lbs, size_t n_lbs, const struct trace_flow *flow,
	       struct trace *ret_trace, struct error *err)
{
	struct trace trace = {.outcome = TRACE_NOT_OURS};
	int r = 0;

	if (flow->flow.source.family != flow->flow.vip.family ||
	    flow->flow.vip.family == FAMILY_NONE)
		return error_set(err, -EINVAL, "source and VIP must be addresses of one family");
	trace.lb = find_lb(lbs, n_lbs, &flow->flow.vip);
	if (trace.lb) {
		trace.port = find_port(trace.lb, flow->protocol, flow->flow.port);
		if (is_echo(flow))
			trace.outcome = TRACE_ECHO;
		else if (flow->protocol != PROTOCOL_TCP && flow->protocol != PROTOCOL_UDP &&
			 flow->protocol != PROTOCOL_SCTP)
			trace.outcome = TRACE_NOT_BALANCED;
		else if (!trace.port)
			trace.outcome = TRACE_NO_PORT;
		else
			r = follow(flow, &trace, err);
	}
	if (r == 0)
		*ret_trace = trace;
	return r;
}

static void write_flow(const struct trace_flow *flow, struct text *text)
{
	char source[ADDRESS_TEXT_MAX], vip[ADDRESS_TEXT_MAX];
	const char *word = protocol_word(flow->protocol);

	text_addf(text, "flow: %s", word ? word : "protocol ");
	if (!word)
		text_addf(text, "%u", flow->protocol);
	(void)address_format(&flow->flow.source, source);
	(void)address_format(&flow->flow.vip, vip);
	if (flow->protocol == PROTOCOL_TCP || flow->protocol == PROTOCOL_UDP ||
	    flow->protocol == PROTOCOL_SCTP)
		text_addf(text, " from %s port %u to %s port %u\n", source, flow->flow.source_port,
			  vip, flow->flow.port);
	else
		text_addf(text, " from %s to %s\n", source, vip);
}

static const char *refusal(uint8_t protocol)
{
	return protocol == PROTOCOL_TCP ? "refused with a TCP reset"
					: "refused with port unreachable";
}

static void write_class(const struct trace *trace, struct text *text)
{
	uint8_t class = trace->mark & MARK_CLASS_MASK;

	text_addf(text, "listener: %s", protocol_word((uint8_t)trace->port->protocol));
	if (trace->port->first == trace->port->last)
		text_addf(text, " port %u", trace->port->first);
	else
		text_addf(text, " ports %u-%u", trace->port->first, trace->port->last);
	text_addf(text, ", mark 0x%x:", trace->mark);
	if ((class & CLASS_SIZE_MASK) == CLASS_REFUSE) {
		text_add(text, " no destination takes new flows\n");
		return;
	}
	text_addf(text, " %u slots", SLOTS_SIZES[class & CLASS_SIZE_MASK]);
	text_add(text, class & CLASS_AFFINITY ? ", affinity ClientIP" : "");
	text_add(text, class & CLASS_TRANSLATED ? ", ports translated" : "");
	text_add(text, class & CLASS_RESTRICTED ? ", restricted to source ranges\n" : "\n");
}

/* "healthy " where some would take flows, were they healthy. */
static const char *missed(const struct desired_lb *lb, uint8_t family)
{
	for (size_t i = 0; i < lb->n_destinations; i++) {
		const struct desired_destination *destination = &lb->destinations[i];

		if (destination->address.family == family && destination->dead &&
		    destination->weight > 0)
			return "healthy ";
	}
	return "";
}

void trace_write(const struct trace *trace, const struct trace_flow *flow, const char *health,
		 struct text *text)
{
	char address[ADDRESS_TEXT_MAX];
	const char *refused = refusal(flow->protocol);

	write_flow(flow, text);
	if (trace->lb)
		text_addf(text, "LoadBalancer: %s, number %u\n", trace->lb->name,
			  trace->lb->number);
	if (trace->lb && trace->port && trace->mark)
		write_class(trace, text);
	text_add(text, health);
	switch (trace->outcome) {
	case TRACE_NOT_OURS:
		text_add(text, "not ours: the address is no VIP of this Network, and is routed\n");
		break;
	case TRACE_ECHO:
		text_add(text, "echo: the node answers for the VIP\n");
		break;
	case TRACE_NOT_BALANCED:
		text_add(text, "not balanced: goes to the node itself, as it has no listener\n");
		break;
	case TRACE_NO_PORT:
		text_addf(text, "no listener at this port: %s\n", refused);
		break;
	case TRACE_SOURCE_REFUSED:
		text_addf(text, "the client is in none of sourceRanges: %s\n", refused);
		break;
	case TRACE_NO_DESTINATION:
		text_addf(text, "no %s%s destination: %s\n",
			  missed(trace->lb, flow->flow.vip.family),
			  family_name((enum family)flow->flow.vip.family), refused);
		break;
	case TRACE_FORWARDED:
		text_addf(text, "slot: %u of %u\n", trace->slot, trace->n_slots);
		text_addf(text, "forwarded: to %s port %u\n",
			  address_format(&trace->destination, address), trace->target_port);
		break;
	}
}
