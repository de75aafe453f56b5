/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/trace.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/trace_health.h"
#include "messages/subjects.h"

/* "10.0.0.1:80", "[fd00::1]:80"; a lone address has port 0. */
static int parse_endpoint(const char *option, const char *text, struct address *ret_address,
			  uint16_t *ret_port, struct error *err)
{
	char address[ADDRESS_TEXT_MAX + 1];
	const char *begin = text[0] == '[' ? text + 1 : text, *port = "0";
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
	uint64_t number = 0;

	if (!end || (text[0] != '[' && strchr(end + 1, ':'))) /* without a port */
		end = begin + strlen(begin);
	else
		port = strchr(end, ':') ? strchr(end, ':') + 1 : "0";
	(void)snprintf(address, sizeof(address), "%.*s", (int)(end - begin), begin);
	if (address_parse(address, ret_address) < 0 || text_parse_u64(port, 65535, &number) < 0)
		return error_set(err, -EINVAL,
				 "--%s '%s': must be as 10.0.0.1:8080 or [2001:db8::1]:8080",
				 option, text);
	*ret_port = (uint16_t)number;
	return 0;
}

static int parse_protocol(const char *text, enum family family, uint8_t *ret_protocol,
			  struct error *err)
{
	static const struct {
		const char *name;
		uint8_t number;
	} table[] = {{"tcp", IPPROTO_TCP},
		     {"udp", IPPROTO_UDP},
		     {"sctp", IPPROTO_SCTP},
		     {"icmp", IPPROTO_ICMP}};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!text_equal(text, table[i].name))
			continue;
		*ret_protocol = table[i].number == IPPROTO_ICMP && family == FAMILY_IPV6
					? IPPROTO_ICMPV6
					: table[i].number;
		return 0;
	}
	return error_set(err, -EINVAL, "--protocol '%s': must be tcp, udp, sctp or icmp", text);
}

static int parse_flow(const struct arguments *arguments, struct trace_flow *flow,
		      char net[static SUBJECT_TOKEN_MAX + 1], struct error *err)
{
	int r;

	if (!arguments->network || !arguments->from || !arguments->to || arguments->n_words)
		return error_set(err, -EINVAL, "trace needs --network, --from and --to");
	if (subject_net_token(arguments->name_space, arguments->network, net) < 0)
		return error_set(err, -EINVAL, "'%s' is not the name of a Network",
				 arguments->network);
	r = parse_endpoint("from", arguments->from, &flow->flow.source, &flow->flow.source_port,
			   err);
	if (r == 0)
		r = parse_endpoint("to", arguments->to, &flow->flow.vip, &flow->flow.port, err);
	if (r < 0)
		return r;
	if (flow->flow.source.family != flow->flow.vip.family)
		return error_set(err, -EINVAL, "--from and --to must be of one address family");
	return parse_protocol(arguments->protocol ?: "tcp", flow->flow.vip.family, &flow->protocol,
			      err);
}

/* Desired state as it was asked for. */
struct network {
	struct desired_lb **lbs;
	size_t n_lbs;
};

static void network_deinit(struct network *network)
{
	while (network->n_lbs)
		desired_lb_free(network->lbs[--network->n_lbs]);
	free(network->lbs);
}

static int follow(const struct network *network, const struct trace_flow *flow,
		  struct trace *ret_trace, struct error *err)
{
	return trace_flow((const struct desired_lb *const *)network->lbs, network->n_lbs, flow,
			  ret_trace, err);
}

/* What the allocators know of a LoadBalancer's health. Without it, all are as if they were healthy. */
static int overlay(struct session *session, const struct arguments *arguments,
		   struct desired_lb *lb, enum family family, struct text *text)
{
	auto_call(json_decrefp) json_t *items = json_array();
	const char *slash = strchr(lb->name, '/');
	char what[DESIRED_NAME_MAX + 64];
	struct error err = {};

	(void)snprintf(what, sizeof(what), "destinations loadbalancer=%s",
		       slash ? slash + 1 : lb->name);
	if (fetch_list(session, arguments, what, items, &err) == EXIT_DONE)
		return trace_health_apply(lb, family, items, text);
	text_addf(text, "health: not known, as if all were healthy: %s\n", err.text);
	return 0;
}

/*
 * Follows the flow, and again with the health of those that it may reach.
 * @health: gets the lines of that stage.
 */
static int follow_healthy(struct session *session, const struct arguments *arguments,
			  const struct network *network, const struct trace_flow *flow,
			  struct text *health, struct trace *ret_trace, struct error *err)
{
	int r = follow(network, flow, ret_trace, err);

	if (r < 0 || ret_trace->outcome != TRACE_FORWARDED)
		return r;
	for (size_t i = 0; i < network->n_lbs && r == 0; i++) {
		if (network->lbs[i] == ret_trace->lb)
			r = overlay(session, arguments, network->lbs[i],
				    (enum family)flow->flow.vip.family, health);
	}
	if (r < 0)
		return error_set(err, r, "out of memory");
	return follow(network, flow, ret_trace, err);
}

static int trace_and_print(struct session *session, const struct arguments *arguments,
			   const struct network *network, const struct trace_flow *flow,
			   struct error *err)
{
	auto_call(text_deinit) struct text text = {}, health = {};
	struct trace trace;
	int r = follow_healthy(session, arguments, network, flow, &health, &trace, err);

	if (r < 0)
		return r;
	trace_write(&trace, flow, health.bytes ?: "", &text);
	if (health.failed || text.failed)
		return error_set(err, -ENOMEM, "out of memory");
	printf("%s", text.bytes ?: "");
	return 0;
}

enum exit_status command_trace(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	auto_call(network_deinit) struct network network = {};
	char net[SUBJECT_TOKEN_MAX + 1];
	struct trace_flow flow = {};

	if (parse_flow(arguments, &flow, net, err) < 0)
		return EXIT_USAGE;
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0 ||
	    session_snapshot(session, net, &network.lbs, &network.n_lbs, err) < 0 ||
	    trace_and_print(session, arguments, &network, &flow, err) < 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}
