/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "dataplane/slots.h"
#include "messages/desired.h"

/*
 * Where a flow will go, before a packet of it is sent: the rules of dataplane/ruleset.c followed in
 * user space, with the reason at each stage. Pure: it asks desired state, not the kernel; what is left
 * out for its health is `dead` there (messages/overlay.h).
 */

enum trace_outcome {
	TRACE_NOT_OURS,       /* the address is no VIP: routed as if ilb were not there */
	TRACE_ECHO,           /* an echo request to a VIP, answered by the node itself */
	TRACE_NOT_BALANCED,   /* a VIP, but a protocol that is not balanced: passes untouched */
	TRACE_NO_PORT,        /* refused: no listener at that port */
	TRACE_SOURCE_REFUSED, /* refused: the client is in none of sourceRanges */
	TRACE_NO_DESTINATION, /* refused: no destination of that family takes new flows */
	TRACE_FORWARDED,
};

const char *trace_outcome_name(enum trace_outcome outcome); /* "Forwarded", ... */

/* `protocol` is IANA's number; ports do not matter for ICMP and ICMPv6. */
struct trace_flow {
	struct slots_flow flow;
	uint8_t protocol;
};

struct trace {
	enum trace_outcome outcome;
	const struct desired_lb *lb;     /* whose VIP it is; NULL when TRACE_NOT_OURS */
	const struct desired_port *port; /* the listener; NULL when none matches */
	uint32_t mark;                   /* the connection's, once a listener was found */
	uint32_t slot, n_slots;          /* TRACE_FORWARDED */
	struct address destination;      /* TRACE_FORWARDED */
	uint16_t target_port;            /* TRACE_FORWARDED */
};

/*
 * Follows a flow.
 * @lbs: of one Network. Borrowed by the result.
 * Return: 0, -EINVAL (families of source and VIP differ), -ENOMEM, -ENOTSUP (as forwarding_new()).
 */
must_check int trace_flow(const struct desired_lb *const *lbs, size_t n_lbs,
			  const struct trace_flow *flow, struct trace *ret_trace,
			  struct error *err);

/*
 * Writes what happened for people: a line per stage, the last one is the outcome.
 * @health: lines of the stage between listener and slot, each with its newline; "": none.
 */
void trace_write(const struct trace *trace, const struct trace_flow *flow, const char *health,
		 struct text *text);
